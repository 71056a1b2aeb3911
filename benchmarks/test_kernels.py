"""Each kernel beside its peers and the same bytes moved, at shapes of real features.

Run with `pytest benchmarks/test_kernels.py`; with `--benchmark-disable` each runs once. All work on
one thread, and every peer must give what the kernel gives before it is timed. `splitwire bench`
prints the same comparisons as ratios.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from splitwire.bench.measure import SHAPES
from splitwire.bench.tensors import Tensors, installed, one_thread
from splitwire.bench.works import KINDS, Kind

SMALL = SHAPES[:-1]
PEERS = {
    "quantize": ("numpy", "torch", "torch.quantize_per_tensor", "torch.compile", "opencv", "numba"),
    "dequantize": ("numpy", "torch", "torch.compile", "opencv", "numba"),
    "quantize_tile": ("numpy", "torch", "torch.compile"),
    "dequantize_untile": ("numpy", "torch", "torch.compile"),
    "histogram": ("numpy", "torch", "numba"),
}
MODULES = {"opencv": "cv2", "numba": "numba"}
# These round a product of their own: up to one code off.
ROUGH = {"torch.quantize_per_tensor", "opencv"}


def contenders(kind: Kind) -> tuple[str, ...]:
    peers = ("numpy",) if kind.name.startswith(("pack", "unpack")) else ("numpy", "torch")
    return ("splitwire", "ideal", *PEERS.get(kind.name, peers))


CASES = [(kind, name) for kind in KINDS for name in contenders(kind)]


@pytest.fixture(autouse=True, scope="module")
def single_thread() -> Iterator[None]:
    with one_thread():
        yield


@lru_cache(maxsize=1)
def tensors(shape: tuple[int, int, int]) -> Tensors:
    return Tensors(shape)


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("kind, name", CASES, ids=[f"{k.name}-{n}" for k, n in CASES])
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "x".join(map(str, shape)))
def test_kernel(benchmark: Any, kind: Kind, name: str, shape: tuple[int, int, int]) -> None:
    if name in MODULES and installed(MODULES[name]) is None:
        pytest.skip(f"{MODULES[name]} is not installed")
    if benchmark.disabled and (name == "torch.compile" or shape not in SMALL):
        pytest.skip("takes long to prepare; run without --benchmark-disable")
    work = kind.make(tensors(shape))
    benchmark.group = f"{kind.name} {'x'.join(map(str, shape))}"
    if name != "ideal":
        expected = np.array(work["splitwire"](), np.float64)
        given = np.asarray(work[name](), np.float64)
        tolerance = 1 if name in ROUGH else 1e-6
        np.testing.assert_allclose(given, expected, rtol=1e-5, atol=tolerance)
    benchmark(work[name])
