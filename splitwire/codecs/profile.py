"""What a codec learnt from calibration features: named arrays and their digest, in one file."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from splitwire.codecs.bitstream import DIGEST_BYTES
from splitwire.disk import write_whole
from splitwire.errors import ProfileError


@dataclass(frozen=True)
class Provenance:
    """What a profile was learnt on, and how. The digest of a profile does not cover it.

    Attributes:
        model: name of the network.
        weights: digest of the network and its weights.
        split: the cut point.
        settings: the codec's name, or its spec where what it learns depends on its parameters.
        crossing: which of the tensors that cross there, from 0.
        data: names of the sets of pictures.
        crops: random crops of those.
        seed: of the crops, and of the labels drawn.
        task: by which losses were judged.
        cloud: digest of the network with the cloud's layers that were tuned with it, if any were.
        architecture, rate, steps, pace, tune: of training; see train/run.py.
        photos: how many it was learnt on.
        held_out: how many others it was tried on.
        measured: what those lost and took at some settings, in words.
        half: bytes more, as a share, that it took at equal loss when learnt on half the photos.
        pictures: their fingerprints, as data/fingerprint.py makes them; none where nobody said.
    """

    model: str
    weights: str
    split: str
    settings: str
    crossing: int = 0
    data: tuple[str, ...] = ()
    crops: int = 0
    seed: int = 0
    task: str = "classification"
    cloud: str = ""
    architecture: str = ""
    rate: float = 0.0
    steps: int = 0
    pace: float = 0.0
    tune: str = ""
    photos: int = 0
    held_out: int = 0
    measured: tuple[str, ...] = ()
    half: float = 0.0
    pictures: tuple[str, ...] = ()

    @property
    def trained(self) -> bool:
        """Whether it came of training, and not of calibration alone."""
        return bool(self.architecture)

    def as_text(self) -> dict[str, str]:
        """Words by name, as a file's metadata takes them; what is at its default is left out."""
        told = {f.name: getattr(self, f.name) for f in fields(self)}
        told |= {name: _COMMA.join(told[name]) for name in ("data", "measured", "pictures")}
        kept = {"model", "weights", "split", "settings", "crossing"}
        return {name: str(value) for name, value in told.items() if value or name in kept}

    @classmethod
    def from_text(cls, told: Mapping[str, str]) -> "Provenance | None":
        """What `as_text` gave; None where it was not told.

        Raises:
            ValueError: a word that should be a number is none.
        """
        if not {"model", "weights", "split", "settings"} <= told.keys():
            return None
        known: dict[str, Any] = {f.name: f.type for f in fields(cls) if f.name in told}
        read: dict[Any, Callable[[str], Any]] = {tuple[str, ...]: _words}
        return cls(**{name: read.get(kind, kind)(told[name]) for name, kind in known.items()})


_COMMA = ", "


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(_COMMA))


@dataclass(frozen=True, eq=False)
class Profile:
    """Arrays that encoder and decoder must share. Two profiles are equal if their digests are.

    Args:
        codec: name of the codec that learnt it.
        arrays: what was learnt, by name; any shapes, integer or floating dtypes.
        path: the file it came from, if any.
        learnt: what it was learnt on; None where nobody said.
    """

    codec: str
    arrays: Mapping[str, NDArray[np.generic]]
    path: Path | None = None
    learnt: Provenance | None = None

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
            ProfileError: it holds what safetensors do not.
            StorageError: the file cannot be written.
        """
        arrays = {name: np.asarray(array, order="C") for name, array in self.arrays.items()}
        about = self.learnt.as_text() if self.learnt else {}
        meta = {**about, "codec": self.codec, "digest": self.digest}
        try:
            data = save(arrays, meta)
        except SafetensorError as error:
            raise ProfileError(f"cannot write the profile {path}: {error}") from error
        write_whole(Path(path), data)
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
            raise _unreadable(path, error) from error
        profile = cls(meta.get("codec", ""), arrays, Path(path), _provenance(path, meta))
        if meta.get("digest") != profile.digest:
            raise ProfileError(f"{path} is damaged or no profile: its digest does not match")
        return profile


def read_label(path: Path) -> tuple[str, Provenance | None]:
    """The digest that a profile's file states, and what it was learnt on: not its arrays.

    Raises:
        ProfileError: the file is missing, or is no profile.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            meta = file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise _unreadable(path, error) from error
    if "digest" not in meta:
        raise ProfileError(f"{path} is no profile: it states no digest")
    return meta["digest"], _provenance(path, meta)


def _unreadable(path: str | Path, error: Exception) -> ProfileError:
    return ProfileError(
        f"cannot read the profile {path}: {error}; give a file that `splitwire calibrate` or "
        "`train` wrote"
    )


def _provenance(path: str | Path, meta: Mapping[str, str]) -> Provenance | None:
    try:
        return Provenance.from_text(meta)
    except ValueError as error:
        raise ProfileError(f"{path} does not say what it was learnt on: {error}") from error
