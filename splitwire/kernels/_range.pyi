from typing import Any

import numpy.typing as npt

from splitwire.kernels.arguments import Codes
from splitwire.kernels.entropy_arguments import States

def range_encode(
    bins: npt.ArrayLike, contexts: npt.ArrayLike, states: States, seen: npt.ArrayLike = 0
) -> Codes: ...
def range_decode(
    buffer: Any, contexts: npt.ArrayLike, states: States, seen: npt.ArrayLike = 0
) -> Codes: ...
def unary_encode(symbols: npt.ArrayLike, states: States, seen: npt.ArrayLike = 0) -> Codes: ...
def unary_decode(buffer: Any, size: int, states: States, seen: npt.ArrayLike = 0) -> Codes: ...
