"""The tensors that a benchmark runs on, with memory for the results, and the ideal to beat."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from splitwire import kernels
from splitwire.kernels import _ideal
from splitwire.kernels.arguments import Codes, Features, grid

LO, HI = -3.0, 3.0
SCALE, STEP = float(np.float32(255 / (HI - LO))), float(np.float32((HI - LO) / 255))
LINE = 64

Call = Callable[[], Any]
Work = dict[str, Call]


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold torch and OpenCV to one thread, like the kernels, and hush torch about its quantiser."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    if cv2 := installed("cv2"):
        cv2.setNumThreads(1)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "torch.quantize_per_tensor", UserWarning)
        yield
    torch.set_num_threads(threads)


@cache
def installed(module: str) -> Any:
    """The module, or None where it is not installed."""
    try:
        return import_module(module)
    except ImportError:
        return None


def aligned(shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Memory that starts on a line of the cache and is there: every page has been written."""
    size = prod(shape) * np.dtype(dtype).itemsize
    buffer = np.ones(size + LINE, np.uint8)
    start = -buffer.ctypes.data % LINE
    return buffer[start : start + size].view(dtype).reshape(shape)


class Tensors:
    """A feature tensor (C, H, W) and all that is made of it, with memory for the results."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self.shape = shape
        self.x: Features = aligned(shape, np.float32)
        np.random.default_rng(0).standard_normal(out=self.x, dtype=np.float32)
        np.clip(self.x, LO, HI, out=self.x)  # OpenCV takes the magnitude of what is below
        self.q: Codes = aligned(shape, np.uint8)
        kernels.quantize(self.x, LO, HI, out=self.q)
        self.frame = kernels.tile(self.q)
        self.rows, self.columns = grid(*shape)
        self.values: Features = aligned(shape, np.float32)
        self.codes: Codes = aligned(shape, np.uint8)
        self.mosaic = np.ones_like(self.frame)

    def maps(self, frame: Any) -> Any:
        """A frame's view with axes (grid row, grid column, height, width), in any library."""
        view = frame.reshape(self.rows, self.shape[1], self.columns, self.shape[2])
        return view.swapaxes(1, 2)

    def ideal(self, source: npt.NDArray[Any], out: npt.NDArray[Any], ratio: "Ratio") -> Call:
        """The call that moves as many bytes, streamed where a kernel would."""
        stream = source.nbytes * (ratio.reads + ratio.writes) >= _ideal.STREAM_BYTES * ratio.reads
        reading, writing = (a.reshape(-1).view(np.uint8) for a in (source, out))
        return partial(_ideal.move, reading, writing, ratio.reads, ratio.writes, stream)


@dataclass(frozen=True)
class Ratio:
    """Vectors read for vectors written."""

    reads: int
    writes: int
