"""What every codec that quantises shares: the clip range, how it is chosen, and where it travels.

x ─▶ planes ─▶ clip range ─▶ [range │ _code(planes, range)]  ─▶ payload
"""

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from splitwire.codecs import clip
from splitwire.codecs.base import Tensor
from splitwire.codecs.calibrated import CalibratedCodec
from splitwire.codecs.clip import ClipRange
from splitwire.codecs.finite import finite
from splitwire.codecs.layout import from_planes, planes_shape, to_planes
from splitwire.codecs.parameter import parameter
from splitwire.codecs.profile import Profile
from splitwire.errors import CodecError, ProfileError

CLIP = "clip range: '3sd' (mean ± 3 deviations), 'minmax', 'laplace' or 'profile'"


@dataclass(frozen=True, kw_only=True, repr=False)
class QuantizingCodec(CalibratedCodec):
    """A codec of integer codes over a clip range.

    Attributes:
        exact: whether the decoder gets the very codes, so that errors have a bound.
        clip: the rule that chooses the range; see codecs/clip.py.
        per: "tensor" for one range, "channel" for one a channel (8 bytes each).
    """

    exact: ClassVar[bool] = False
    clip: str = parameter("3sd", CLIP)
    per: str = parameter(
        "tensor", "one range, or one a channel", choices=("tensor", "channel"), decoding=True
    )

    @abstractmethod
    def _code(self, planes: Tensor, bounds: ClipRange) -> bytes:
        """The coded planes (C, H, W), without the range."""

    @abstractmethod
    def _uncode(
        self, payload: memoryview, shape: tuple[int, int, int], bounds: ClipRange
    ) -> NDArray[np.float32]:
        """The planes of that shape."""

    @property
    def code_levels(self) -> int:
        """How many codes there are."""
        return 256

    def most_error(self, x: Tensor) -> float:
        """Half a step, or what is clipped and no more: of codes that the decoder gets exactly."""
        if not self.exact:
            return super().most_error(x)
        planes = to_planes(x)
        lo, hi = (side.reshape(-1, 1, 1) for side in self._bounds(planes).pair)
        clipped = np.maximum(planes - hi, lo - planes).max()
        return float(max((hi - lo).max() / (self.code_levels - 1) / 2, clipped))

    def calibrate(
        self, features: Iterable[Tensor], gradients: Iterable[Tensor] | None = None
    ) -> Self:
        """This codec with the range learnt, if its rule is "profile"; otherwise itself."""
        if self.clip != "profile":
            return self
        planes = [to_planes(x) for x in finite(self.name, features)]
        bounds = clip.learn(planes, self.per == "channel")
        profile = Profile(self.name, {"lo": bounds.lo, "hi": bounds.hi})
        return replace(self, profile=profile)

    @property
    def needs_profile(self) -> bool:
        """Whether the rule is "profile" and there is none."""
        return self.clip == "profile" and self.profile is None

    def _pairs(self, shape: tuple[int, ...]) -> int:
        """How many ranges planes (C, H, W) have; a channel of one number needs none of its own."""
        return shape[0] if self.per == "channel" and shape[1:] != (1, 1) else 1

    def __post_init__(self) -> None:
        super().__post_init__()
        clip.check_rule(self.name, self.clip)
        if self.profile is None:
            return
        if self.clip not in ("profile", type(self).clip):
            raise CodecError(
                f"{self.name}: a profile holds the clip range, so clip={self.clip} is moot"
            )
        object.__setattr__(self, "clip", "profile")
        _learnt(self.profile)

    def _encode(self, x: Tensor) -> bytes:
        planes = to_planes(x)
        bounds = self._bounds(planes)
        return self._head(bounds) + self._code(planes, bounds)

    def _decode(self, payload: memoryview, shape: tuple[int, ...]) -> Tensor:
        planes = planes_shape(shape)
        bounds, codes = self._read_head(payload, planes)
        return from_planes(self._uncode(codes, planes, bounds), shape)

    def _bounds(self, planes: Tensor) -> ClipRange:
        """The range to quantise these planes over."""
        if self.profile is not None:
            return self._learnt_for(planes.shape[0])
        return clip.choose(self.clip, planes, self._pairs(planes.shape), self.code_levels)

    def _head(self, bounds: ClipRange) -> bytes:
        """The range as it travels: not at all where the decoder has it in the profile."""
        return b"" if self.profile is not None else bounds.to_bytes()

    def _read_head(
        self, payload: memoryview, shape: tuple[int, int, int]
    ) -> tuple[ClipRange, memoryview]:
        """The range of planes of that shape, and the payload behind it."""
        if self.profile is not None:
            return self._learnt_for(shape[0]), payload
        return ClipRange.from_bytes(payload, self._pairs(shape))

    def _learnt_for(self, channels: int) -> ClipRange:
        assert self.profile is not None
        bounds = _learnt(self.profile)
        if len(bounds.lo) not in (1, channels):
            raise ProfileError(
                f"the profile {self.profile.digest} was learnt on {len(bounds.lo)} channels; "
                f"this tensor has {channels}"
            )
        return bounds


def _learnt(profile: Profile) -> ClipRange:
    """The range that a profile holds."""
    try:
        bounds = ClipRange(*(profile.arrays[key].astype(np.float32) for key in ("lo", "hi")))
    except KeyError as error:
        raise ProfileError(f"the profile {profile.digest} holds no array {error}") from None
    if bounds.lo.ndim != 1 or bounds.lo.shape != bounds.hi.shape or not bounds.is_sound:
        raise ProfileError(f"the profile {profile.digest} holds no clip range: lo <= hi, finite")
    return bounds
