"""What training sees: features at a cut, computed once, and the output that belongs to each.

Pictures are held out for validation by original (data/holding.py).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import Tensor, fx, nn

from splitwire.codecs.base import Tensor as Array
from splitwire.data.holding import hold_out, originals
from splitwire.data.photos import Photo
from splitwire.disk import write_whole
from splitwire.errors import TrainingError
from splitwire.models.load import Model
from splitwire.models.split import Cloud, Split, split
from splitwire.train.folding import fold

BATCH = 16  # the graphs are made for it
_HELD_OUT = 10  # of so many originals, one


@dataclass(frozen=True, eq=False)
class Features:
    """Features and outputs of crops.

    Attributes:
        x: float16 (N, C, H, W).
        reference: float16 (N, classes), the logarithms of the network's own probabilities.
    """

    x: Tensor
    reference: Tensor

    def save(self, path: Path, about: dict[str, str]) -> None:
        """Write both as safetensors, with words on what they are of.

        Raises:
            StorageError: they cannot be written.
        """
        both = {"x": self.x, "reference": self.reference}
        write_whole(path, safetensors.torch.save(both, about))

    @classmethod
    def load(cls, path: Path, about: dict[str, str]) -> "Features":
        """Read what `save` wrote with the same words.

        Raises:
            TrainingError: the file is damaged, or of something else.
        """
        try:
            with safetensors.safe_open(path, framework="pt") as file:
                features = cls(file.get_tensor("x"), file.get_tensor("reference"))
                found = file.metadata()
        except (OSError, safetensors.SafetensorError) as error:
            raise TrainingError(f"{path} holds no features: delete it ({error})") from error
        if found != about:
            raise TrainingError(f"{path} holds features of something else: give another folder")
        return features

    def first(self, count: int) -> "Features":
        """The first so many."""
        return Features(self.x[:count], self.reference[:count])

    def batches(self) -> Iterable[tuple[Tensor, Tensor]]:
        """All of it in order, in whole batches."""
        return zip(torch.split(self.x, BATCH), torch.split(self.reference, BATCH), strict=True)


def batched(model: Model) -> Model:
    """The same network, on batches."""
    return replace(model, input_shape=(BATCH, *model.input_shape[1:]))


class Halves:
    """The two halves of a network for batches of `BATCH`, on a device, folded where they can be.

    Args:
        model: made for such batches; see `batched`.
        at: the cut point.
        device: where both run.

    Raises:
        TrainingError: more than one tensor crosses there, or one of another rank than three.
    """

    def __init__(self, model: Model, at: str, device: torch.device) -> None:
        cut = split(model, at)
        if len(cut.crossings) != 1 or len(cut.crossings[0].shape) != 4:
            raise TrainingError(f"{model.name} sends no single map C×H×W at {at}: cut elsewhere")
        channels, height, width = cut.crossings[0].shape[1:]
        self.shape = channels, height, width
        self.device = device
        assert isinstance(cut.edge, fx.GraphModule)
        self._edge = fold(cut.edge).to(device)
        self._cloud = nn.Module.to(_folded_cloud(cut), device)

    def features(self, pictures: Tensor) -> Tensor:
        """What crosses for pixels (BATCH, 3, S, S)."""
        x: Tensor
        (x,) = self._edge(pictures.to(self.device, memory_format=torch.channels_last))
        return x

    def log_probabilities(self, x: Tensor) -> Tensor:
        """The output's (BATCH, classes) for features.

        Raises:
            TrainingError: the output is no row of logits.
        """
        output = self._cloud(x.contiguous(memory_format=torch.channels_last))
        if not isinstance(output, Tensor) or output.ndim != 2:
            raise TrainingError(
                "the output is no row of logits: only classifiers can be trained for"
            )
        return output.float().log_softmax(1)

    @torch.no_grad()
    def watch(self, pictures: Iterable[Array]) -> Features:
        """The features of pixels float32 (3, H, W), a multiple of `BATCH` of them."""
        xs, references, waiting = [], [], []
        for crop in pictures:
            waiting.append(crop)
            if len(waiting) == BATCH:
                x = self.features(torch.from_numpy(np.stack(waiting)))
                xs.append(x.half().cpu())
                references.append(self.log_probabilities(x).half().cpu())
                waiting = []
        return Features(torch.cat(xs).contiguous(), torch.cat(references))


def held_out(photos: Sequence[Photo]) -> tuple[list[Photo], list[Photo]]:
    """The photos to train on, and those of every tenth original to validate on.

    Raises:
        TrainingError: there are fewer than ten originals.
    """
    if (count := len(originals(photos))) < _HELD_OUT:
        raise TrainingError(
            f"{count} pictures are too few to train and to validate on: give {_HELD_OUT} or more"
        )
    return hold_out(photos, _HELD_OUT)


def gradients(halves: Halves, features: Features, seed: int) -> Array:
    """Of the log-probability of a label drawn for each tensor, as calibration takes them."""
    random, rows = torch.Generator().manual_seed(seed), []
    for half, reference in features.batches():
        labels = torch.multinomial(reference.float().exp(), 1, generator=random).to(halves.device)
        x = half.float().to(halves.device).requires_grad_(True)
        chosen = halves.log_probabilities(x).gather(1, labels)
        rows.append(torch.autograd.grad(chosen.sum(), x)[0].cpu())
    return torch.cat(rows).numpy()


def _folded_cloud(cut: Split) -> nn.Module:
    assert isinstance(cut.cloud, Cloud) and isinstance(cut.cloud.body, fx.GraphModule)
    return Cloud(fold(cut.cloud.body), cut.cloud.structure)
