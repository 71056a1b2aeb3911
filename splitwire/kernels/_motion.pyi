import numpy as np
import numpy.typing as npt

from splitwire.kernels.arguments import Codes

def motion_search(
    now: npt.ArrayLike,
    last: npt.ArrayLike,
    before: npt.ArrayLike,
    rows: npt.ArrayLike,
    columns: npt.ArrayLike,
    reach: int,
) -> tuple[npt.NDArray[np.int16], Codes]: ...
def motion_move(
    last: npt.ArrayLike,
    before: npt.ArrayLike,
    vectors: npt.ArrayLike,
    sources: npt.ArrayLike,
    rows: npt.ArrayLike,
    columns: npt.ArrayLike,
) -> npt.NDArray[np.int32]: ...
