"""Where the parts of an attack lie in its folder."""

import io
from pathlib import Path
from urllib.parse import quote

import numpy as np

from splitwire.codecs.base import Tensor
from splitwire.models.preprocess import image

DECODER = "decoder.safetensors"


def folder(out: Path, at: str, spec: str) -> Path:
    """Where the decoder and the reconstructions of one setting lie."""
    return out / quote(f"{at}-{spec}", safe=" ,=:")


def seen_path(out: Path, at: str, spec: str, picture: str, attack: str) -> Path:
    """Where a reconstruction lies."""
    return folder(out, at, spec) / f"{quote(picture, safe=' ')}-{attack}.png"


def sent_path(out: Path, picture: str) -> Path:
    """Where a picture lies as the network saw it."""
    return out / f"{quote(picture, safe=' ')}.png"


def png(x: Tensor) -> bytes:
    """The file of a picture (channels, H, W), 0 to 255."""
    written = io.BytesIO()
    image(np.round(x)).save(written, "png")
    return written.getvalue()
