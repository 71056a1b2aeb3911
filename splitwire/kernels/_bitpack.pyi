from typing import Any

import numpy.typing as npt

from splitwire.kernels.arguments import Codes

def pack_bits(q: npt.ArrayLike, bits: int) -> Codes: ...
def unpack_bits(buffer: Any, bits: int, size: int) -> Codes: ...
