"""Tensors out of files: NumPy's and PyTorch's, of which one is chosen by its name."""

from pathlib import Path

import numpy as np
import pytest
import torch

from splitwire.data.tensors import load_tensor
from splitwire.errors import DataError

X = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    np.save(tmp_path / "one.npy", X)
    np.savez(tmp_path / "one.npz", x=X)
    np.savez(tmp_path / "two.npz", x=X, y=-X)
    torch.save(torch.from_numpy(X), tmp_path / "one.pt")
    torch.save({"x": torch.from_numpy(X), "y": torch.from_numpy(-X)}, tmp_path / "two.pt")
    torch.save(torch.from_numpy(X).bfloat16(), tmp_path / "half.pth")
    return tmp_path


@pytest.mark.parametrize(
    "name", ["one.npy", "one.npz", "one.npz:x", "two.npz:x", "one.pt", "two.pt:x"]
)
def test_a_tensor_is_had_from_every_kind_of_file(files: Path, name: str) -> None:
    np.testing.assert_array_equal(load_tensor(str(files / name)), X)


def test_bfloat16_which_numpy_lacks_comes_as_float32(files: Path) -> None:
    np.testing.assert_allclose(load_tensor(str(files / "half.pth")), X, rtol=2**-8)


@pytest.mark.parametrize("name", ["two.npz", "two.pt", "two.npz:z", "one.npz:z"])
def test_of_several_one_is_to_be_named(files: Path, name: str) -> None:
    with pytest.raises(DataError, match=r"holds (2 arrays|one array) \(x.*name one, as .*:x$"):
        load_tensor(str(files / name))
