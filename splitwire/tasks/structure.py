"""What a network says of itself, and what its graph says of its outputs."""

from typing import Any

from splitwire.models.load import Model


def told(model: Model, name: str, otherwise: Any) -> Any:
    """An attribute of the network, such as `classes` or `strides`; or what holds otherwise."""
    return getattr(getattr(model.module, "network", model.module), name, otherwise)


def shapes(model: Model) -> list[tuple[int, ...]]:
    """The shapes of its outputs, in the order in which `tensors` gives them."""
    return [tuple(node.meta["val"].shape) for node in model.graph.outputs]


def picture_size(model: Model) -> tuple[int, int]:
    """Width and height of the pictures that it takes."""
    height, width = model.input_shape[2:]
    return width, height
