"""`learned`: networks trained on the rate and on what the output loses, around an entropy coder.

splitwire/train/ trains them; encoding and decoding take NumPy alone. What decides the bits of a
tensor or of an entropy coder's table is computed in integers (codecs/integer_layers.py), so that
a stream decodes to the same tensor everywhere.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar, Self

import numpy as np

from splitwire.codecs.base import Codec, Tensor
from splitwire.codecs.layout import from_planes, planes_shape, to_planes
from splitwire.codecs.learned_profile import LearnedProfile, opened
from splitwire.codecs.parameter import parameter
from splitwire.codecs.profile import Profile
from splitwire.codecs.registry import codec, register_codec
from splitwire.errors import BitstreamError, ProfileError

_TOP = 100


@register_codec
class Learned(Codec):
    """Analysis and synthesis networks, trained around a frozen network, and their entropy model.

        x ─▶ analysis ─▶ latents ─▶ one step ─▶ entropy coder ─▶ latents ─▶ synthesis ─▶ y

    Attributes:
        quality: 8 more halve the step; at 50 ftc, where training starts from, is near 0.05 nats.
    """

    name: ClassVar[str] = "learned"
    uses_gradients: ClassVar[bool] = True
    shares_profile: ClassVar[bool] = True
    trained: ClassVar[bool] = True
    quality: int = parameter(50, "8 more halve the step", low=0, high=_TOP)

    @property
    def needs_profile(self) -> bool:
        """Whether it was given no profile."""
        return self.profile is None

    def calibrate(
        self, features: Iterable[Tensor], gradients: Iterable[Tensor] | None = None
    ) -> Self:
        """This codec as it is before training: the transform and the contexts of `ftc`.

        Args:
            features: tensors of one shape, as the codec is to code them.
            gradients: of the log-likelihood of labels drawn from the network's output, with respect
                to features; of that shape, any number of them.

        Raises:
            CodecError: there are no features, their shapes differ, or they hold NaN or infinity.
        """
        start = codec("ftc").calibrate(features, gradients).profile
        assert start is not None
        return replace(self, profile=Profile(self.name, start.arrays))

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.profile is not None:
            opened(self.profile)

    def _encode(self, x: Tensor) -> bytes:
        planes = np.nan_to_num(to_planes(x))
        payload = self._opened_for(planes.shape).encode(planes, self.quality)
        return bytes([self.quality]) + payload

    def _decode(self, payload: memoryview, shape: tuple[int, ...]) -> Tensor:
        if self.profile is None:
            raise BitstreamError("damaged learned stream: it names no profile")
        table = opened(self.profile)
        if table.shape != planes_shape(shape):
            raise BitstreamError(f"damaged learned stream: its profile is not of shape {shape}")
        if not payload or payload[0] > _TOP:
            raise BitstreamError("damaged learned payload: it begins with no quality")
        return from_planes(table.decode(payload[1:], payload[0]), shape)

    def _opened_for(self, shape: tuple[int, ...]) -> LearnedProfile:
        assert self.profile is not None
        table = opened(self.profile)
        if table.shape != shape:
            raise ProfileError(
                f"the profile {self.profile.digest} was trained on planes of shape {table.shape}; "
                f"these have {shape}"
            )
        return table
