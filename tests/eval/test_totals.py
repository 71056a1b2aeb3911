from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitwire.eval.experiment import LinkPlan
from splitwire.eval.results import Result, Spread, summarise
from splitwire.eval.samples import Sample
from splitwire.eval.summary import Summary
from splitwire.eval.totals import (
    FASTEST,
    SLOWEST,
    Total,
    best,
    choices,
    envelope,
    faithful,
    merge,
    stage_seconds,
    total,
)
from splitwire.runner.choice import CLOUD_ONLY, EDGE_ONLY, SHARED, Way
from splitwire.runner.tcp import expected_recovery, highest_rate


def result(way: Way = SHARED, size: float = 3000.0) -> Result:
    (blank,) = summarise([Sample("a", 0, way, divergence=0.01)])
    times = {"edge": 0.010, "encode": 0.002, "decode": 0.001, "cloud": 0.004}
    spreads = {stage: Spread(seconds, seconds) for stage, seconds in times.items()}
    return replace(blank, bytes=size, times=spreads)


def test_the_formula() -> None:
    assert total(result(), 8, 0.5, 0.005).seconds(1e6) == pytest.approx(
        8 * 0.012 + 0.005 + 3000 / 1e6 + 0.5 * 0.005
    )


def test_a_link_that_loses_costs_what_tcp_waits_and_sends_again() -> None:
    clean, lossy = (total(result(), 8, 0.5, 0.05, loss) for loss in (0.0, 0.02))
    waiting, again = expected_recovery(3000, 0.02, 0.05)
    assert waiting > 0 and lossy.fixed == pytest.approx(clean.fixed + waiting)
    assert lossy.bytes == clean.bytes + again
    ceiling = highest_rate(0.02, 0.05)
    assert lossy.seconds(2 * ceiling) == lossy.seconds(ceiling) < lossy.seconds(ceiling / 2)


@pytest.mark.parametrize("ceiling", [SLOWEST / 2, SLOWEST, 5e4, 2e5, FASTEST])
def test_above_the_ceiling_nothing_gets_faster(ceiling: float) -> None:
    slim, quick = (Total(result(), *line, ceiling) for line in ((0.06, 2e3), (0.04, 4e3)))  # 1e5
    pieces = envelope([Total(result(EDGE_ONLY), 9.0, 0.0), slim, quick])
    assert (pieces[0].slowest, pieces[-1].fastest) == (SLOWEST, FASTEST)
    assert all(a.fastest == b.slowest for a, b in pairwise(pieces))
    for piece in pieces:
        for rate in np.geomspace(piece.slowest * 1.001, piece.fastest * 0.999, 7):
            assert piece.total.seconds(rate) == min(slim.seconds(rate), quick.seconds(rate))


def test_edge_only_touches_no_link() -> None:
    alone = total(result(EDGE_ONLY, 0.0), 8, 0.5, 0.3)
    assert alone.seconds(1.0) == alone.seconds(1e9) == pytest.approx(0.08)
    assert stage_seconds(alone.result, LinkPlan("slow", rate=1.0), 8, 0.5) == {"edge": 0.08}


def test_stage_seconds_add_up_to_the_total() -> None:
    link = LinkPlan("unknown", rate=2e5, rtt=0.04)
    parts = stage_seconds(result(), link, 8, 0.5)
    assert list(parts) == ["edge", "encode", "link", "decode", "cloud"]
    assert sum(parts.values()) == pytest.approx(total(result(), 8, 0.5, 0.04).seconds(2e5))
    known = replace(result(), links={"unknown": Spread(0.7, 0.9)})
    assert stage_seconds(known, link, 8, 0.5)["link"] == 0.7


lines = st.lists(
    st.tuples(st.floats(1e-3, 10), st.one_of(st.just(0.0), st.floats(1, 1e6))),
    min_size=1,
    max_size=8,
)


@given(lines)
def test_the_envelope_is_the_best_everywhere(pairs: list[tuple[float, float]]) -> None:
    totals = [Total(result(), fixed, size) for fixed, size in pairs]
    stretches = envelope(totals)
    assert stretches[0].slowest == SLOWEST and stretches[-1].fastest == FASTEST
    for one, other in pairwise(stretches):
        rate = one.fastest
        assert rate == other.slowest and one.total.bytes < other.total.bytes
        assert one.total.seconds(rate) == pytest.approx(other.total.seconds(rate))
    for stretch in stretches:
        for rate in np.geomspace(stretch.slowest, stretch.fastest, 5):
            least = best(totals, rate).seconds(rate)
            assert stretch.total.seconds(rate) == pytest.approx(least, rel=1e-9)


def test_break_even_in_closed_form() -> None:
    edge = Total(result(EDGE_ONLY), 0.16, 0.0)
    split = Total(result(), 0.06, 4_500.0)
    cloud = Total(result(CLOUD_ONLY), 0.03, 20_000.0)
    pieces = merge(envelope([edge, split, cloud]))
    assert [way for way, _, _ in pieces] == [EDGE_ONLY, SHARED, CLOUD_ONLY]
    assert pieces[1][1] == pytest.approx(45_000)
    assert pieces[1][2] == pytest.approx(15_500 / 0.03)


def test_only_the_faithful_and_unfailing_are_recommended(make_run) -> None:
    def spoil(s: Sample) -> bool:
        return s.codec == "jpeg:quality=50" and s.photo == "photo_00.png"

    summary = Summary.open(make_run(photos=8, spoil=spoil))
    good = faithful(summary.results, 0.05)
    assert good and all(r.divergence.mean <= 0.05 and not r.failed for r in good)
    assert not any(r.codec == "jpeg:quality=50" for r in good)
    assert {one.result.label for one in choices(summary)} == {r.label for r in good}


def test_choices_are_timed_on_the_devices_of_the_run(make_run) -> None:
    for one in choices(Summary.open(make_run(photos=2))):
        p50 = {stage: spread.p50 for stage, spread in one.result.times.items()}
        edge, cloud = p50["edge"] + p50["encode"], p50["decode"] + p50["cloud"]
        way = 0.0 if one.result.way == EDGE_ONLY else 0.005 + cloud
        assert one.fixed == pytest.approx(8 * edge + way)
