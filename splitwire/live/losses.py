"""What a link loses just now, from the frames that it carried."""

_FIRST, _LEAST, _MOST = 0.02, 0.005, 0.5  # shares of packets
_MEMORY = 50  # frames


class Losses:
    """The share of packets that do not arrive in time, as the cloud tells of each frame.

    Attributes:
        share: never nought, since a link that lost nothing so far may begin to.
    """

    def __init__(self) -> None:
        self.share = _FIRST

    def saw(self, packets: int, arrived: int) -> None:
        """So many of a frame's packets arrived."""
        lost = 1 - arrived / packets
        self.share = min(max(self.share + (lost - self.share) / _MEMORY, _LEAST), _MOST)
