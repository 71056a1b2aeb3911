"""`ftc`: a feature transform codec that knows what the output is sensitive to.

Needs no training and no change of the network: a few calibration pictures give it a KLT over
channels in the metric of the output (sensitivity.py), the weight of each frequency of a DCT
over the map, and what to expect of every coefficient. One step size then serves all, and a context
coder (kernels/_coefficients.pyx) starts from what calibration saw.
"""

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import ClassVar, Self

import numpy as np

from splitwire.codecs.base import Tensor
from splitwire.codecs.ftc.profile import arrays_of, opened
from splitwire.codecs.ftc.rate_control import within_bytes
from splitwire.codecs.ftc.sensitivity import learn
from splitwire.codecs.ftc.steps import TARGET
from splitwire.codecs.ftc.transform import Floats
from splitwire.codecs.layout import to_planes
from splitwire.codecs.parameter import parameter
from splitwire.codecs.profile import Profile
from splitwire.codecs.profiled import TOP, ProfiledCodec
from splitwire.codecs.registry import register_codec
from splitwire.errors import CodecError


@register_codec
class Ftc(ProfiledCodec):
    """Transform coding of features in the metric of the network's output.

        x ─▶ DCT of each map ─▶ KLT over channels ─▶ weights ─▶ one step ─▶ context coder

    Attributes:
        target_bytes: instead of a quality, the most bytes of a stream; a tensor that cannot fit is
            refused.
    """

    name: ClassVar[str] = "ftc"
    expected_loss: ClassVar[float] = TARGET
    target_bytes: int = parameter(0, "instead of quality: bytes a stream may have", low=0)
    _open = staticmethod(opened)

    def calibrate(
        self, features: Iterable[Tensor], gradients: Iterable[Tensor] | None = None
    ) -> Self:
        """This codec with a profile learnt from features, whatever its quality.

        Args:
            features: tensors of one shape, as the codec is to code them.
            gradients: of the log-likelihood of labels drawn from the network's output, with respect
                to features; of that shape, any number of them. Without them every error counts
                alike.

        Raises:
            CodecError: there are no features, their shapes differ, or they hold NaN or infinity.
        """
        planes = _stack(features)
        slopes = None if gradients is None else _stack(gradients)
        if slopes is not None and slopes.shape[1:] != planes.shape[1:]:
            raise CodecError(f"ftc: gradients {slopes.shape[1:]} of features {planes.shape[1:]}")
        return replace(self, profile=Profile(self.name, arrays_of(learn(planes, slopes))))

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self._changed()) > 1:
            raise CodecError("ftc takes one of quality and target_bytes")

    def _quality_for(self, planes: Tensor, around: int) -> int:
        assert self.profile is not None
        if not self.target_bytes:
            return self.quality
        encode = partial(opened(self.profile).encode, planes)
        return within_bytes(self.target_bytes, around, encode, TOP)


def _stack(tensors: Iterable[Tensor]) -> Floats:
    planes = [to_planes(x) for x in tensors]
    if not planes or len({x.shape for x in planes}) > 1:
        raise CodecError("ftc: calibration takes one or more tensors of one shape")
    stacked = np.stack(planes).astype(np.float64)
    if not np.isfinite(stacked).all():
        raise CodecError("ftc: calibration met a number that is not finite")
    return stacked
