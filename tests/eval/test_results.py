import math
from dataclasses import replace

import numpy as np
import pytest

from splitwire.eval.results import Result, summarise
from splitwire.eval.samples import Sample
from splitwire.eval.scoring import Scoring
from splitwire.eval.spelling import spell_out
from splitwire.eval.summary import Summary
from splitwire.runner.choice import CLOUD_ONLY, EDGE_ONLY, SHARED
from splitwire.tasks.metric import Metric

SCORING = Scoring.of("classification")


def sample(photo: int, view: int = 0, **changes: object) -> Sample:
    base = Sample(
        f"photo{photo}",
        view,
        SHARED,
        "blocks.3",
        "jpeg",
        "jpeg",
        elements=1000,
        bytes=100 + photo,
        divergence=0.01 * photo,
        metrics={"agree": float(photo % 2), "top1": float(photo % 2), "top5": 1.0},
        edge=0.01,
        encode=0.001 * (photo + 1),
        decode=0.002,
        cloud=0.02,
        link={"LTE": 0.1 + photo},
    )
    return replace(base, **changes)


def test_means_percentiles_and_counts() -> None:
    (result,) = summarise([sample(p, v) for p in range(10) for v in range(2)], SCORING)
    assert (result.photos, result.samples, result.failed) == (10, 20, 0)
    assert result.bytes == pytest.approx(104.5)
    assert result.bytes_p95 == pytest.approx(np.percentile(np.repeat(range(100, 110), 2), 95))
    assert result.bits_per_element == pytest.approx(8 * 104.5 / 1000)
    assert result.divergence.mean == pytest.approx(0.045)
    assert result.divergence.low < 0.045 < result.divergence.high
    assert {name: found.mean for name, found in result.metrics.items()} == {
        "agree": 0.5,
        "top1": 0.5,
        "top5": 1.0,
    }
    assert result.times["encode"].p50 == pytest.approx(0.0055)
    assert result.links["LTE"].p50 == pytest.approx(4.6)
    assert result.usable


def test_failures_are_counted_and_left_out() -> None:
    good = [sample(p) for p in range(3)]
    bad = sample(9, error="broken", bytes=0, divergence=None, metrics={})
    (result,) = summarise([*good, bad], SCORING)
    assert (result.samples, result.failed, result.usable) == (3, 1, False)
    assert result.bytes == pytest.approx(101)
    assert result.metrics["agree"].mean == pytest.approx(1 / 3)


def test_nothing_but_failures() -> None:
    (result,) = summarise([sample(0, error="broken", elements=0)], SCORING)
    assert result.failed == 1 and math.isnan(result.bytes) and math.isnan(result.times["edge"].p50)
    assert math.isnan(result.divergence.mean) and result.metrics == {}


def test_what_nothing_is_known_of_has_no_estimate_and_one_photo_no_interval() -> None:
    (result,) = summarise([sample(1, metrics={"agree": 1.0})], SCORING)
    assert list(result.metrics) == ["agree"]
    assert result.metrics["agree"].mean == 1.0 and math.isnan(result.divergence.low)


def test_a_metric_is_over_the_samples_of_which_it_is_known() -> None:
    known = [sample(p, metrics={"top1": 1.0} if p else {}) for p in range(4)]
    (result,) = summarise(known, SCORING)
    assert result.metrics["top1"].mean == 1.0 and result.samples == 4


def test_an_estimate_that_is_no_mean_has_an_interval_of_its_own() -> None:
    def ratio(statistics, weights):
        hits, found = np.asarray(statistics, float).T
        return (weights @ hits) / (weights @ found)

    precision = Metric("precision", "hits of what was found", lambda *_: None, ratio)
    pairs = [[p, 2 * p + 2] for p in range(20)]
    samples = [sample(p, metrics={"precision": pair}) for p, pair in enumerate(pairs)]
    (result,) = summarise(samples, Scoring("nats", 0.05, (precision,)))
    whole, found = result.metrics["precision"], sum(n for _, n in pairs)
    assert whole.mean == pytest.approx(sum(hits for hits, _ in pairs) / found)
    mean_of_ratios = np.mean([hits / n for hits, n in pairs])
    assert whole.low < whole.mean < whole.high
    assert whole.mean - mean_of_ratios > whole.high - whole.mean  # a bootstrap of means is another


def test_order_names_and_ways(make_run) -> None:
    results = Summary.open(make_run(photos=2)).results
    assert [r.way for r in results[:2]] == [EDGE_ONLY, CLOUD_ONLY]
    labels = [result.label for result in results]
    assert labels[:3] == ["edge only", "cloud PNG", "cloud JPEG 50"]
    assert "jpeg:quality=50 at blocks.3" in labels
    assert math.isnan(results[1].bits_per_element)


def test_defaults_are_spelt_out_on_a_swept_curve() -> None:
    found = spell_out(
        [
            ("jpeg", "jpeg"),
            ("jpeg:quality=80", "jpeg"),
            ("raw:dtype=float32", "raw:dtype=float32"),
            ("picture", "picture:format=png"),
            ("unheard-of", "unheard-of"),
            ("unheard-of:q=3", "unheard-of"),
        ]
    )
    assert found["jpeg"].startswith("jpeg:quality=")
    assert found["jpeg:quality=80"] == "jpeg:quality=80"
    assert found["raw:dtype=float32"] == "raw:dtype=float32"
    assert found["picture"] == "picture:format=png"
    assert found["unheard-of"] == "unheard-of"


def test_a_result_is_frozen() -> None:
    (result,) = summarise([sample(1)])
    with pytest.raises(AttributeError):
        result.bytes = 1.0
    assert isinstance(result, Result)


def test_a_run_opens_with_its_scoring_and_what_is_known(make_run) -> None:
    summary = Summary.open(make_run(photos=2, labelled=False))
    assert (summary.scoring.unit, summary.known) == ("nats", ["agree"])
    main = summary.scoring.main(summary.known)
    assert main and main.name == "agree"
    assert summary.head.model.name == "lite0" and len(summary.samples) > len(summary.results)


def test_a_codec_with_one_sweep_goes_by_its_name() -> None:
    slow, fast = "hevc:clip=5sd,preset=slow", "hevc:clip=5sd,preset=fast"

    def named(*codings: tuple[str, str]) -> list[str]:
        samples = [Sample("a", 0, SHARED, "s", spec, curve=curve) for spec, curve in codings]
        return [result.name for result in summarise(samples)]

    sweep = [(f"{slow},qp={qp}", slow) for qp in (20, 30)]
    assert named(*sweep) == ["hevc:qp=20", "hevc:qp=30"]
    other = [(f"{fast},qp={qp}", fast) for qp in (20, 30)]
    assert named(*sweep, *other) == [spec for spec, _ in (*sweep, *other)]
    assert named(sweep[0]) == [sweep[0][0]]  # no sweep: nothing may be left out
    raw = [("raw:bits=2", "raw"), ("raw:bits=3", "raw"), ("raw:dtype=float32", "raw:dtype=float32")]
    assert named(*raw) == ["raw:bits=2", "raw:bits=3", "raw:dtype=float32"]
