"""What a codec learnt from calibration features: named arrays and their digest, in one file."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from splitwire.codecs.bitstream import DIGEST_BYTES
from splitwire.errors import ProfileError


@dataclass(frozen=True, eq=False)
class Profile:
    """Arrays that encoder and decoder must share. Two profiles are equal if their digests are.

    Args:
        codec: name of the codec that learnt it.
        arrays: what was learnt, by name; any shapes, integer or floating dtypes.
        path: the file it came from, if any.
        about: what it was learnt on, in words, by name. The digest does not cover it.
    """

    codec: str
    arrays: Mapping[str, NDArray[np.generic]]
    path: Path | None = None
    about: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        """The first 8 bytes, in hexadecimal, of SHA-256 over the codec's name and every array."""
        sha = hashlib.sha256(self.codec.encode())
        for name in sorted(self.arrays):
            array = np.asarray(self.arrays[name], order="C")
            little = array.astype(array.dtype.newbyteorder("<"), copy=False)
            sha.update(f"{name} {little.dtype.str} {little.shape}".encode())
            sha.update(little.tobytes())
        return sha.hexdigest()[: 2 * DIGEST_BYTES]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Profile) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"<Profile {self.digest} of {self.codec}>"

    def save(self, path: str | Path) -> "Profile":
        """Write a safetensors file (no pickle); returns this profile with that path.

        Raises:
            ProfileError: the file cannot be written.
        """
        arrays = {name: np.asarray(array, order="C") for name, array in self.arrays.items()}
        try:
            meta = {**self.about, "codec": self.codec, "digest": self.digest}
            Path(path).write_bytes(save(arrays, meta))
        except (OSError, SafetensorError) as error:
            raise ProfileError(f"cannot write the profile {path}: {error}") from error
        return replace(self, path=Path(path))

    @classmethod
    def load(cls, path: str | Path) -> "Profile":
        """Read what `save` wrote.

        Raises:
            ProfileError: the file is missing, is no profile, or does not match its digest.
        """
        try:
            with safe_open(path, framework="numpy") as file:
                meta = file.metadata() or {}
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (OSError, SafetensorError, TypeError) as error:  # TypeError: a dtype not NumPy's
            raise ProfileError(f"cannot read the profile {path}: {error}") from error
        codec, digest = meta.pop("codec", ""), meta.pop("digest", "")
        profile = cls(codec, arrays, Path(path), meta)
        if digest != profile.digest:
            raise ProfileError(f"{path} is damaged or no profile: its digest does not match")
        return profile
