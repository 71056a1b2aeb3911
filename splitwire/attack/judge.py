"""Another network looks at reconstructions, and says whether it recognises the picture."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, fx
from torch.nn.functional import interpolate

from splitwire.errors import ModelError
from splitwire.models.load import Model
from splitwire.tasks.classification import top_k

_TINY = 1e-10


class Judge:
    """A classifier that compares pictures by what it says of them and by its features.

    Args:
        model: the classifier. Pictures of another size than its own are scaled.

    Raises:
        ModelError: it is no classifier.
    """

    def __init__(self, model: Model) -> None:
        if len(model.output_shapes) != 1 or len(model.output_shapes[0]) != 2:
            raise ModelError(f"{model.name} is no classifier, and cannot judge: name one that is")
        self._size = model.input_shape[2:]
        graph = model.graph
        self._body = graph.between([graph.picture], (*_layers(model), *graph.outputs))

    @torch.inference_mode()
    def look(self, picture: NDArray[np.float32]) -> list[Tensor]:
        """The features of a picture (channels, H, W), 0 to 255, and last the logits."""
        x = torch.from_numpy(picture)[None]
        if x.shape[2:] != self._size:
            x = interpolate(x, self._size, mode="bilinear", antialias=True)
        seen: Sequence[Tensor] = self._body(x)
        return list(seen)


def compare(original: Sequence[Tensor], seen: Sequence[Tensor]) -> dict[str, float]:
    """What a judge makes of a reconstruction beside the picture.

    Args:
        original: what `Judge.look` gives for the picture.
        seen: for the reconstruction.

    Returns:
        `top1` and `top5`: 1 where the class that the judge sees in the picture is the first, or
        among the first five, that it sees in the reconstruction. `distance`: that of features of
        length 1 at each position, squared, the mean over positions and layers (R. Zhang et al.,
        arXiv:1801.03924, but for the weights that they learn of people).
    """
    best = int(original[-1].argmax())
    five = top_k(seen[-1][0].numpy(), 5)
    layers = zip(original[:-1], seen[:-1], strict=True)
    far = [(_unit(x) - _unit(y)).square().sum(1).mean() for x, y in layers]
    return {
        "top1": float(best == five[0]),
        "top5": float(best in five),
        "distance": float(torch.stack(far).mean()) if far else 0.0,
    }


def _unit(x: Tensor) -> Tensor:
    return x / (x.square().sum(1, keepdim=True) + _TINY).sqrt()


def _layers(model: Model) -> list[fx.Node]:
    """The last map of each size, from fine to coarse; what is of a size alone is a padded one."""
    found: dict[Any, list[fx.Node]] = {}
    work = list(accumulate(model.graph.macs))
    for node, rank in model.graph.steps:
        shape = getattr(node.meta.get("val"), "shape", ())
        if work[rank] and len(shape) == 4 and min(shape[2:]) > 1:
            found.setdefault(tuple(shape[2:]), []).append(node)
    return [nodes[-1] for nodes in found.values() if len(nodes) > 1]
