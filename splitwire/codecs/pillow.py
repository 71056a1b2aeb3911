"""Picture files by Pillow: written, and read from untrusted bytes.

What is read has the format, the mode and the size that are expected, and a JPEG has one scan: each
further one costs a few bytes and makes the decoder go over the whole picture again. WebP and AVIF
are not in every Pillow.
"""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, features

from splitwire.codecs.stills import avif_size, webp_size
from splitwire.errors import BitstreamError, CodecError

LONGEST_JPEG_SIDE = 65500
_START_OF_SCAN = b"\xff\xda"
_SIZES = {"WEBP": webp_size, "AVIF": avif_size}


def can_write(format_: str) -> bool:
    """Whether Pillow has that format here."""
    return format_ not in _SIZES or bool(features.check(format_.lower()))


def write_picture(
    samples: NDArray[np.uint8], format_: str, *, optimize: int = True, **options: int
) -> bytes:
    """The picture file of samples (height, width), or (height, width, 3).

    optimize: make entropy tables of its own; without, a JPEG has those of the standard.

    Raises:
        CodecError: Pillow cannot write it.
    """
    if not can_write(format_):
        raise CodecError(f"this Pillow has no {format_}: pip install -U pillow")
    picture = Image.fromarray(samples)
    for own in (
        (True, False) if optimize else (False,)
    ):  # for noise, Pillow's buffer can be too small to optimise in
        file = io.BytesIO()
        try:
            picture.save(file, format_, optimize=own, **options)
        except OSError as error:
            reason = error
        else:
            return file.getvalue()
    raise CodecError(f"cannot write a {format_} picture of {samples.shape}: {reason}") from reason


def read_picture(
    payload: memoryview, format_: str, mode: str, height: int, width: int
) -> NDArray[np.uint8]:
    """The samples of a picture file: (height, width), or (height, width, 3) for mode "RGB".

    The size is checked in the file's header, before anything is allocated for its samples.

    Raises:
        BitstreamError: another format, mode or size, or a damaged file.
    """
    if format_ == "JPEG" and bytes(payload).count(_START_OF_SCAN) != 1:
        raise BitstreamError("damaged payload: no JPEG picture of one scan")
    try:
        if format_ in _SIZES and _SIZES[format_](bytes(payload)) != (height, width):
            raise BitstreamError(f"damaged payload: a {format_} picture of another size")
        with Image.open(io.BytesIO(payload), formats=(format_,)) as picture:
            if picture.mode != mode or picture.size != (width, height):
                raise BitstreamError(
                    f"damaged payload: a {picture.mode} picture of {picture.size} "
                    f"instead of {mode} {(width, height)}"
                )
            return np.asarray(picture, dtype=np.uint8)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise BitstreamError(f"damaged payload: no whole {format_} picture ({error})") from error
