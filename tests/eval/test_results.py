import math
from dataclasses import replace

import numpy as np
import pytest

from splitwire.eval.results import Result, spell_out, summarise
from splitwire.eval.samples import Sample, read_run


def sample(photo: int, view: int = 0, **changes: object) -> Sample:
    base = Sample(
        f"photo{photo}",
        view,
        "blocks.3",
        "jpeg",
        "jpeg",
        label=7,
        elements=1000,
        bytes=100 + photo,
        divergence=0.01 * photo,
        prediction=[7, 1, 2, 3, 4] if photo % 2 else [1, 7, 2, 3, 4],
        reference=[7, 1, 2, 3, 4],
        edge=0.01,
        encode=0.001 * (photo + 1),
        decode=0.002,
        cloud=0.02,
        link={"LTE": 0.1 + photo},
    )
    return replace(base, **changes)


def test_means_percentiles_and_counts() -> None:
    (result,) = summarise([sample(p, v) for p in range(10) for v in range(2)])
    assert (result.photos, result.samples, result.failed) == (10, 20, 0)
    assert result.bytes == pytest.approx(104.5)
    assert result.bytes_p95 == pytest.approx(np.percentile(np.repeat(range(100, 110), 2), 95))
    assert result.bits_per_element == pytest.approx(8 * 104.5 / 1000)
    assert result.divergence.mean == pytest.approx(0.045)
    assert result.divergence.low < 0.045 < result.divergence.high
    assert result.agreement.mean == 0.5
    assert result.top1 and result.top1.mean == 0.5
    assert result.top5 and result.top5.mean == 1.0
    assert result.times["encode"].p50 == pytest.approx(0.0055)
    assert result.links["LTE"].p50 == pytest.approx(4.6)
    assert result.usable


def test_failures_are_counted_and_left_out() -> None:
    good = [sample(p) for p in range(3)]
    bad = sample(9, error="broken", bytes=0, divergence=None, prediction=[])
    (result,) = summarise([*good, bad])
    assert (result.samples, result.failed, result.usable) == (3, 1, False)
    assert result.bytes == pytest.approx(101)


def test_nothing_but_failures() -> None:
    (result,) = summarise([sample(0, error="broken", elements=0)])
    assert result.failed == 1 and math.isnan(result.bytes) and math.isnan(result.times["edge"].p50)
    assert math.isnan(result.divergence.mean) and result.top1 is None


def test_unlabelled_has_no_accuracy_and_one_photo_no_interval() -> None:
    (result,) = summarise([sample(1, label=None)])
    assert result.top1 is None and result.top5 is None
    assert result.agreement.mean == 1.0 and math.isnan(result.divergence.low)


def test_order_names_and_ways(make_run) -> None:
    _, samples = read_run(make_run(photos=2))
    results = summarise(samples)
    assert [r.way for r in results[:2]] == ["edge only", "cloud only"]
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
