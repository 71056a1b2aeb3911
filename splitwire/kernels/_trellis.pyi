import numpy as np
import numpy.typing as npt

from splitwire.kernels.entropy_arguments import States

def trellis_quantize(
    z: npt.ArrayLike, contexts: States, rates: npt.ArrayLike, tradeoff: float
) -> npt.NDArray[np.int16]: ...
def trellis_quantizers(q: npt.ArrayLike) -> npt.NDArray[np.uint8]: ...
