"""Reading a picture file from untrusted bytes: only the format, mode and size that are expected."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from splitwire.errors import BitstreamError


def read_picture(
    payload: memoryview, format_: str, mode: str, height: int, width: int
) -> NDArray[np.uint8]:
    """The samples of a picture file: (height, width), or (height, width, 3) for mode "RGB".

    The size is checked in the file's header, before anything is allocated for its samples.

    Raises:
        BitstreamError: another format, mode or size, or a damaged file.
    """
    try:
        with Image.open(io.BytesIO(payload), formats=(format_,)) as picture:
            if picture.mode != mode or picture.size != (width, height):
                raise BitstreamError(
                    f"damaged payload: a {picture.mode} picture of {picture.size} "
                    f"instead of {mode} {(width, height)}"
                )
            return np.asarray(picture, dtype=np.uint8)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise BitstreamError(f"damaged payload: no whole {format_} picture ({error})") from error
