"""The face of codecs that tolerate loss.

    x ─▶ packets ─▶ network, which loses some ─▶ assemble ─▶ y, coarser the fewer arrived

Every packet stands alone, so that any of them decode, none at all included: what is missing has its
expected value.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import ClassVar

from numpy.typing import ArrayLike

from splitwire.codecs.base import Tensor

LIMIT = 1200  # bytes of a packet: what QUIC sends before it knows a path (RFC 9000, 14)


class PacketCodec(ABC):
    """A way to turn a tensor into packets, and some of them back into a tensor.

    Attributes:
        kind: the number that its packets begin with.
    """

    kind: ClassVar[int]

    @abstractmethod
    def packets(self, x: ArrayLike, frame: int = 0) -> list[bytes]:
        """The packets of a float32 tensor.

        Args:
            x: finite, and of the shape that the codec is for.
            frame: the tensor's number, by which a receiver knows what belongs together.

        Raises:
            CodecError: the tensor cannot be coded.
        """

    @abstractmethod
    def assemble(self, packets: Iterable[bytes]) -> Tensor:
        """The float32 tensor as far as these packets of one tensor tell it, in any order.

        Raises:
            BitstreamError: one is damaged, or they do not belong together.
        """
