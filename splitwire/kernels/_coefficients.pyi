from typing import Any

import numpy as np
import numpy.typing as npt

from splitwire.kernels.arguments import Codes
from splitwire.kernels.entropy_arguments import States

def coefficients_encode(
    q: npt.ArrayLike,
    classes: npt.ArrayLike,
    expected: States,
    states: States,
    seen: npt.ArrayLike = 0,
) -> Codes: ...
def coefficients_decode(
    buffer: Any, classes: npt.ArrayLike, expected: States, states: States, seen: npt.ArrayLike = 0
) -> npt.NDArray[np.int16]: ...
def coefficient_contexts(
    q: npt.ArrayLike, classes: npt.ArrayLike, expected: States
) -> npt.NDArray[np.uint16]: ...
