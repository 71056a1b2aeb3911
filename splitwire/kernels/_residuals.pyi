from typing import Any

import numpy as np
import numpy.typing as npt

from splitwire.kernels.arguments import Codes
from splitwire.kernels.residual_arguments import Model

def residuals_encode(
    z: npt.ArrayLike,
    vectors: npt.ArrayLike,
    sources: npt.ArrayLike,
    grid: tuple[int, int],
    kinds: npt.ArrayLike,
    places: npt.ArrayLike,
    model: Model,
    tradeoff: float,
) -> tuple[Codes, npt.NDArray[np.int16], Model]: ...
def residuals_decode(
    buffer: Any,
    grid: tuple[int, int],
    kinds: npt.ArrayLike,
    places: npt.ArrayLike,
    model: Model,
) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int16], Codes, Model]: ...
