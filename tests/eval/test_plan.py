from collections.abc import Iterator
from dataclasses import asdict
from math import inf
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from splitwire.cli import main
from splitwire.cli.terminal import console
from splitwire.errors import ExperimentError
from splitwire.eval.plan import Energy, check_rates, rows, worthwhile
from splitwire.eval.radio import ANSWER, Radio
from splitwire.eval.summary import Summary
from splitwire.eval.totals import Total, choices
from splitwire.live.adapt import Adaptive
from splitwire.live.bandwidth import Bandwidth
from splitwire.runner.link import Trace


def a_total(fixed: float, size: float) -> Total:
    spread = SimpleNamespace(p50=0.010)
    times = dict.fromkeys(("edge", "encode", "decode", "cloud"), spread)
    return Total(SimpleNamespace(times=times), fixed, size)  # type: ignore[arg-type]


WIFI = Radio.load("wifi")
EDGE, SHARED, CLOUD = a_total(0.060, 0), a_total(0.040, 4000), a_total(0.020, 20_000)


def test_the_plan_is_the_fastest_choice_at_each_rate() -> None:
    found = rows([EDGE, SHARED, CLOUD], [1e5, 4e5, 3e6], Energy(WIFI))
    assert [row.total for row in found] == [EDGE, SHARED, CLOUD]
    assert found[1].seconds == pytest.approx(0.040 + 4000 / 4e5)


def test_energy_is_that_of_the_measured_radios() -> None:
    # LTE at 1 Mbit/s takes 438 + 1288 mW; 125,000 bytes take a second at that rate.
    lte = Radio.load("lte")
    one = lte.joules(125_000, 125_000, wait=0.5, every=60)
    assert one.sending == pytest.approx(0.43839 + 1.28804)
    assert one.waiting == pytest.approx(0.5 * 1.060)
    assert one.answer == pytest.approx((0.05197 + 1.28804) * ANSWER / 125_000)
    assert one.promotion == pytest.approx(1.2107 * 0.2601)
    assert one.tail == pytest.approx(1.060 * 11.576)
    assert one.total == pytest.approx(sum(asdict(one).values()))
    with pytest.raises(ExperimentError, match="unknown radio '5g'; there are: 3g, lte, wifi"):
        Radio.load("5g")


def test_the_tail_ends_where_the_next_picture_begins() -> None:
    lte = Radio.load("lte")
    busy = (125_000 + ANSWER) / 125_000 + 0.5
    for every, idle in ((busy + 2, 2.0), (busy, 0.0), (0.1, 0.0)):
        often = lte.joules(125_000, 125_000, wait=0.5, every=every)
        assert often.tail == pytest.approx(1.060 * idle)
        assert often.promotion == 0  # it had no time to fall asleep
    assert lte.joules(125_000, 125_000, 0.5, busy + 11.577).promotion > 0


def test_what_sends_nothing_leaves_the_radio_asleep() -> None:
    energy = Energy(WIFI)
    assert energy.radioing(EDGE, 1e6).total == 0
    assert energy.radioing(SHARED, 1e6).tail > 0


def test_a_picture_waits_for_the_cloud_and_the_round_trip() -> None:
    energy = Energy(WIFI, edge=3.0, cloud=0.5, rtt=0.04, watts=2.0)
    expected = WIFI.joules(4000, 1e6, 0.04 + 0.5 * 0.020, 1.0)
    assert energy.radioing(SHARED, 1e6) == expected
    assert energy.computing(SHARED) == pytest.approx(3 * 2 * 0.020)
    assert Energy(WIFI).computing(SHARED) is None
    with pytest.raises(ExperimentError, match="not every 0"):
        Energy(WIFI, every=0)


def test_without_a_choice_there_is_no_plan() -> None:
    with pytest.raises(ExperimentError, match="allow more --max-divergence"):
        rows([], [1e6], Energy(WIFI))


