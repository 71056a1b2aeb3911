"""Fingerprints: by them the same picture is known again, under whatever name, folder or format.

Half of one is a digest of the decoded pixels, which finds copies. The other half is a perceptual
hash, which finds a photo that was compressed again or scaled: pHash, the signs of the low
frequencies of a small grey version against their median (C. Zauner, "Implementation and
Benchmarking of Perceptual Image Hash Functions", 2010). Crops are not found.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from splitwire.data.photos import Photo

ALIKE = 8
"""Of the 64 bits of two perceptual hashes, those that may differ in one and the same photo."""

_SIDE, _LOW = 32, 8  # of the small version, and how many frequencies along each side
_FLAT = 2.0  # grey levels of deviation below which there is nothing to know a picture by
_DCT = np.cos(np.pi / _SIDE * np.arange(1, _LOW + 1)[:, None] * (np.arange(_SIDE) + 0.5))


def fingerprints(photos: Iterable[Photo]) -> tuple[str, ...]:
    """Of each photo, 32 hexadecimal digits.

    Raises:
        DataError: a file is damaged.
    """
    return tuple(_of_file(photo, photo.path.stat().st_mtime_ns) for photo in photos)


def by_path(photos: Sequence[Photo]) -> dict[str, str]:
    """The same by each photo's path.

    Raises:
        DataError: a file is damaged.
    """
    return {str(p.path): of for p, of in zip(photos, fingerprints(photos), strict=True)}


def fingerprint(picture: Image.Image) -> str:
    """The first 8 bytes of SHA-256 over size and RGB samples, then the perceptual hash, in hex."""
    rgb = picture.convert("RGB")
    digest = hashlib.sha256(f"{rgb.size}".encode() + rgb.tobytes()).hexdigest()[:16]
    small = rgb.convert("L").resize((_SIDE, _SIDE), Image.Resampling.BOX)
    grey = np.asarray(small, dtype=np.float64)
    low = _DCT @ grey @ _DCT.T
    signs = low > np.median(low) if grey.std() >= _FLAT else np.zeros_like(low, bool)
    return digest + np.packbits(signs).tobytes().hex()


def shared(seen: Sequence[str], asked: Sequence[str]) -> list[tuple[int, int]]:
    """For each fingerprint asked for that is seen, its place among the seen and its own."""
    known, found = _bits(seen), []
    for at, bits in enumerate(_bits(asked)):
        same = (known[:, :64] == bits[:64]).all(axis=1)
        if bits[64:].any():  # a hash of zeros is that of a flat picture
            same |= (known[:, 64:] != bits[64:]).sum(axis=1) <= ALIKE
        if same.any():
            found.append((int(same.argmax()), at))
    return found


def _bits(prints: Sequence[str]) -> NDArray[np.uint8]:
    """(n, 128): the bits of each."""
    rows = np.frombuffer(bytes.fromhex("".join(prints)), np.uint8).reshape(-1, 16)
    return np.unpackbits(rows, axis=1)


@lru_cache(maxsize=4096)
def _of_file(photo: Photo, changed: int) -> str:
    opened = photo.load()
    return fingerprint(opened) if isinstance(opened, Image.Image) else _of_tensors(opened)


def _of_tensors(arrays: Mapping[str, NDArray[Any]]) -> str:
    """The same digest of names and bytes; a perceptual hash of zeros, as nobody sees tensors."""
    sha = hashlib.sha256()
    for name in sorted(arrays):
        sha.update(f"{name} {arrays[name].dtype} {arrays[name].shape}\n".encode())
        sha.update(arrays[name].tobytes())
    return sha.hexdigest()[:16] + "0" * 16
