"""Congestion control for datagrams: it listens to delay, and lets losses be losses.

Reno and Cubic, which aioquic has, take each loss for a full queue. On a link that loses packets for
other reasons their window shrinks to a few packets, so that those of one frame leave one by one,
and new frames queue behind old ones (docs/loss.md has what was measured). A queue that fills
shows in the round trip before it loses anything. So, as LEDBAT (RFC 6817) and Copa (V. Arun and
H. Balakrishnan, 2018) do, the window grows while round trips are near their least and shrinks
where they are longer by more than a target. Only where a large share is lost does it shrink for
losses: then something polices, or there is hardly a queue.
"""

from collections import deque
from collections.abc import Iterable

from aioquic.quic.congestion.base import QuicCongestionControl, register_congestion_control
from aioquic.quic.packet_builder import QuicSentPacket

NAME = "delay"
_TARGET = 0.025  # seconds of queue
_RECENT, _LONG = 8, 1000  # round trips: the least of those is the present one, the least of these
_LEAST, _MOST = 2, 256  # packets of the window
_HEAVY = 0.25  # share of losses that counts as congestion
_MEMORY = 100  # packets that the share is over
_SHRINK = 0.7


class DelayControl(QuicCongestionControl):
    """A window by the queue that round trips show."""

    def __init__(self, *, max_datagram_size: int) -> None:
        super().__init__(max_datagram_size=max_datagram_size)
        self._packet = max_datagram_size
        self._recent: deque[float] = deque(maxlen=_RECENT)
        self._long: deque[float] = deque(maxlen=_LONG)
        self._fates: deque[bool] = deque(maxlen=_MEMORY)  # whether each packet was lost
        self._shrunk = 0.0  # when the window last was: what was sent before tells nothing new
        self._growing = True  # fast, as nothing has queued yet

    def on_packet_acked(self, *, now: float, packet: QuicSentPacket) -> None:
        """A packet arrived: grow, unless there is a queue."""
        self.bytes_in_flight -= packet.sent_bytes
        self._fates.append(False)
        sent = packet.sent_time or 0.0
        if self._queue() > _TARGET:
            self._shrink(now, sent)
        elif sent > self._shrunk:
            more = packet.sent_bytes
            if not self._growing:
                more = self._packet * packet.sent_bytes // self.congestion_window
            self.congestion_window = min(self.congestion_window + more, _MOST * self._packet)

    def on_packet_sent(self, *, packet: QuicSentPacket) -> None:
        """A packet is on its way."""
        self.bytes_in_flight += packet.sent_bytes

    def on_packets_expired(self, *, packets: Iterable[QuicSentPacket]) -> None:
        """Nobody waits for these any more."""
        self.bytes_in_flight -= sum(packet.sent_bytes for packet in packets)

    def on_packets_lost(self, *, now: float, packets: Iterable[QuicSentPacket]) -> None:
        """Packets are lost: that alone says nothing."""
        last = 0.0
        for packet in packets:
            self.bytes_in_flight -= packet.sent_bytes
            self._fates.append(True)
            last = packet.sent_time or 0.0
        if len(self._fates) == _MEMORY and sum(self._fates) > _HEAVY * _MEMORY:
            self._shrink(now, last)

    def on_persistent_congestion(self) -> None:
        """Nothing came through for long."""
        self.congestion_window = _LEAST * self._packet
        self._growing = True

    def on_rtt_measurement(self, *, now: float, rtt: float) -> None:
        """A round trip took so long."""
        self._recent.append(rtt)
        self._long.append(rtt)

    def _queue(self) -> float:
        """Seconds that packets wait on the way."""
        return min(self._recent) - min(self._long) if len(self._recent) == _RECENT else 0.0

    def _shrink(self, now: float, sent: float) -> None:
        """Once for what was sent at one window."""
        if sent > self._shrunk:
            self._shrunk, self._growing = now, False
            smaller = int(_SHRINK * self.congestion_window)
            self.congestion_window = max(smaller, _LEAST * self._packet)


register_congestion_control(NAME, DelayControl)
