"""Each kernel beside the same work in NumPy (with `out=`) and in torch, at shapes of real features.

Run with `pytest benchmarks/test_kernels.py`; with `--benchmark-disable` each runs once. All work on
one thread, and every peer must give what the kernel gives before it is timed.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

from splitwire import kernels
from splitwire.kernels.arguments import grid

SHAPES = [(80, 14, 14), (512, 7, 7), (64, 56, 56)]
LO, HI = -3.0, 3.0
SCALE, STEP = float(np.float32(255 / (HI - LO))), float(np.float32((HI - LO) / 255))

Call = Callable[[], Any]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


class Tensors:
    """A feature tensor and all that is made of it, with memory for the results."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self.shape = shape
        self.x = np.random.default_rng(0).normal(0, 1.5, shape).astype(np.float32)
        self.q = kernels.quantize(self.x, LO, HI)
        self.nibbles = self.q >> 4
        self.packed = kernels.pack_bits(self.nibbles, 4)
        self.frame = kernels.tile(self.q)
        self.rows, self.columns = grid(*shape)
        self.some_floats, self.values = np.empty_like(self.x), np.empty_like(self.x)
        self.codes, self.mosaic = np.empty_like(self.q), np.empty_like(self.frame)
        self.places = np.full((self.rows * self.columns, *shape[1:]), 128, np.uint8)
        self.torch_places = torch.full(self.places.shape, 128, dtype=torch.uint8)


def numpy_quantize(t: Tensors, out: np.ndarray) -> np.ndarray:
    scratch = np.subtract(t.x, np.float32(LO), out=t.some_floats)
    np.multiply(scratch, np.float32(SCALE), out=scratch)
    np.rint(scratch, out=scratch)
    np.clip(scratch, 0, 255, out=scratch)
    np.copyto(out, scratch, casting="unsafe")
    return out


def numpy_dequantize(t: Tensors, q: np.ndarray) -> np.ndarray:
    np.multiply(q, np.float32(STEP), out=t.values, dtype=np.float32)
    return np.add(t.values, np.float32(LO), out=t.values)


def numpy_tile(t: Tensors, q: np.ndarray) -> np.ndarray:
    t.places[: len(q)] = q
    grid_of_maps = t.places.reshape(t.rows, t.columns, *t.shape[1:]).swapaxes(1, 2)
    t.mosaic.reshape(grid_of_maps.shape)[...] = grid_of_maps
    return t.mosaic


def numpy_untile(t: Tensors) -> np.ndarray:
    maps = t.frame.reshape(t.rows, t.shape[1], t.columns, t.shape[2]).swapaxes(1, 2)
    return maps.reshape(t.rows * t.columns, *t.shape[1:])[: t.shape[0]]


def torch_quantize(x: torch.Tensor) -> torch.Tensor:
    return x.sub(LO).mul_(SCALE).round_().clamp_(0, 255).to(torch.uint8)


def torch_dequantize(q: torch.Tensor) -> torch.Tensor:
    return q.to(torch.float32).mul_(STEP).add_(LO)


def torch_tile(t: Tensors, q: torch.Tensor) -> torch.Tensor:
    t.torch_places[: len(q)] = q
    maps = t.torch_places.reshape(t.rows, t.columns, *t.shape[1:]).transpose(1, 2)
    return maps.reshape(t.frame.shape)


def torch_untile(t: Tensors, frame: torch.Tensor) -> torch.Tensor:
    maps = frame.reshape(t.rows, t.shape[1], t.columns, t.shape[2]).transpose(1, 2)
    return maps.reshape(t.rows * t.columns, *t.shape[1:])[: t.shape[0]]


def quantize(t: Tensors) -> dict[str, Call]:
    x, zero_point = torch.from_numpy(t.x), round(-LO * SCALE)
    return {
        "splitwire": lambda: kernels.quantize(t.x, LO, HI, out=t.codes),
        "numpy": lambda: numpy_quantize(t, t.codes),
        "torch": lambda: torch_quantize(x),
        "torch.quantize_per_tensor": lambda: torch.quantize_per_tensor(
            x, STEP, zero_point, torch.quint8
        ).int_repr(),
    }


def dequantize(t: Tensors) -> dict[str, Call]:
    q = torch.from_numpy(t.q)
    return {
        "splitwire": lambda: kernels.dequantize(t.q, LO, HI, out=t.values),
        "numpy": lambda: numpy_dequantize(t, t.q),
        "torch": lambda: torch_dequantize(q),
    }


