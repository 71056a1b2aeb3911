"""What an attack has to beat: pictures that take no decoder."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from splitwire.attack.decoder import Watched
from splitwire.attack.scores import psnr
from splitwire.codecs.base import Tensor
from splitwire.models.preprocess import image

_SCALES = (1, 2, 4, 8, 16)
_QUALITIES = range(1, 96)


def mean_picture(pictures: NDArray[np.uint8]) -> Tensor:
    """The mean of the eavesdropper's own pictures: a guess without listening."""
    mean: Tensor = pictures.mean(0, dtype=np.float32)
    return mean


class Nearest:
    """The eavesdropper's own picture whose decoded features are the nearest.

    Distances are Euclidean, of features over their channels' deviations.

    Args:
        watched: their own pictures and their features.
    """

    def __init__(self, watched: Watched) -> None:
        known = watched.features.astype(np.float32)
        self._scale = 1 / np.maximum(known.std((0, 2, 3), keepdims=True)[0], 1e-6)
        self._known = (known * self._scale).reshape(len(known), -1)
        self._pictures = watched.pictures

    def find(self, features: Tensor) -> Tensor:
        """The picture for features (C, H, W)."""
        far = ((self._known - (features * self._scale).ravel()) ** 2).sum(1)
        nearest: Tensor = self._pictures[far.argmin()].astype(np.float32)
        return nearest


def jpeg_of(picture: Tensor, most: int) -> Tensor | None:
    """The picture from a JPEG of no more bytes, scaled down first where that is nearer to it.

    Args:
        picture: (channels, H, W), 0 to 255.
        most: bytes.

    Returns:
        The one of the highest PSNR; None where no JPEG is as small.
    """
    whole = image(picture)
    tries = (_within(whole, scale, most) for scale in _SCALES)
    found = [x for x in tries if x is not None]
    return max(found, key=lambda seen: psnr(picture, seen), default=None)


def _within(whole: Image.Image, scale: int, most: int) -> Tensor | None:
    """The best quality at a scale that fits, found by halving; bytes grow with quality."""
    size = max(1, whole.width // scale), max(1, whole.height // scale)
    small = whole.resize(size, Image.Resampling.BOX)
    low, high = 0, len(_QUALITIES)  # of qualities that fit; that do not
    best = b""
    while high - low > 0:
        middle = (low + high) // 2
        coded = io.BytesIO()
        small.save(coded, "jpeg", quality=_QUALITIES[middle], optimize=True)
        if coded.tell() <= most:
            best, low = coded.getvalue(), middle + 1
        else:
            high = middle
    if not best:
        return None
    opened = Image.open(io.BytesIO(best)).resize(whole.size, Image.Resampling.BICUBIC)
    pixels: NDArray[np.float32] = np.asarray(opened, np.float32)
    return np.atleast_3d(pixels).transpose(2, 0, 1)
