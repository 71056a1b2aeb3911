"""torchvision's segmenters, and why its detectors are refused."""

from types import ModuleType
from typing import Any

from torch import nn

from splitwire.errors import ModelError

SIDE = 520  # pixels of a photo's short side, as published with the segmenters' weights


def segmenters(torchvision: ModuleType) -> list[str]:
    """The names of torchvision's segmenters."""
    return list(torchvision.models.list_models(torchvision.models.segmentation))


def segmenter(torchvision: ModuleType, name: str, weights: Any, classes: list[str]) -> nn.Module:
    """One of them, that gives `{"out": logits}`.

    Published weights have a second head, which training alone needs: it is there for them to fit,
    and what it says is dropped, so that no graph holds it.

    Args:
        torchvision: the library.
        name: of the segmenter.
        weights: of torchvision's, or None.
        classes: what the weights' classes are called.
    """
    second = {} if name.startswith("lraspp") else {"aux_loss": True}
    network: nn.Module = torchvision.models.get_model(
        name, weights=weights, weights_backbone=None, **second
    )
    network.register_forward_hook(lambda network, inputs, output: {"out": output["out"]})
    network.classes = tuple(classes)  # type: ignore[assignment]
    return network


def refuse_detector(torchvision: ModuleType, name: str) -> None:
    """Refuse a detector of torchvision's, and say what there is instead.

    Raises:
        ModelError: it is one.
    """
    if name in torchvision.models.list_models(torchvision.models.detection):
        raise ModelError(
            f"torchvision:{name} does not export: how many boxes it keeps depends on the picture. "
            "Its backbone does, and can be cut at its pyramid: give FILE.py:make --task embedding, "
            "where make returns the network's `backbone` (docs/tasks.md#detectors-of-torchvision)"
        )
