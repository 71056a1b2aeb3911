from collections.abc import Sequence
from typing import Any

import numpy.typing as npt

from splitwire.kernels.arguments import Codes

def rans8_suits(counts: npt.ArrayLike) -> bool: ...
def rans8_encode(symbols: npt.ArrayLike, counts: npt.ArrayLike) -> Codes: ...
def rans8_decode(buffer: Any, shape: Sequence[int]) -> Codes: ...
