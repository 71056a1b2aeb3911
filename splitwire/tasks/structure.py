"""What the graph of a network says of its inputs and outputs."""

from splitwire.models.load import Model


def shapes(model: Model) -> list[tuple[int, ...]]:
    """The shapes of its outputs, in the order in which `tensors` gives them."""
    return [tuple(node.meta["val"].shape) for node in model.graph.outputs]


def picture_size(model: Model) -> tuple[int, int]:
    """Width and height of the pictures that it takes."""
    height, width = model.input_shape[2:]
    return width, height
