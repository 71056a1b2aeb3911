"""What checks are made with."""

import numpy as np

from splitwire.codecs.base import Tensor


def flipped(data: bytes, bit: int) -> bytes:
    """The bytes with one bit changed."""
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def raises(kind: type[Exception] | tuple[type[Exception], ...], act: object) -> None:
    """Assert that calling `act` raises an error of that kind."""
    assert callable(act)
    try:
        result = act()
    except kind:
        return
    raise AssertionError(f"{kind} expected, got {result!r:.80}")


def likeness(x: Tensor, y: Tensor) -> float:
    """The correlation of two tensors; 0 where one is constant."""
    a, b = (z.ravel() - z.mean(dtype=np.float64) for z in (x, y))
    power = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / power if power else 0.0
