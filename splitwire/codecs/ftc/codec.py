"""`ftc`: a feature transform codec that knows what the output is sensitive to.

Needs no training and no change of the network: a few calibration pictures give it a KLT over
channels in the metric of the output (sensitivity.py), the weight of each frequency of a DCT
over the map, and what to expect of every coefficient. One step size then serves all, and a context
coder (kernels/_coefficients.h) starts from what calibration saw.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

from splitwire.codecs.base import Tensor
from splitwire.codecs.ftc.learner import FtcLearner
from splitwire.codecs.ftc.rate_control import within_bytes
from splitwire.codecs.ftc.steps import MIDDLE, TARGET
from splitwire.codecs.ftc.token_inter import prediction_of
from splitwire.codecs.ftc.tokens import opened
from splitwire.codecs.layout import from_planes, to_planes
from splitwire.codecs.pacing import Pace
from splitwire.codecs.parameter import parameter
from splitwire.codecs.predictive import PredictiveCodec
from splitwire.codecs.profiled import TOP, ProfiledCodec
from splitwire.codecs.registry import register_codec
from splitwire.errors import CodecError


@register_codec
class Ftc(ProfiledCodec, PredictiveCodec):
    """Transform coding of features in the metric of the network's output.

        x ─▶ DCT of each map ─▶ KLT over channels ─▶ weights ─▶ one step ─▶ context coder

    Attributes:
        target_bytes: instead of a quality, the most bytes of a stream; in a sequence their
            mean, see codecs/pacing.py. A tensor that cannot fit is refused.
    """

    name: ClassVar[str] = "ftc"
    expected_loss: ClassVar[float] = TARGET
    settings: ClassVar[tuple[Mapping[str, Any], ...]] = tuple({"quality": q} for q in (40, 50, 60))
    kept: ClassVar[int] = 8
    target_bytes: int = parameter(0, "instead of quality: bytes a stream", low=0)
    _open = staticmethod(opened)

    def calibrate(
        self, features: Iterable[Tensor], gradients: Iterable[Tensor] | None = None
    ) -> "Ftc":
        """This codec with a profile learnt from features, whatever its quality.

        Args:
            features: tensors of one shape, as the codec is to code them.
            gradients: of the log-likelihood of labels drawn from the network's output, with respect
                to features; of that shape, any number of them. Without them every error counts
                alike.

        Raises:
            CodecError: there are no features, their shapes differ, or they hold NaN or infinity.
        """
        learner = self.learner()
        for x in features:
            learner.add(x, ())
        for slopes in () if gradients is None else gradients:
            learner.add_gradient(slopes)
        return learner.made()

    def learner(self) -> "FtcLearner[Ftc]":
        """What learns likewise from one tensor after another, of which it keeps the features."""
        return FtcLearner(self)

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self._changed()) > 1:
            raise CodecError("ftc takes one of quality and target_bytes")

    def pace(self) -> Pace[PredictiveCodec] | None:
        """That of `target_bytes`, whose streams are coded at a quality each."""
        if not self.target_bytes:
            return None
        return Pace(
            self.target_bytes, MIDDLE, TOP, lambda q: replace(self, target_bytes=0, quality=q)
        )

    def _encode_next(self, x: Tensor, past: Any) -> tuple[bytes, Any] | None:
        assert self.profile is not None
        table, inter = opened(self.profile), prediction_of(self.profile)
        planes = to_planes(x)
        if past is None or inter is None:
            payload = self._encode(x)
            if inter is None:
                return payload, None
            return payload, inter.start(table.decoded(memoryview(payload)[1:], payload[0]))
        coded = inter.encode(table.integers(planes), self.quality, past)
        if coded is None:
            return None
        stream, after = coded
        return bytes([self.quality]) + stream, after

    def _decode_next(
        self, payload: memoryview, shape: tuple[int, ...], past: Any
    ) -> tuple[Tensor, Any]:
        quality = self._quality_of(payload, shape)
        assert self.profile is not None
        table, inter = opened(self.profile), prediction_of(self.profile)
        if past is None or inter is None:
            numbers = table.decoded(payload[1:], quality)
            after = None if inter is None else inter.start(numbers)
            return from_planes(table.planes(numbers), shape), after
        after = inter.decode(payload[1:], quality, past)
        return from_planes(table.planes(after.last), shape), after

    def _quality_for(self, planes: Tensor, around: int) -> int:
        assert self.profile is not None
        if not self.target_bytes:
            return self.quality
        encode = partial(opened(self.profile).encode, planes)
        return within_bytes(self.target_bytes, around, encode, TOP)
