"""What losses cost on TCP, against what can be worked out by hand."""

from random import Random

import pytest

from splitwire.runner.tcp import MSS, TIMER, expected_recovery, highest_rate, recovery


class Fated(Random):
    """Loses the segments that are told, in the order in which all are sent; no other."""

    def __init__(self, fates: str) -> None:
        super().__init__(0)
        self.fates = iter(fates)

    def random(self) -> float:
        return 0.0 if next(self.fates, ".") == "x" else 1.0


@pytest.mark.parametrize(
    ("segments", "fates", "waits", "again"),
    [
        (1, ".", 0, 0),
        (5, ".x...", 0.1, 1),  # three behind it tell
        (5, "x.x..", 0.1, 2),  # two lost, told by the three that came behind the first
        (5, "..x..", 0.1 + TIMER, 1),  # two behind it do not
        (1, "x.", 0.1 + TIMER, 1),
        (1, "xx.", 3 * (0.1 + TIMER), 2),  # the timer doubles
        (5, ".x...x.", 0.1 + 0.1 + TIMER, 2),  # lost again when it was sent again
    ],
)
def test_how_long_a_packet_waits(segments: int, fates: str, waits: float, again: int) -> None:
    found = recovery(segments * MSS, 0.5, 0.1, Fated(fates))
    assert found == (pytest.approx(waits), again * MSS)


def test_the_timer_is_no_longer_than_a_minute() -> None:
    waited, _ = recovery(1, 0.5, 0.0, Fated(12 * "x"))
    assert waited == pytest.approx(sum(min(TIMER * 2**i, 60) for i in range(12)))


def test_a_single_segment_waits_as_a_geometric_series_does() -> None:
    random, loss, rtt = Random(1), 0.1, 0.05
    waits = [recovery(100, loss, rtt, random)[0] for _ in range(40_000)]
    mean = loss * (rtt + TIMER) / (1 - 2 * loss)  # Σ lossᵏ 2ᵏ⁻¹ timer
    assert sum(waits) / len(waits) == pytest.approx(mean, rel=0.1)
    assert sum(wait > 0 for wait in waits) / len(waits) == pytest.approx(loss, rel=0.1)


def test_what_gets_through_is_as_mathis_and_others_say() -> None:
    # 1448 bytes of 1.2247 windows in 0.1 s, at one loss in a hundred: ten times that.
    assert highest_rate(0.01, 0.1) == pytest.approx(177_343, rel=1e-4)
    assert highest_rate(0.0, 0.1) == highest_rate(0.01, 0.0) == float("inf")


def test_the_expectation_is_the_same_each_time_and_nothing_without_losses() -> None:
    assert expected_recovery(50_000.5, 0.02, 0.05) == expected_recovery(50_000.5, 0.02, 0.05)
    assert expected_recovery(50_000, 0.0, 0.05) == (0, 0)
    seconds, again = expected_recovery(100 * MSS, 0.01, 0.05)
    assert 0.5 * 0.634 * 0.05 < seconds < 0.1  # 63 % of packets lose something
    assert again / MSS == pytest.approx(1, abs=0.3)
