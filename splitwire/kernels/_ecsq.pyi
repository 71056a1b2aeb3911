import numpy as np
import numpy.typing as npt

from splitwire.kernels.arguments import Codes

def ecsq_quantize(
    y: npt.ArrayLike, levels: int, tradeoff: float
) -> tuple[npt.NDArray[np.int8], Codes]: ...
