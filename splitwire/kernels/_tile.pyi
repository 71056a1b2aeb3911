from collections.abc import Sequence

import numpy.typing as npt

from splitwire.kernels.arguments import Codes

def tile(q: npt.ArrayLike, block: int = 1, out: Codes | None = None) -> Codes: ...
def untile(frame: npt.ArrayLike, shape: Sequence[int], out: Codes | None = None) -> Codes: ...
