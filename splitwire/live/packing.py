"""What turns the frames of a choice into packets for datagrams, and packets back into tensors.

The cloud needs nothing for it that is not in the agreement: the codec's profile, and the shape.
"""

from splitwire.codecs.ftc.codec import Ftc
from splitwire.codecs.packets.ftc import FtcPackets
from splitwire.codecs.packets.loss import Independent
from splitwire.codecs.packets.spread import Guard
from splitwire.errors import ProfileError, RemoteError
from splitwire.live.protocol import FRAME_HEAD
from splitwire.runner.choice import AnyChoice
from splitwire.runner.local import coded_shape

DATAGRAM = 1155  # bytes of a datagram: 1,200 of UDP less QUIC's header and tag
PACKET = DATAGRAM - FRAME_HEAD  # bytes of a packet in it


def packing(choice: AnyChoice, loss: float = 0.0) -> FtcPackets:
    """The codec of a choice, in packets that are protected.

    Args:
        choice: whose frames are to be sent.
        loss: the share of packets that is expected to be lost, each by itself.

    Raises:
        RemoteError: its tensors do not go in packets.
    """
    crossings = choice.split.crossings
    if len(crossings) != 1 or not isinstance(codec := choice.codecs[0], Ftc):
        raise RemoteError(
            f"{choice.codec} at {choice.at} has no packets for datagrams: a cut where one tensor "
            "crosses and the codec ftc are expected; or connect with https://"
        )
    try:
        guard = Guard(Independent(loss))
        return FtcPackets(codec, coded_shape(crossings[0].shape), guard, PACKET)
    except ProfileError as error:
        raise RemoteError(str(error)) from error
