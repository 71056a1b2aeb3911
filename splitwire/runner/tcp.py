"""What losses cost a packet on TCP, which never loses it: it waits, and sends again.

A simple model of a connection that stays open from frame to frame:

- Each segment of 1448 bytes is lost with the same chance, each time that it is sent.
- Over many frames the congestion window halves at each loss and grows between, so that no more than
  1.22 · MSS / (RTT · √loss) bytes a second get through (Mathis, Semke, Mahdavi, Ott, "The
  Macroscopic Behavior of the TCP Congestion Avoidance Algorithm", CCR 27(3), 1997).
- Where three segments arrive behind the first that is lost, their acknowledgements tell the sender,
  and what is lost comes a round trip later (fast retransmit with SACK, RFC 5681 and RFC 2018).
- Otherwise, and where a repeated segment is lost too, the sender waits for its timer, and twice as
  long each time (RFC 6298). The timer is the round trip and the 200 ms that Linux adds at least;
  the RFC itself asks for 1 s.

Left out: that losses come in bursts, queues, slow start after a timeout, and the tail loss probes
of RFC 8985, with which a timer may run out earlier.
"""

from math import ceil, inf, sqrt
from random import Random

MSS = 1448
"""Bytes of data in a segment: 1500 of Ethernet without 52 of IP, TCP and time stamps."""

TIMER = 0.2
"""Seconds that a sender waits beyond a round trip before it sends again of itself."""

LONGEST_TIMER = 60.0
_SHARE = sqrt(3 / 2)  # Mathis's constant, where every segment is acknowledged
_DUPLICATES = 3
_DRAWS = 256


def highest_rate(loss: float, rtt: float) -> float:
    """The bytes a second that get through at most; infinite without losses, or without a delay."""
    delay = rtt * sqrt(loss)
    return _SHARE * MSS / delay if delay else inf


def recovery(size: int, loss: float, rtt: float, random: Random) -> tuple[float, int]:
    """What the losses of one packet cost, drawn by chance.

    Args:
        size: of the packet, in bytes.
        loss: share of segments lost, 0 to 1.
        rtt: round trip, in seconds.
        random: to draw with.

    Returns:
        Seconds of waiting, and bytes that are sent again.
    """
    if not loss:
        return 0.0, 0
    sent, waited, again, timer = ceil(size / MSS), 0.0, 0, rtt + TIMER
    while True:
        arrived = [random.random() >= loss for _ in range(sent)]
        if all(arrived):
            return waited, again
        behind = sum(arrived[arrived.index(False) :])
        if not again and behind >= _DUPLICATES:
            waited += rtt
        else:
            waited += timer
            timer = min(2 * timer, LONGEST_TIMER)
        sent -= sum(arrived)
        again += sent * MSS


def expected_recovery(size: float, loss: float, rtt: float) -> tuple[float, float]:
    """The mean of `recovery` over draws that are always the same."""
    random = Random(0)
    draws = [recovery(ceil(size), loss, rtt, random) for _ in range(_DRAWS if loss else 1)]
    seconds, again = zip(*draws, strict=True)
    return sum(seconds) / len(draws), sum(again) / len(draws)
