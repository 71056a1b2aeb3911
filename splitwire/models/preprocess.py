"""From a photo to the pixels that a network takes."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from splitwire.errors import DataError, ModelError

VIEWS = 10


@dataclass(frozen=True)
class Preprocess:
    """How a network wants its pictures; lengths in pixels, mean and deviation on the 0-255 scale.

    Three means and deviations are of red, green and blue; of one alone, pictures are grey.
    `crop` is what is cut from the photo, the side of a square or a pair (height, width). The photo
    is scaled first, until it just covers the crop enlarged by resize / min(crop): for a square,
    until its short side is `resize`. With a `resize` of None the whole photo is scaled to `crop`,
    whatever its shape. `interpolation` is one of Pillow's filters ("bilinear", "bicubic", ...).
    Raises `ModelError` for values that no picture can be made with.
    """

    held: ClassVar[type[np.generic]] = np.uint8
    """As what pictures can be kept: they are whole numbers, 0 to 255."""
    crop: int | tuple[int, int]
    resize: int | None
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str

    def __post_init__(self) -> None:
        """Refuse what would fail only at the first picture."""
        most = math.inf if self.resize is None else self.resize
        if len(self.size) != 2 or not 0 < min(self.size) <= most:
            raise ModelError(
                f"preprocessing crops {self.crop} pixels out of {self.resize}: crop is a side or a "
                "(height, width) pair, and its shorter side at least 1 and at most resize"
            )
        if (len(self.mean), len(self.std)) not in ((1, 1), (3, 3)) or min(self.std) <= 0:
            raise ModelError(
                "preprocessing needs three means and three positive deviations, or one of each for "
                "grey pictures"
            )
        if self.interpolation.upper() not in Image.Resampling.__members__:
            known = ", ".join(Image.Resampling.__members__).lower()
            raise ModelError(f"unknown interpolation {self.interpolation!r}; there are: {known}")

    @property
    def channels(self) -> int:
        """Of the pictures: 3, or 1 where they are grey."""
        return len(self.mean)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of what the network takes: (channels, H, W)."""
        return (self.channels, *self.size)

    @property
    def size(self) -> tuple[int, int]:
        """The height and width of the pictures."""
        return (self.crop, self.crop) if isinstance(self.crop, int) else self.crop

    def picture(self, photo: object, view: int = 0) -> NDArray[np.float32]:
        """One of the ten fixed views of `photo`: float32 (channels, H, W) of `size`, integers 0 to
        255.

        View 0 is the centre crop, 1 to 4 the corners (top left, top right, bottom left, bottom
        right), 5 to 9 the mirror images of 0 to 4: the ten crops of Krizhevsky et al. (2012). Where
        the whole photo is taken all five are the same. Raises `DataError` for any other view, and
        for tensors.
        """
        if not isinstance(photo, Image.Image):
            raise DataError("tensors by name, and the network takes pictures: give files of those")
        if view not in range(VIEWS):
            raise DataError(f"there is no view {view}: a photo has views 0 to {VIEWS - 1}")
        scaled = self._scaled(*photo.size)
        coloured = photo.convert("RGB" if self.channels == 3 else "L")
        resized = coloured.resize(scaled, Image.Resampling[self.interpolation.upper()])
        pixels = np.asarray(resized.crop(self._cut(scaled, view)), np.float32)
        pixels = pixels.reshape(*self.size, self.channels)
        seen = pixels[:, ::-1] if view >= 5 else pixels
        return np.ascontiguousarray(seen.transpose(2, 0, 1))

    def window(self, size: tuple[float, float], view: int = 0) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of a view, as fractions of a photo of a width and a height.

        Views 5 to 9 are the mirror images of what lies there.
        """
        width, height = self._scaled(*map(round, size))
        left, top, right, bottom = self._cut((width, height), view)
        return left / width, top / height, right / width, bottom / height

    def _cut(self, scaled: tuple[int, int], view: int) -> tuple[int, int, int, int]:
        """Left, top, right and bottom of a view in the scaled photo."""
        height, width = self.size
        right, below = scaled[0] - width, scaled[1] - height
        corners = [(round(right / 2), round(below / 2)), (0, 0), (right, 0), (0, below)]
        x, y = [*corners, (right, below)][view % 5]
        return x, y, x + width, y + height

    def _scaled(self, photo_width: int, photo_height: int) -> tuple[int, int]:
        """The width and height that a photo is scaled to, in whole numbers.

        The side that is the shorter one, counted in sides of the crop, decides.
        """
        height, width = self.size
        if self.resize is None:
            return width, height
        tall = photo_height * width > photo_width * height
        side, photo_side = (width, photo_width) if tall else (height, photo_height)
        over, under = self.resize * side, min(height, width) * photo_side
        return over * photo_width // under, over * photo_height // under


def image(x: NDArray[np.number[Any]]) -> Image.Image:
    """The picture that a network takes, (channels, H, W) of 0 to 255, to be looked at."""
    samples = x.astype(np.uint8)
    return Image.fromarray(samples[0] if len(samples) == 1 else samples.transpose(1, 2, 0))


IMAGENET = Preprocess(224, 256, (123.675, 116.28, 103.53), (58.395, 57.12, 57.375), "bilinear")
