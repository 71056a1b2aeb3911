from collections.abc import Sequence

import numpy.typing as npt

from splitwire.kernels.arguments import Codes, Features

def quantize(
    x: npt.ArrayLike,
    lo: npt.ArrayLike,
    hi: npt.ArrayLike,
    bits: int = 8,
    out: Codes | None = None,
) -> Codes: ...
def dequantize(
    q: npt.ArrayLike,
    lo: npt.ArrayLike,
    hi: npt.ArrayLike,
    bits: int = 8,
    out: Features | None = None,
) -> Features: ...
def quantize_tile(
    x: npt.ArrayLike,
    lo: npt.ArrayLike,
    hi: npt.ArrayLike,
    bits: int = 8,
    block: int = 1,
    out: Codes | None = None,
) -> Codes: ...
def dequantize_untile(
    frame: npt.ArrayLike,
    shape: Sequence[int],
    lo: npt.ArrayLike,
    hi: npt.ArrayLike,
    bits: int = 8,
    out: Features | None = None,
) -> Features: ...