def tile(t: Tensors) -> dict[str, Call]:
    q = torch.from_numpy(t.q)
    return {
        "splitwire": lambda: kernels.tile(t.q, out=t.mosaic),
        "numpy": lambda: numpy_tile(t, t.q),
        "torch": lambda: torch_tile(t, q),
    }


def untile(t: Tensors) -> dict[str, Call]:
    frame = torch.from_numpy(t.frame)
    return {
        "splitwire": lambda: kernels.untile(t.frame, t.shape, out=t.codes),
        "numpy": lambda: numpy_untile(t),
        "torch": lambda: torch_untile(t, frame),
    }


def quantize_tile(t: Tensors) -> dict[str, Call]:
    x = torch.from_numpy(t.x)
    return {
        "splitwire": lambda: kernels.quantize_tile(t.x, LO, HI, out=t.mosaic),
        "numpy": lambda: numpy_tile(t, numpy_quantize(t, t.codes)),
        "torch": lambda: torch_tile(t, torch_quantize(x)),
    }


def dequantize_untile(t: Tensors) -> dict[str, Call]:
    frame = torch.from_numpy(t.frame)
    return {
        "splitwire": lambda: kernels.dequantize_untile(t.frame, t.shape, LO, HI, out=t.values),
        "numpy": lambda: numpy_dequantize(t, numpy_untile(t)),
        "torch": lambda: torch_dequantize(torch_untile(t, frame)),
    }


def moments(t: Tensors) -> dict[str, Call]:
    x = torch.from_numpy(t.x)
    return {
        "splitwire": lambda: kernels.moments(t.x),
        "numpy": lambda: (t.x.min(), t.x.max(), t.x.mean(), t.x.std()),
        "torch": lambda: (*x.aminmax(), *reversed(torch.std_mean(x, correction=0))),
    }


def histogram(t: Tensors) -> dict[str, Call]:
    q = torch.from_numpy(t.q).reshape(-1)
    return {
        "splitwire": lambda: kernels.histogram(t.q),
        "numpy": lambda: np.bincount(t.q.reshape(-1), minlength=256),
        "torch": lambda: torch.bincount(q, minlength=256),
    }


def pack_4_bits(t: Tensors) -> dict[str, Call]:
    flat = t.nibbles.reshape(-1)
    q = torch.from_numpy(flat)
    return {
        "splitwire": lambda: kernels.pack_bits(t.nibbles, 4),
        "numpy": lambda: flat[::2] << 4 | flat[1::2],
        "torch": lambda: q[::2] << 4 | q[1::2],
    }


def pack_3_bits(t: Tensors) -> dict[str, Call]:
    q = t.nibbles >> 1
    return {
        "splitwire": lambda: kernels.pack_bits(q, 3),
        "numpy": lambda: np.packbits(np.unpackbits(q.reshape(-1, 1), axis=1)[:, 5:]),
    }


def unpack_4_bits(t: Tensors) -> dict[str, Call]:
    packed = torch.from_numpy(t.packed)
    return {
        "splitwire": lambda: kernels.unpack_bits(t.packed, 4, t.nibbles.size),
        "numpy": lambda: np.stack([t.packed >> 4, t.packed & 15], axis=1).reshape(-1),
        "torch": lambda: torch.stack([packed >> 4, packed & 15], dim=1).reshape(-1),
    }


WORKS = [
    quantize, dequantize, tile, untile, quantize_tile, dequantize_untile, moments, histogram,
    pack_4_bits, pack_3_bits, unpack_4_bits,
]  # fmt: skip
CASES = [(work, peer) for work in WORKS for peer in work(Tensors((2, 2, 2)))]


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning")
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "x".join(map(str, shape)))
@pytest.mark.parametrize("work, peer", CASES, ids=[f"{w.__name__}-{p}" for w, p in CASES])
def test_kernel(
    benchmark: Any, work: Callable[[Tensors], dict[str, Call]], peer: str, shape: tuple[int, ...]
) -> None:
    calls = work(Tensors(shape))
    expected = np.asarray(calls["splitwire"]()).astype(np.float64)
    benchmark.group = f"{work.__name__} {'x'.join(map(str, shape))}"
    # quantize_per_tensor rounds its zero point to a code, and so is up to one code off.
    tolerance = 1 if peer == "torch.quantize_per_tensor" else 1e-6
    np.testing.assert_allclose(np.asarray(calls[peer]()), expected, rtol=1e-5, atol=tolerance)
    benchmark(calls[peer])
