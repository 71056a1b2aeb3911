"""`ftc` in packets that stand alone.

Without protection packet i is layer i, and what arrived is added up. With it every packet
holds a share of each layer (protection.py), and so many packets give back so many layers:

    z ─▶ layers 0, 1, 2, … ─▶ k_0 ≤ k_1 ≤ … ─▶ shares ─▶ n packets of equal size
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from numpy.typing import ArrayLike

from splitwire.codecs.base import Tensor
from splitwire.codecs.ftc.codec import Ftc
from splitwire.codecs.ftc.profile import FtcProfile
from splitwire.codecs.ftc.tokens import opened
from splitwire.codecs.layout import from_planes, planes_shape, to_planes
from splitwire.codecs.packets.base import LIMIT, PacketCodec
from splitwire.codecs.packets.framing import seal, unseal
from splitwire.codecs.packets.spread import (
    Coded,
    Guard,
    Protection,
    added_up,
    alone,
    guarded,
    protected,
)
from splitwire.errors import BitstreamError, CodecError, ProfileError


@dataclass(frozen=True)
class FtcPackets(PacketCodec):
    """A calibrated `ftc` whose tensors go in packets.

    Attributes:
        codec: with a profile; its quality counts but where a protection chooses that too.
        shape: of the tensors.
        protection: of so many bytes, or as far as that pays; None for layers alone.
        limit: bytes of a packet, where a protection does not say.
    """

    kind: ClassVar[int] = 1
    codec: Ftc
    shape: tuple[int, ...]
    protection: Protection | Guard | None = None
    limit: int = LIMIT

    def __post_init__(self) -> None:
        if self.codec.profile is None:
            raise ProfileError("ftc in packets needs a profile: codec.calibrate(features)")
        if not isinstance(opened(self.codec.profile), FtcProfile):
            raise ProfileError("ftc sends maps in packets, not tokens")
        if self._table.shape != planes_shape(self.shape):
            raise ProfileError(
                f"the profile {self.codec.profile.digest} was learnt on planes of shape "
                f"{self._table.shape}; these have {planes_shape(self.shape)}"
            )

    def packets(self, x: ArrayLike, frame: int = 0) -> list[bytes]:
        """See PacketCodec."""
        return self.sealed(self.coded(x), frame)

    def coded(self, x: ArrayLike) -> Coded:
        """A tensor's layers, which are coded as they are asked for.

        Raises:
            CodecError: the tensor cannot be coded.
        """
        tensor = self.codec.checked(x)
        if tensor.shape != self.shape:
            raise CodecError(f"a tensor of shape {tensor.shape} instead of {self.shape}")
        table = self._table
        return Coded(table, table.weighted(table.integers(to_planes(tensor))))

    def sealed(self, coded: Coded, frame: int = 0) -> list[bytes]:
        """The packets of what `coded` gave, which may serve several protections."""
        if self.protection is None:
            bodies = alone(coded, self.codec.quality, self.limit)
        elif isinstance(self.protection, Guard):
            bodies = guarded(coded, self.codec.quality, self.protection, self.limit)
        else:
            bodies = protected(coded, self.protection)
        return seal(bodies, self.kind, self._context, frame)

    def assemble(self, packets: Iterable[bytes]) -> Tensor:
        """See PacketCodec."""
        count, bodies = unseal(packets, self.kind, self._context)
        try:
            coefficients, layering = added_up(self._table, count, bodies)
        except (ValueError, IndexError) as error:
            raise BitstreamError(f"damaged packets of ftc: {error}") from error
        return from_planes(layering.planes(coefficients), self.shape)

    @property
    def _table(self) -> FtcProfile:
        assert self.codec.profile is not None
        table = opened(self.codec.profile)
        assert isinstance(table, FtcProfile)
        return table

    @property
    def _context(self) -> bytes:
        assert self.codec.profile is not None
        return f"{self.codec.profile.digest} {self.shape}".encode()
