"""What a benchmark runs: each kernel, the same work by its peers, and the same bytes moved.

A work is a dictionary of calls, "splitwire" first and "ideal" second. All write to memory that is
there already, where they can, and give the same result. Peers that are not installed are left out.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from splitwire import kernels
from splitwire.bench.tensors import (
    HI,
    LO,
    SCALE,
    STEP,
    Ratio,
    Tensors,
    Work,
    aligned,
    installed,
)
from splitwire.kernels.arguments import Codes, Features


def _numpy_quantize(t: Tensors) -> Codes:
    scratch = np.subtract(t.x, np.float32(LO), out=t.values)
    np.multiply(scratch, np.float32(SCALE), out=scratch)
    np.rint(scratch, out=scratch)
    np.clip(scratch, 0, 255, out=scratch)
    np.copyto(t.codes, scratch, casting="unsafe")
    return t.codes


def _numpy_dequantize(t: Tensors, q: Codes) -> Features:
    np.multiply(q, np.float32(STEP), out=t.values, dtype=np.float32)
    return np.add(t.values, np.float32(LO), out=t.values)


def _numpy_tile(t: Tensors, q: Codes) -> Codes:
    places = np.full((t.rows * t.columns, *t.shape[1:]), 128, np.uint8)
    places[: len(q)] = q
    t.maps(t.mosaic)[...] = places.reshape(t.rows, t.columns, *t.shape[1:])
    return t.mosaic


def _untile(t: Tensors, frame: Any) -> Any:
    return t.maps(frame).reshape(t.rows * t.columns, *t.shape[1:])[: t.shape[0]]


def _torch_quantize(x: torch.Tensor) -> torch.Tensor:
    return x.sub(LO).mul_(SCALE).round_().clamp_(0, 255).to(torch.uint8)


def _torch_dequantize(q: torch.Tensor) -> torch.Tensor:
    return q.to(torch.float32).mul_(STEP).add_(LO)


def _torch_tile(t: Tensors, q: torch.Tensor) -> torch.Tensor:
    places = torch.full((t.rows * t.columns, *t.shape[1:]), 128, dtype=torch.uint8)
    places[: t.shape[0]] = q
    maps = places.reshape(t.rows, t.columns, *t.shape[1:]).swapaxes(1, 2)
    return maps.reshape(t.frame.shape)


def _compiled(function: Callable[..., Any], *inputs: Any) -> Work:
    """The function through torch.compile, for this shape alone; it compiles at the first call."""
    torch.compiler.reset()  # else the shapes measured before make it compile for any
    run = torch.compile(function, dynamic=False)
    return {"torch.compile": lambda: run(*inputs)}


@cache
def _numba_loops() -> dict[str, Any]:
    """The loops that a user of numba would write, by name; none without numba."""
    numba = installed("numba")
    if numba is None:
        return {}

    def quantize(x: Any, lo: Any, scale: Any, out: Any) -> None:
        for i in range(x.size):
            out[i] = np.uint8(
                min(max(np.rint((x[i] - lo) * scale), np.float32(0)), np.float32(255))
            )

    def dequantize(q: Any, lo: Any, step: Any, out: Any) -> None:
        for i in range(q.size):
            out[i] = lo + np.float32(q[i]) * step

    def histogram(q: Any) -> Any:
        counts = np.zeros(256, np.int64)
        for i in range(q.size):
            counts[q[i]] += 1
        return counts

    return {f.__name__: numba.njit(f) for f in (quantize, dequantize, histogram)}


def _with_numba(name: str, *inputs: Any, gives: npt.NDArray[Any] | None = None) -> Work:
    loop = _numba_loops().get(name)
    if loop is None:
        return {}

    def call() -> Any:
        result = loop(*inputs)
        return result if gives is None else gives

    return {"numba": call}


def _quantize(t: Tensors) -> Work:
    x, zero_point, cv2 = torch.from_numpy(t.x), round(-LO * SCALE), installed("cv2")
    planes, codes = t.x.reshape(len(t.x), -1), t.codes.reshape(len(t.x), -1)
    work: Work = {
        "splitwire": lambda: kernels.quantize(t.x, LO, HI, out=t.codes),
        "ideal": t.ideal(t.x, t.codes, Ratio(4, 1)),
        "numpy": lambda: _numpy_quantize(t),
        "torch": lambda: _torch_quantize(x),
        "torch.quantize_per_tensor": lambda: torch.quantize_per_tensor(
            x, STEP, zero_point, torch.quint8
        ).int_repr(),
        **_compiled(_torch_quantize, x),
        **_with_numba(
            "quantize", t.x.reshape(-1), np.float32(LO), np.float32(SCALE), t.codes.reshape(-1),
            gives=t.codes,
        ),
    }  # fmt: skip
    if cv2:
        work["opencv"] = lambda: cv2.convertScaleAbs(planes, codes, SCALE, -LO * SCALE).reshape(
            t.shape
        )
    return work


def _dequantize(t: Tensors) -> Work:
    q, cv2 = torch.from_numpy(t.q), installed("cv2")
    planes, values = t.q.reshape(len(t.q), -1), t.values.reshape(len(t.q), -1)
    table = kernels.dequantize(np.arange(256, dtype=np.uint8), LO, HI)
    work: Work = {
        "splitwire": lambda: kernels.dequantize(t.q, LO, HI, out=t.values),
        "ideal": t.ideal(t.q, t.values, Ratio(1, 4)),
        "numpy": lambda: _numpy_dequantize(t, t.q),
        "torch": lambda: _torch_dequantize(q),
        **_compiled(_torch_dequantize, q),
        **_with_numba(
            "dequantize", t.q.reshape(-1), np.float32(LO), np.float32(STEP), t.values.reshape(-1),
            gives=t.values,
        ),
    }  # fmt: skip
    if cv2:
        work["opencv"] = lambda: cv2.LUT(planes, table, values).reshape(t.shape)
    return work


def _tile(t: Tensors) -> Work:
    q = torch.from_numpy(t.q)
    return {
        "splitwire": lambda: kernels.tile(t.q, out=t.mosaic),
        "ideal": t.ideal(t.q, t.codes, Ratio(4, 4)),
        "numpy": lambda: _numpy_tile(t, t.q),
        "torch": lambda: _torch_tile(t, q),
    }


def _untile_maps(t: Tensors) -> Work:
    frame = torch.from_numpy(t.frame)
    return {
        "splitwire": lambda: kernels.untile(t.frame, t.shape, out=t.codes),
        "ideal": t.ideal(t.q, t.codes, Ratio(4, 4)),
        "numpy": lambda: _untile(t, t.frame),
        "torch": lambda: _untile(t, frame),
    }


def _quantize_tile(t: Tensors) -> Work:
    x = torch.from_numpy(t.x)
    return {
        "splitwire": lambda: kernels.quantize_tile(t.x, LO, HI, out=t.mosaic),
        "ideal": t.ideal(t.x, t.codes, Ratio(4, 1)),
        "numpy": lambda: _numpy_tile(t, _numpy_quantize(t)),
        "torch": lambda: _torch_tile(t, _torch_quantize(x)),
        **_compiled(lambda x: _torch_tile(t, _torch_quantize(x)), x),
    }


def _dequantize_untile(t: Tensors) -> Work:
    frame = torch.from_numpy(t.frame)
    return {
        "splitwire": lambda: kernels.dequantize_untile(t.frame, t.shape, LO, HI, out=t.values),
        "ideal": t.ideal(t.q, t.values, Ratio(1, 4)),
        "numpy": lambda: _numpy_dequantize(t, _untile(t, t.frame)),
        "torch": lambda: _torch_dequantize(_untile(t, frame)),
        **_compiled(lambda frame: _torch_dequantize(_untile(t, frame)), frame),
    }


def _moments(t: Tensors) -> Work:
    x = torch.from_numpy(t.x)
    return {
        "splitwire": lambda: kernels.moments(t.x),
        "ideal": t.ideal(t.x, t.codes, Ratio(4, 0)),
        "numpy": lambda: (t.x.min(), t.x.max(), t.x.mean(), t.x.std()),
        "torch": lambda: (*x.aminmax(), *reversed(torch.std_mean(x, correction=0))),
    }


def _histogram(t: Tensors) -> Work:
    flat = t.q.reshape(-1)
    q = torch.from_numpy(flat)
    return {
        "splitwire": lambda: kernels.histogram(t.q),
        "ideal": t.ideal(t.q, t.codes, Ratio(4, 0)),
        "numpy": lambda: np.bincount(flat, minlength=256),
        "torch": lambda: torch.bincount(q, minlength=256),
        **_with_numba("histogram", flat),
    }


def _pack(t: Tensors, bits: int) -> Work:
    q: Codes = aligned((t.q.size,), np.uint8)
    np.right_shift(t.q.reshape(-1), 8 - bits, out=q)
    return {
        "splitwire": lambda: kernels.pack_bits(q, bits),
        "ideal": t.ideal(q, t.codes, Ratio(8, bits)),
        "numpy": lambda: np.packbits(np.unpackbits(q.reshape(-1, 1), axis=1)[:, 8 - bits :]),
    }


def _unpack(t: Tensors, bits: int) -> Work:
    size = t.q.size
    packed = kernels.pack_bits(t.q.reshape(-1) >> (8 - bits), bits)

    def numpy_unpack() -> Codes:
        wide = np.zeros((size, 8), np.uint8)
        wide[:, 8 - bits :] = np.unpackbits(packed)[: size * bits].reshape(size, bits)
        return np.packbits(wide, axis=1).reshape(-1)

    return {
        "splitwire": lambda: kernels.unpack_bits(packed, bits, size),
        "ideal": t.ideal(packed, t.codes, Ratio(bits, 8)),
        "numpy": numpy_unpack,
    }


@dataclass(frozen=True)
class Kind:
    """A kernel to measure: its name, how its calls are made and the bytes it moves an element."""

    name: str
    make: Callable[[Tensors], Work]
    bytes_per_element: float


KINDS = (
    Kind("quantize", _quantize, 5),
    Kind("quantize_tile", _quantize_tile, 5),
    Kind("dequantize", _dequantize, 5),
    Kind("dequantize_untile", _dequantize_untile, 5),
    Kind("tile", _tile, 2),
    Kind("untile", _untile_maps, 2),
    Kind("moments", _moments, 4),
    Kind("histogram", _histogram, 1),
    *(Kind(f"pack {b}", lambda t, b=b: _pack(t, b), 1 + b / 8) for b in (1, 3, 4, 5)),  # type: ignore[misc]
    *(Kind(f"unpack {b}", lambda t, b=b: _unpack(t, b), 1 + b / 8) for b in (1, 3, 4, 5)),  # type: ignore[misc]
)
