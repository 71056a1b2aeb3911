"""Clips that are made, not filmed: a camera moves over a photo.

A window of the photo is scaled to the size of a frame, its place and side in fractions of pixels;
sensor noise may be added. Everything repeats to the bit, given the same photo and Pillow. Motion
over a flat picture lacks what films have: parallax, things that move by themselves, cuts.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

from splitwire.data.photos import SAMPLES, Photo, find_photos

MOVING = "moving"
MOVING_RATE = 25.0
"""Frames a second of moving photos."""

FRAMES = 120
_SIDE = 256  # pixels of a frame
_WINDOW = 0.55  # of the photo's short side, for pans
_PERIODS = 150.0, 230.0  # frames that a pan takes across and back, down and back
_ZOOM = 0.4, 0.95  # of the photo's short side

Motion = Literal["pan", "zoom", "still"]

# photo, motion, noise
_PACKAGED: tuple[tuple[int, Motion, float], ...] = (
    (2, "pan", 0.0),
    (6, "pan", 3.0),
    (10, "zoom", 0.0),
    (14, "still", 3.0),
)


@dataclass(frozen=True)
class MovingPhoto:
    """One such clip.

    Attributes:
        photo: what the camera sees.
        motion: "pan" (a slow curve over the photo), "zoom" (in, then out) or "still".
        noise: standard deviation of the noise in grey levels, of each colour by itself.
    """

    photo: Photo
    motion: Motion
    noise: float = 0.0

    @property
    def name(self) -> str:
        """The motion, the photo, and whether there is noise."""
        return f"{self.motion}-{self.photo.path.stem}{'-noise' * bool(self.noise)}"

    def frames(self) -> Iterator[Image.Image]:
        """120 frames of 256 by 256 pixels.

        Raises:
            DataError: the photo cannot be read.
        """
        photo = self.photo.open()
        for at in range(FRAMES):
            box = self._window(at, *photo.size)
            frame = photo.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC, box)
            yield self._noisy(frame, at) if self.noise else frame

    def _window(self, at: int, width: int, height: int) -> tuple[float, float, float, float]:
        """Left, top, right and bottom in the photo at a frame."""
        side, across, down = _WINDOW, 0.0, 0.0
        if self.motion == "pan":
            across, down = (math.sin(2 * math.pi * at / period) for period in _PERIODS)
        elif self.motion == "zoom":
            low, high = _ZOOM
            side = high - (high - low) * (0.5 - 0.5 * math.cos(2 * math.pi * at / _PERIODS[0]))
        pixels = side * min(width, height)
        left = (width - pixels) / 2 * (1 + across)
        top = (height - pixels) / 2 * (1 + down)
        return left, top, left + pixels, top + pixels

    def _noisy(self, frame: Image.Image, at: int) -> Image.Image:
        noise = np.random.default_rng(at).normal(0, self.noise, (_SIDE, _SIDE, 3))
        return Image.fromarray(np.rint(np.asarray(frame) + noise).clip(0, 255).astype(np.uint8))


def moving_photos() -> list[MovingPhoto]:
    """The clips that are packaged, each of another photo, half of them with noise."""
    photos = find_photos(SAMPLES)
    return [MovingPhoto(photos[at], motion, noise) for at, motion, noise in _PACKAGED]
