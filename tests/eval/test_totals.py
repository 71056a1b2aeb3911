from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from splitwire.eval.results import Result, Spread, summarise
from splitwire.eval.samples import Sample, read_run
from splitwire.eval.totals import (
    FASTEST,
    SLOWEST,
    Total,
    best,
    envelope,
    faithful,
    merge,
    stage_seconds,
    total,
)
from splitwire.report.findings import choices, on_bytes, on_time


def result(split: str = "blocks.3", codec: str = "jpeg", size: float = 3000.0) -> Result:
    (blank,) = summarise(
        [Sample("a", 0, split, codec, codec, divergence=0.01, prediction=[1], reference=[1])]
    )
    times = {"edge": 0.010, "encode": 0.002, "decode": 0.001, "cloud": 0.004}
    spreads = {stage: Spread(seconds, seconds) for stage, seconds in times.items()}
    return Result(**{**vars(blank), "bytes": size, "times": spreads})


def test_the_formula() -> None:
    assert total(result(), 8, 0.5, 0.005).seconds(1e6) == pytest.approx(
        8 * 0.012 + 0.005 + 3000 / 1e6 + 0.5 * 0.005
    )


def test_edge_only_touches_no_link() -> None:
    alone = total(result("output", "none", 0.0), 8, 0.5, 0.3)
    assert alone.seconds(1.0) == alone.seconds(1e9) == pytest.approx(0.08)


def test_stage_seconds_add_up_to_the_total() -> None:
    link = {"name": "unknown", "rate": 2e5, "rtt": 0.04}
    parts = stage_seconds(result(), link, 8, 0.5)
    assert sum(parts.values()) == pytest.approx(total(result(), 8, 0.5, 0.04).seconds(2e5))
    known = Result(**{**vars(result()), "links": {"unknown": Spread(0.7, 0.9)}})
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
    edge = Total(result("output", "none"), 0.16, 0.0)
    split = Total(result(), 0.06, 4_500.0)
    cloud = Total(result("input", "picture"), 0.03, 20_000.0)
    pieces = merge(envelope([edge, split, cloud]))
    assert [way for way, _, _ in pieces] == ["edge only", "split", "cloud only"]
    assert pieces[1][1] == pytest.approx(45_000)
    assert pieces[1][2] == pytest.approx(15_500 / 0.03)
    assert on_time([edge, split, cloud]) == [
        "The fastest way is edge only below 45 kB/s; splitting from 45 kB/s to 517 kB/s; "
        "cloud only above 517 kB/s."
    ]


def test_only_the_faithful_and_unfailing_are_recommended(make_run) -> None:
    def spoil(s: Sample) -> bool:
        return s.codec == "jpeg:quality=50" and s.photo == "photo_00.png"

    head, samples = read_run(make_run(photos=8, spoil=spoil))
    results = summarise(samples)
    good = faithful(results, 0.05)
    assert good and all(r.divergence.mean <= 0.05 and not r.failed for r in good)
    assert not any(r.codec == "jpeg:quality=50" for r in good)
    assert {one.result.label for one in choices(head, results)} == {r.label for r in good}
    assert on_bytes(results).startswith("Within 0.05 nats of the uncompressed network, ")
    assert "comes closest" in on_bytes(results, 1e-20)
    assert "nothing to compare" in on_bytes([])
