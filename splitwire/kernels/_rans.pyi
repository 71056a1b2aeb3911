from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from splitwire.kernels.arguments import Codes
from splitwire.kernels.entropy_arguments import Words

def rans_frequencies(counts: npt.ArrayLike) -> Words: ...
def pack_frequencies(counts: npt.ArrayLike) -> Codes: ...
def unpack_frequencies(buffer: Any, symbols: int) -> Words: ...
def rans_encode(
    symbols: npt.ArrayLike, frequencies: npt.ArrayLike, tables: npt.ArrayLike | None = None
) -> Codes: ...
def rans_encode_streams(
    symbols: npt.ArrayLike, frequencies: npt.ArrayLike, tables: npt.ArrayLike | None = None
) -> tuple[Codes, npt.NDArray[np.int64]]: ...
def rans_decode(
    buffer: Any,
    frequencies: npt.ArrayLike,
    shape: Sequence[int],
    tables: npt.ArrayLike | None = None,
) -> npt.NDArray[Any]: ...
def rans_decode_streams(
    buffer: Any,
    lengths: npt.ArrayLike,
    frequencies: npt.ArrayLike,
    shape: Sequence[int],
    tables: npt.ArrayLike | None = None,
) -> npt.NDArray[Any]: ...
