"""The profile of `learned`: networks around a core that codes what lies between them.

    planes ─▶ analysis ─▶ latents ─▶ core ─▶ payload ─▶ core ─▶ latents ─▶ synthesis ─▶ planes

docs/bitstream.md says what each array is.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from splitwire.codecs.base import Tensor
from splitwire.codecs.ftc import profile as ftc_profile
from splitwire.codecs.learned import latent_cores
from splitwire.codecs.learned.integer_network import IntegerNetwork, network_of
from splitwire.codecs.profile import Profile
from splitwire.errors import ProfileError

Arrays = dict[str, NDArray[Any]]


class Core(Protocol):
    """Codes latents; a profile of `ftc` is one."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the latents, (K, H, W)."""

    def encode(self, latents: NDArray[Any], quality: int, /) -> bytes:
        """The bytes of latents (K, H, W)."""

    def decode(self, payload: memoryview, quality: int, /) -> NDArray[Any]:
        """The latents again, the same bits everywhere; ValueError where the bytes are damaged."""


@dataclass(frozen=True, eq=False)
class LearnedProfile:
    """A profile's arrays, ready for use.

    Attributes:
        shape: (C, H, W) of the planes that it codes.
        core: what codes the latents.
        analysis: from planes to latents; without one they are the same.
        synthesis: from latents to planes.
    """

    shape: tuple[int, ...]
    core: Core
    analysis: IntegerNetwork | None = None
    synthesis: IntegerNetwork | None = None

    def encode(self, planes: Tensor, quality: int) -> bytes:
        """The bytes of planes (C, H, W)."""
        return self.core.encode(self.latents(planes, quality), quality)

    def decode(self, payload: memoryview, quality: int) -> Tensor:
        """The planes again, the same bits everywhere; ValueError where the bytes are damaged."""
        y = self.core.decode(payload, quality)
        if self.synthesis is not None:
            y = self.synthesis(y.astype(np.float64), quality, self.shape)
        return y.astype(np.float32)

    def latents(self, planes: Tensor, quality: int) -> NDArray[Any]:
        """What the core codes; in float32, as only an encoder needs it."""
        if self.analysis is None:
            return planes
        return self.analysis(planes, quality, self.core.shape)


@lru_cache(maxsize=16)
def opened(profile: Profile) -> LearnedProfile:
    """A profile with its arrays checked: types, shapes, and that the networks fit the core.

    Raises:
        ProfileError: naming the profile.
    """
    arrays: Arrays = dict(profile.arrays)
    try:
        opened = _read(arrays, profile.digest)
        if opened.analysis is not None:  # what does not fit fails here, not in a stream
            latents = opened.latents(np.zeros(opened.shape, np.float32), 50)
            if latents.shape != opened.core.shape:
                raise ValueError(f"its latents have shape {latents.shape}")
        if opened.synthesis is not None:
            planes = opened.synthesis(np.zeros(opened.core.shape), 50, opened.shape)
            if planes.shape != opened.shape:
                raise ValueError(f"its planes have shape {planes.shape}")
    except (ValueError, KeyError) as error:
        raise ProfileError(f"the profile {profile.digest} is none of learned: {error}") from error
    return opened


def _read(arrays: Arrays, digest: str) -> LearnedProfile:
    networks = {
        name: network_of(arrays, name)
        for name in ("analysis", "synthesis")
        if f"{name}.mean" in arrays
    }
    plain = {name: array for name, array in arrays.items() if "." not in name}
    if "latents" not in plain:
        core = ftc_profile.checked(plain, digest)
        return LearnedProfile(core.shape, core, **networks)
    if len(networks) < 2:
        raise ValueError("it lacks a network")
    shape = latent_cores.size_of(plain, "shape")
    return LearnedProfile(shape, latent_cores.core_of(arrays), **networks)
