"""`ecsq`: a few levels, placed by rate and distortion, coded as adaptive unary bins.

The lightweight codec of Cohen, Choi and Bajić (arXiv:2105.06002, 2105.07102), which needs no
training: the clip range comes from a Laplace model of the tensor (kernels/_laplace.h); within it
the levels are those of an entropy-constrained scalar quantiser (Chou, Lookabaugh and Gray, 1989)
whose outermost two stay pinned to the ends of the range; a level's index is truncated unary bins,
each with the adaptive context of its position.

Where the paper designs one quantiser for a network from training features, this one is designed
for each tensor and travels with it: a byte a level.
"""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from splitwire import kernels
from splitwire.codecs import clip
from splitwire.codecs.base import Codec, Tensor
from splitwire.codecs.clip import ClipRange
from splitwire.codecs.layout import from_planes, planes_shape, to_planes
from splitwire.codecs.parameter import parameter
from splitwire.codecs.registry import register_codec
from splitwire.errors import BitstreamError

_PARTS = 64  # a level is kept to a 64th of the even spacing
_EVEN = 1 << 15  # contexts start with no idea


@register_codec
class Ecsq(Codec):
    """Entropy-constrained scalar quantisation of clipped features.

        x ─▶ clip range ─▶ levels ─▶ indices ─▶ [range │ levels │ unary bins, range-coded]

    Attributes:
        levels: how many; more levels, less distortion.
        tradeoff: what a bit may cost in squared error, in squares of the levels' even spacing: 0
            is the least error for that many levels.
    """

    name: ClassVar[str] = "ecsq"
    levels: int = parameter(8, "levels of the quantiser", low=2, high=64, decoding=True)
    tradeoff: float = parameter(0.25, "squared error a bit, in levels", low=0, high=10)

    def _encode(self, x: Tensor) -> bytes:
        planes = to_planes(x)
        bounds = clip.choose("laplace", planes, 1, self.levels)
        lo, width = float(bounds.lo[0]), float(bounds.hi[0]) - float(bounds.lo[0])
        y = ((planes.reshape(-1).astype(np.float64) - lo) / (width or 1.0)).clip(0, 1)
        offsets, indices = kernels.ecsq_quantize(y, self.levels, self.tradeoff)
        bins = kernels.unary_encode(indices, self._states())
        return bounds.to_bytes() + offsets.tobytes() + bins.tobytes()

    def _decode(self, payload: memoryview, shape: tuple[int, ...]) -> Tensor:
        bounds, rest = ClipRange.from_bytes(payload, 1)
        inner = self.levels - 2
        if len(rest) < inner:
            raise BitstreamError("damaged payload: its levels are cut short")
        positions = _positions(np.frombuffer(rest[:inner], np.int8))
        lo, hi = bounds.lo.astype(np.float64), bounds.hi.astype(np.float64)
        values = (lo + (hi - lo) * positions).astype(np.float32)
        planes = planes_shape(shape)
        indices = kernels.unary_decode(rest[inner:], int(np.prod(planes)), self._states())
        return from_planes(values[indices].reshape(planes), shape)

    def _states(self) -> NDArray[np.uint16]:
        return np.full(self.levels - 1, _EVEN, np.uint16)


def _positions(offsets: NDArray[np.int8]) -> NDArray[np.float64]:
    """Where the levels are, from 0 to 1: evenly spaced, but for the offsets of the inner ones."""
    count = len(offsets) + 2
    parts = _PARTS * np.arange(count)
    parts[1:-1] += offsets
    return parts / (_PARTS * (count - 1))
