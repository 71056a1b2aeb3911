import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from splitwire.eval.curves import curves, find_anchor, pareto
from splitwire.eval.delta_rates import bd_rate, bd_rates
from splitwire.eval.results import Estimate, Result, summarise
from splitwire.eval.samples import Sample
from splitwire.eval.summary import Summary
from splitwire.runner.choice import SHARED

KL = (0.2, 0.08, 0.02, 0.005)
RATES = (1000.0, 1800.0, 3100.0, 6000.0)


def curve(rates: Sequence[float], nats: Sequence[float], name: str = "jpeg") -> list[Result]:
    (blank,) = summarise([Sample("a", 0, SHARED, "blocks.3", name, name)])
    return [
        replace(blank, bytes=rate, divergence=Estimate(kl))
        for rate, kl in zip(rates, nats, strict=True)
    ]


def slopes(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Fritsch and Butland's slopes, as PCHIP defines them, for a rising curve."""
    h, d = np.diff(x), np.diff(y) / np.diff(x)
    w1, w2 = 2 * h[1:] + h[:-1], h[1:] + 2 * h[:-1]
    inner = (w1 + w2) / (w1 / d[:-1] + w2 / d[1:])
    ends = []
    for h0, h1, d0, d1 in ((h[0], h[1], d[0], d[1]), (h[-1], h[-2], d[-1], d[-2])):
        end = ((2 * h0 + h1) * d0 - h0 * d1) / (h0 + h1)
        ends.append(0.0 if end * d0 <= 0 else end)
    return np.array([ends[0], *inner, ends[1]])


def hermite(x: np.ndarray, y: np.ndarray, at: np.ndarray) -> np.ndarray:
    m, i = slopes(x, y), np.clip(np.searchsorted(x, at) - 1, 0, len(x) - 2)
    h = x[i + 1] - x[i]
    t = (at - x[i]) / h
    return (
        (1 + 2 * t) * (1 - t) ** 2 * y[i]
        + t * (1 - t) ** 2 * h * m[i]
        + t**2 * (3 - 2 * t) * y[i + 1]
        + t**2 * (t - 1) * h * m[i + 1]
    )


@pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
def test_a_curve_at_a_multiple_of_the_rate(factor: float) -> None:
    delta = bd_rate(curve(RATES, KL), curve([factor * r for r in RATES], KL))
    assert delta.percent == pytest.approx(100 * (factor - 1), abs=1e-9)


def test_against_our_own_integration() -> None:
    other_rates, other_kl = (700.0, 1500.0, 4000.0), (0.3, 0.05, 0.004)
    delta = bd_rate(curve(RATES, KL), curve(other_rates, other_kl))
    quality, other = -np.log10(KL), -np.log10(other_kl)
    grid = np.linspace(max(quality[0], other[0]), min(quality[-1], other[-1]), 20_001)
    gap = hermite(other, np.log10(other_rates), grid) - hermite(quality, np.log10(RATES), grid)
    own = np.sum((gap[1:] + gap[:-1]) / 2) / (len(grid) - 1)
    assert delta.percent == pytest.approx(100 * (10**own - 1), rel=1e-6)


def test_curves_that_share_enough_are_compared_without_a_warning() -> None:
    further = [kl / 4 for kl in KL]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert bd_rate(curve(RATES, KL), curve(RATES, further)).percent is not None


def test_the_order_of_points_and_points_that_are_beaten_do_not_matter() -> None:
    plain = bd_rate(curve(RATES, KL), curve([0.8 * r for r in RATES], KL))
    worse = curve([*RATES[::-1], 5000.0], [*KL[::-1], 0.1])
    assert bd_rate(worse, curve([0.8 * r for r in RATES], KL)).percent == plain.percent
    assert [p.bytes for p in pareto(worse)] == list(RATES)
    assert len(pareto(curve([1.0, 1.0, 2.0], [0.2, 0.1, 0.1]))) == 1


@pytest.mark.parametrize(
    ("rates", "nats", "reason"),
    [
        (RATES[:2], KL[:2], "2 points"),
        (RATES, [0.2, 0.3, 0.4, 0.5], "1 points"),
        (RATES, [5.0, 3.0, 2.0, 1.0], "no divergence in common"),
        (RATES, [3.0, 2.0, 1.0, 0.15], "only a factor of"),
        (RATES[:3], [0.2, 0.0, 1e-12], "1 points"),
        (RATES[:3], [math.inf, math.nan, 0.1], "1 points"),
    ],
)
def test_why_there_is_no_delta(rates: list[float], nats: list[float], reason: str) -> None:
    delta = bd_rate(curve(RATES, KL), curve(rates, nats))
    assert delta.percent is None and reason in delta.reason


def test_curves_of_a_run(make_run) -> None:
    def spoil(s: Sample) -> bool:
        return (s.codec, s.split, s.photo) == ("h264:qp=40", "blocks.5", "photo_00.png")

    summary = Summary.open(make_run(photos=6, spoil=spoil))
    found = curves(summary.results)
    assert ("", "") not in found and ("blocks.3", "raw:dtype=float32") not in found
    assert len(found["blocks.3", "h264"]) == 4 and len(found["blocks.5", "h264"]) == 3
    rates = [result.bytes for result in found["", "picture:format=jpeg"]]
    assert rates == sorted(rates)

    deltas = bd_rates(summary, "h264")
    assert set(deltas) >= {("blocks.3", "jpeg"), ("blocks.3", "picture:format=jpeg")}
    assert ("blocks.3", "h264") not in deltas and ("blocks.3", "png") not in deltas
    assert bd_rates(summary, "vvc") == {}


def measured(run: Path, change: Callable[[str], float], views: int = 1) -> Summary:
    """The run, but for jpeg, which needs `change(photo)` times the bytes of h264 at each point."""
    summary = Summary.open(run)
    samples = [s for s in summary.samples if s.split == "blocks.3" and s.curve == "h264"]
    samples = [s for s in samples if s.view < views]
    samples += [
        replace(s, codec=f"jpeg:quality={i}", curve="jpeg", bytes=round(s.bytes * change(s.photo)))
        for s in samples
        for i in [int(s.codec.split("=")[1])]
    ]
    return replace(summary, samples=samples, results=summarise(samples))


def test_an_interval_is_of_the_difference_and_not_of_the_curves(make_run) -> None:
    """Photos are hard or easy for both: what is gained on each is what counts."""
    delta = bd_rates(measured(make_run(photos=20), lambda photo: 0.8))["blocks.3", "jpeg"]
    assert delta.percent == pytest.approx(-20, abs=0.1)
    assert -20.2 < delta.low <= delta.high < -19.8
    assert delta.shown


def test_an_interval_is_over_photos_whatever_the_views(make_run) -> None:
    """A codec that wins on half of the photos wins on none of them for sure."""

    def change(photo: str) -> float:
        return 0.5 if int(photo[6:8]) % 2 else 1.5

    run = make_run(photos=20, views=8)
    few, many = (bd_rates(measured(run, change, views))["blocks.3", "jpeg"] for views in (1, 8))
    for delta in (few, many):
        assert delta.low < -10 and delta.high > 10
        assert not delta.shown
    # Eight views of each photo tell no more of photos: drawn as 160 they would give a third.
    assert (many.high - many.low) > 0.7 * (few.high - few.low)


def test_without_photos_to_draw_from_there_is_no_interval(make_run) -> None:
    delta = bd_rates(Summary.open(make_run(photos=1)))["blocks.3", "jpeg"]
    assert delta.percent is not None and math.isnan(delta.low) and delta.shown


def test_an_anchor_is_a_curve_or_a_codec() -> None:
    names = ["raw", "hevc:preset=slow", "hevc:preset=fast"]
    assert find_anchor(names, "hevc:preset=fast") == "hevc:preset=fast"
    assert find_anchor(names, "hevc") == "hevc:preset=slow"
    assert find_anchor(names, "h264") is None
