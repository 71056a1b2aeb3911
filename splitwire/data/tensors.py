"""Files that hold tensors: NumPy's .npy and .npz, and PyTorch's .pt.

Of a file that holds several, `FILE:NAME` is one of them.
"""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from splitwire.errors import DataError, did_you_mean

_TORCH = (".pt", ".pth")
_KINDS = ".npy, .npz or .pt"


def load_tensor(name: str) -> NDArray[Any]:
    """The array in a file.

    Args:
        name: the path of a .npy, .npz or .pt file; with `:NAME`, one of the several in it.

    Raises:
        DataError: it cannot be read, holds no array, or several and no name was given.
    """
    path, wanted = _parted(name)
    try:
        data = path.read_bytes()
    except OSError as error:
        names = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        hint = did_you_mean(path.name, names)
        raise DataError(
            f"cannot read {path}: {error.strerror}{hint}; give a {_KINDS} file"
        ) from error
    try:
        found = _torch(data) if path.suffix in _TORCH else _numpy(data)
    except Exception as error:  # of any kind: what files of others hold
        said = type(error).__name__ if path.suffix in _TORCH else str(error)[:100]
        raise DataError(
            f"{path} holds no array of numbers: give a {_KINDS} file ({said})"
        ) from error
    return _one(found, path, wanted)


def load_tensors(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a .npz file by name.

    Raises:
        DataError: it cannot be read.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)
    except Exception as error:  # of any kind: what files of others hold
        raise DataError(
            f"{path} is no .npz file of arrays that can be read ({str(error)[:100]}): take it out, "
            "or save it anew"
        ) from error


def _parted(name: str) -> tuple[Path, str]:
    path, colon, wanted = name.rpartition(":")
    return (Path(path), wanted) if colon and not Path(name).exists() else (Path(name), "")


def _numpy(data: bytes) -> Any:
    if zipfile.is_zipfile(io.BytesIO(data)):
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return dict(arrays)
    return np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)


def _torch(data: bytes) -> Any:
    import torch

    from splitwire.models.arrays import array

    held = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    if isinstance(held, Mapping):
        return {key: array(value) for key, value in held.items() if torch.is_tensor(value)}
    return array(held)


def _one(found: Any, path: Path, wanted: str) -> NDArray[Any]:
    """The array that was asked for, or the only one."""
    if not isinstance(found, dict):
        if wanted:
            raise DataError(f"{path} holds one array, without a name: leave out :{wanted}")
        return np.asarray(found)
    names = list(map(str, found))
    if wanted in found:
        return np.asarray(found[wanted])
    if not names:
        raise DataError(f"{path} holds no array: give a {_KINDS} file that does")
    if wanted or len(names) != 1:
        some = ", ".join(names[:5]) + ", ..." * (len(names) > 5)
        what = f"{len(names)} arrays ({some})" if len(names) > 1 else f"one array ({some})"
        raise DataError(f"{path} holds {what}: name one, as {path}:{names[0]}")
    return np.asarray(next(iter(found.values())))