def test_the_command_prints_what_the_report_says(
    make_run: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run: Path = make_run()
    totals = choices(Summary.open(run))
    command = ["splitwire", "plan", str(run), "--bandwidth=1e5", "--bandwidth=3e6", "--watts=2"]
    monkeypatch.setattr("sys.argv", command)
    monkeypatch.setattr(console, "width", 160)
    with pytest.raises(SystemExit):
        main()
    said = capsys.readouterr().out
    for total in rows(totals, [1e5, 3e6], Energy(WIFI)):
        assert total.total.result.label in said
    for stretch in worthwhile(totals):
        assert f"{stretch.slowest / 1e3:,.0f}" in said


@pytest.mark.parametrize("rate", [0.0, -5.0, float("nan"), inf])
def test_what_is_no_upload_rate_is_refused(rate: float) -> None:
    with pytest.raises(ExperimentError, match="an upload rate is a number of bytes a second, not"):
        check_rates([1e6, rate])


def bandwidth(rate: float | None, rtt: float = 0.005) -> Bandwidth:
    return SimpleNamespace(rate=rate, rtt=rtt)  # type: ignore[return-value]


def test_the_setting_follows_the_rate_and_ignores_small_gains() -> None:
    link = bandwidth(1e5)
    choose = Adaptive({"edge": EDGE, "shared": SHARED, "cloud": CLOUD}, link)  # type: ignore[dict-item]
    assert choose() == "edge"
    link.rate = 5e5  # type: ignore[misc]
    assert choose() == "shared"
    link.rate = 8.3e5  # type: ignore[misc]
    assert choose.seconds("cloud") < choose.seconds("shared")  # type: ignore[arg-type]  # but by little
    assert choose() == "shared"
    link.rate = 3e6  # type: ignore[misc]
    assert choose() == "cloud"
    link.rate = None  # type: ignore[misc]
    assert choose() == "edge"


def test_the_rate_is_measured_behind_a_queue_too() -> None:
    link = Bandwidth()
    assert (link.rate, link.rtt) == (None, inf)
    link.saw_probe(0.010)
    # Two packets of 10 kB handed over at once, at 1 MB/s: the second waits for the first.
    for size, heard in ((10_000, 0.040), (10_000, 0.050)):
        link.saw(size, 0.0, heard, 0.020)
    assert link.rate == pytest.approx(1e6)
    for start in (1.0, 2.0, 3.0):
        link.saw(10_000, start, start + 0.130, 0.020)
    assert link.rate == pytest.approx(1e5)


def frames(trace: Trace, choose: Any, seconds: float) -> Iterator[tuple[float, float]]:
    """Beginning and total time of frames that follow each other over a simulated link."""
    now = 0.0
    while now < seconds:
        total: Total = choose(now)
        way = trace.seconds_to_send(int(total.bytes), now + total.fixed / 2) if total.bytes else 0
        yield now, total.fixed + way
        now += total.fixed + way


def test_over_a_link_that_moves_it_is_near_the_best_in_hindsight() -> None:
    rates = [1e5, 3e6, 6e5, 2e6, 1.5e5, 1e6, 3e6, 3e5]
    trace = Trace((1.0,) * len(rates), tuple(rates))
    ways = [EDGE, SHARED, CLOUD]
    measured = Bandwidth()
    measured.rtt = 0.0
    choose = Adaptive(dict(enumerate(ways)), measured)  # type: ignore[arg-type]
    last_probe = 0.0

    def adaptive(now: float) -> Total:
        nonlocal last_probe
        chosen: Any = ways[choose()]  # type: ignore[call-overload]
        if chosen.bytes:
            way = trace.seconds_to_send(int(chosen.bytes), now + chosen.fixed / 2)
            measured.saw(int(chosen.bytes), now, now + way, 0.0)
            last_probe = now
        elif now - last_probe > 0.25:
            measured.saw(4000, now, now + trace.seconds_to_send(4000, now), 0.0)
            last_probe = now
        return chosen

    def hindsight(now: float) -> Total:
        return min(ways, key=lambda way: way.seconds(rates[int(now) % len(rates)]))

    def mean(way: Any) -> float:
        return float(np.mean([seconds for _, seconds in frames(trace, way, 16.0)]))

    found = mean(adaptive)
    assert found < 1.1 * mean(hindsight)
    assert found < min(mean(lambda now, way=way: way) for way in ways)
