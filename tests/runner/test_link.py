import math
from fractions import Fraction
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitwire.errors import DataError
from splitwire.runner.link import SimulatedLink, Trace, Wire
from splitwire.runner.tcp import highest_rate

steps = st.lists(st.tuples(st.integers(1, 5), st.integers(0, 40)), min_size=1, max_size=6)


def integrated(trace: Trace, size: int, start: int) -> float:
    """How long `size` bytes take, second by second: every step is whole seconds long."""
    by_second = [r for s, r in zip(trace.seconds, trace.rates, strict=True) for _ in range(int(s))]
    left = Fraction(size)
    for passed in count():
        rate = Fraction(by_second[(start + passed) % len(by_second)])
        if left <= rate:
            return float(passed + (left / rate if left else 0))
        left -= rate
    raise AssertionError


@given(steps.filter(lambda s: any(r for _, r in s)), st.integers(0, 500), st.integers(0, 30))
def test_a_trace_takes_as_long_as_its_rate_adds_up_to(
    steps: list[tuple[int, int]], size: int, start: int
) -> None:
    trace = Trace(tuple(float(s) for s, _ in steps), tuple(float(r) for _, r in steps))
    assert trace.seconds_to_send(size, start) == pytest.approx(integrated(trace, size, start))


def test_a_packet_that_ends_where_an_outage_begins_does_not_wait_for_its_end() -> None:
    assert Trace((1.0, 1.0), (0.0, 100.0)).seconds_to_send(100, start=1.0) == 1.0


@given(st.integers(0, 10**9), st.floats(1, 1e9), st.floats(0, 1e6))
def test_at_a_constant_rate_time_is_size_over_rate(size: int, rate: float, start: float) -> None:
    took = Trace.constant(rate).seconds_to_send(size, start)
    assert took == pytest.approx(size / rate, rel=1e-6, abs=1e-6)


def test_a_link_adds_the_round_trip_and_its_clock_moves_on() -> None:
    link = SimulatedLink(Trace((1.0, 1.0), (1000.0, 500.0)), rtt=0.5)
    assert [link.send(bytes(500)).seconds for _ in range(2)] == [1.0, 1.5]
    assert link.clock == 2.5


@given(st.integers(1, 200_000), st.floats(0, 0.5), st.floats(0, 1), st.integers(0, 9))
def test_losses_cost_time_and_no_packet(size: int, loss: float, rtt: float, seed: int) -> None:
    link = SimulatedLink(Trace.constant(1e6), rtt, loss, seed)
    delivery = link.send(bytes(size))
    assert delivery.data == bytes(size)
    assert delivery.seconds >= (rtt + size / 1e6) * (1 - 1e-9)
    assert link.clock == delivery.seconds


def test_losses_follow_the_seed() -> None:
    def times(seed: int) -> list[float]:
        link = SimulatedLink(Trace.constant(1e6), rtt=0.1, loss=0.3, seed=seed)
        return [link.send(b"x").seconds for _ in range(64)]

    assert times(1) == times(1) != times(2)


def test_a_link_that_loses_is_no_faster_than_tcp_on_it() -> None:
    link = SimulatedLink(Trace.constant(1e9), rtt=0.1, loss=0.01, seed=1)
    size = 10_000_000
    assert link.send(bytes(size)).seconds > size / highest_rate(0.01, 0.1)


@pytest.mark.parametrize("loss", [1.0, 1.5, -0.1, math.nan])
def test_a_share_that_is_none_is_refused(loss: float) -> None:
    with pytest.raises(DataError, match="a share of at least 0 and less than 1"):
        SimulatedLink(Trace.constant(1e6), loss=loss)


def test_a_wire_delivers_at_once() -> None:
    assert Wire().send(b"packet").data == b"packet"
    assert Wire().send(b"packet").seconds == 0


def test_a_trace_file_is_steps_comments_and_empty_lines(tmp_path: Path) -> None:
    file = tmp_path / "lte.txt"
    file.write_text("# a drive\n\n2 1e6\n  # a tunnel\n0.5  0\n", encoding="utf-8")
    assert Trace.read(file) == Trace((2.0, 0.5), (1e6, 0.0))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 5\n1 2 3\n", "line 2: 'seconds bytes_a_second' expected, not '1 2 3'"),
        ("1 fast\n", "line 1"),
        ("0 5\n", "seconds > 0"),
        ("-1 5\n", "seconds > 0"),
        ("1 -5\n", "rates >= 0"),
        ("1 nan\n", "finite"),
        ("inf 3\n", "finite"),
        ("1 0\n", "positive rate"),
        ("# nothing\n", "positive rate"),
    ],
)
def test_a_trace_file_that_is_none_says_why(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "trace.txt"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=said) as caught:
        Trace.read(file)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_trace_file_that_is_missing_or_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for name in ("missing", "binary"):
        with pytest.raises(DataError, match="cannot read the trace"):
            Trace.read(tmp_path / name)
