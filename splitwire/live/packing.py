"""What turns the frames of a choice into packets for datagrams, and packets back into tensors.

The cloud needs nothing for it that is not in the agreement: the codec's profile, and the shape.
"""

from splitwire.codecs.ftc.codec import Ftc
from splitwire.codecs.packets.ftc import FtcPackets
from splitwire.errors import ProfileError, RemoteError
from splitwire.live.protocol import FRAME_HEAD
from splitwire.runner.choice import AnyChoice
from splitwire.runner.local import coded_shape

DATAGRAM = 1155  # bytes of a datagram: 1,200 of UDP less QUIC's header and tag
PACKET = DATAGRAM - FRAME_HEAD  # bytes of a packet in it


def packing(choice: AnyChoice) -> FtcPackets:
    """The codec of a choice, in packets.

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
        return FtcPackets(codec, coded_shape(crossings[0].shape), limit=PACKET)
    except ProfileError as error:
        raise RemoteError(str(error)) from error
