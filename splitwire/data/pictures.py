"""Picture files of any kind as what a network can take: upright, in RGB, 8 bits a sample.

A camera that was held sideways says so in the file (EXIF), and browsers obey it: so do we. Samples
of 16 bits are scaled to 8, not cut off. What is transparent shows `BACKGROUND`.
"""

from functools import cache

import numpy as np
from PIL import ExifTags, Image, ImageOps

from splitwire.errors import DataError

BACKGROUND = (255, 255, 255)
"""RGB of what lies behind transparent pixels: white, as the page of a browser."""

_SIDEWAYS = (5, 6, 7, 8)  # EXIF's orientations in which width and height change places
# What Pillow knows by name and opens only with programs from elsewhere, or not at all.
_STUBS = frozenset(("BUFR", "EPS", "FITS", "GRIB", "HDF5", "MPEG", "PDF", "WMF"))


@cache
def suffixes() -> frozenset[str]:
    """Of the files that this Pillow opens: ".jpg", ".png", ".gif", ".avif", ".jp2", ".ppm", ..."""
    known = Image.registered_extensions()
    return frozenset(s for s, kind in known.items() if kind in Image.OPEN and kind not in _STUBS)


def rgb(picture: Image.Image) -> Image.Image:
    """A picture upright, in RGB: of several frames the first.

    Raises:
        DataError: its samples are floating-point numbers, whose range nobody knows.
        Exception: whatever Pillow raises of damaged files.
    """
    upright = ImageOps.exif_transpose(picture)
    if upright.mode == "F":
        raise DataError(
            "its samples are floating-point numbers of no known range: save 8 or 16 bits"
        )
    if upright.mode.startswith("I"):
        return _scaled(upright).convert("RGB")
    if upright.mode in ("RGBA", "RGBa", "LA", "La", "PA") or "transparency" in upright.info:
        seen = upright.convert("RGBA")
        behind = Image.new("RGBA", seen.size, BACKGROUND)
        return Image.alpha_composite(behind, seen).convert("RGB")
    return upright.convert("RGB")


def upright_size(picture: Image.Image) -> tuple[int, int]:
    """Width and height of a picture once it is upright; only its head is read."""
    width, height = picture.size
    sideways = picture.getexif().get(ExifTags.Base.Orientation) in _SIDEWAYS
    return (height, width) if sideways else (width, height)


def _scaled(picture: Image.Image) -> Image.Image:
    """Samples of 16 bits, 0 to 65,535, as 8 bits."""
    samples = np.asarray(picture).astype(np.int64).clip(0, 65_535)
    return Image.fromarray(((samples + 128) // 257).astype(np.uint8))
