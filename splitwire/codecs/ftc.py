"""`ftc`: a feature transform codec that knows what the output is sensitive to.

Needs no training and no change of the network: a few calibration pictures give it a KLT over
channels in the metric of the output (codecs/sensitivity.py), the weight of each frequency of a DCT
over the map, and what to expect of every coefficient. One step size then serves all, and a context
coder (kernels/_coefficients.pyx) starts from what calibration saw.
"""

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import ClassVar, Self

import numpy as np

from splitwire import kernels
from splitwire.codecs.base import Codec, Tensor
from splitwire.codecs.ftc_profile import MIDDLE, FtcProfile, arrays_of, opened
from splitwire.codecs.layout import from_planes, planes_shape, to_planes
from splitwire.codecs.parameter import parameter
from splitwire.codecs.profile import Profile
from splitwire.codecs.rate_control import within_bytes, within_divergence
from splitwire.codecs.registry import register_codec
from splitwire.codecs.sensitivity import learn
from splitwire.codecs.transform import Floats
from splitwire.errors import BitstreamError, CodecError, ProfileError

_TOP = 100


@register_codec
class Ftc(Codec):
    """Transform coding of features in the metric of the network's output.

        x ─▶ DCT of each map ─▶ KLT over channels ─▶ weights ─▶ one step ─▶ context coder

    Attributes:
        quality: 8 more halve the step; at 50 calibration expects 0.05 nats of divergence.
        target_bytes: instead, the most bytes of a stream; a tensor that cannot fit is refused.
        target_divergence: instead, nats that calibration expects of each tensor's own errors.
    """

    name: ClassVar[str] = "ftc"
    uses_gradients: ClassVar[bool] = True
    shares_profile: ClassVar[bool] = True
    quality: int = parameter(
        MIDDLE, "8 more halve the step; 50 is near 0.05 nats", low=0, high=_TOP
    )
    target_bytes: int = parameter(0, "instead of quality: bytes a stream may have", low=0)
    target_divergence: float = parameter(0.0, "instead of quality: nats to expect", low=0.0)

    @property
    def needs_profile(self) -> bool:
        """Whether it has not been calibrated."""
        return self.profile is None

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
            raise CodecError("ftc takes one of quality, target_bytes and target_divergence")
        if self.profile is not None:
            opened(self.profile)

    def _encode(self, x: Tensor) -> bytes:
        planes = np.nan_to_num(to_planes(x))
        table = self._table_for(planes.shape)
        z = table.coefficients(planes.astype(np.float64))
        if self.target_bytes:
            around = len(self._stream(b"", x.shape))
            return within_bytes(self.target_bytes, around, partial(table.payload, z), _TOP)
        if self.target_divergence:
            expected = partial(table.divergence, z)
            return table.payload(z, within_divergence(self.target_divergence, expected, _TOP))
        return table.payload(z, self.quality)

    def _decode(self, payload: memoryview, shape: tuple[int, ...]) -> Tensor:
        if self.profile is None:
            raise BitstreamError("damaged ftc stream: it names no profile")
        table = opened(self.profile)
        if table.shape != planes_shape(shape):
            raise BitstreamError(f"damaged ftc stream: its profile is not of shape {shape}")
        if not payload or payload[0] > _TOP:
            raise BitstreamError("damaged ftc payload: it begins with no quality")
        quality = payload[0]
        q = kernels.coefficients_decode(payload[1:], *table.model(quality))
        return from_planes(table.planes(q, quality), shape)

    def _table_for(self, shape: tuple[int, ...]) -> FtcProfile:
        assert self.profile is not None
        table = opened(self.profile)
        if table.shape != shape:
            raise ProfileError(
                f"the profile {self.profile.digest} was learnt on planes of shape {table.shape}; "
                f"these have {shape}"
            )
        return table


def _stack(tensors: Iterable[Tensor]) -> Floats:
    planes = [to_planes(x) for x in tensors]
    if not planes or len({x.shape for x in planes}) > 1:
        raise CodecError("ftc: calibration takes one or more tensors of one shape")
    stacked = np.stack(planes).astype(np.float64)
    if not np.isfinite(stacked).all():
        raise CodecError("ftc: calibration met a number that is not finite")
    return stacked
