"""Two runs side by side: what is the same shows no difference, and what was changed is found."""

from collections.abc import Callable
from dataclasses import replace
from math import isnan
from pathlib import Path

import numpy as np
import pytest

from splitwire.errors import ExperimentError
from splitwire.eval.comparison import BEST, Comparison
from splitwire.eval.delta_rates import bd_rates, bytes_within
from splitwire.eval.paired import by_unit, change, difference, shown
from splitwire.eval.results import summarise
from splitwire.eval.samples import Sample
from splitwire.eval.summary import Summary


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    from made_up_run import write_run

    def keep(sample: Sample) -> bool:
        return sample.split in ("", "blocks.3") and sample.curve in ("", "jpeg", "h264")

    folder = tmp_path_factory.mktemp("base")
    return Summary.open(write_run(folder, 12, 1, True, keep, lambda sample: False))


def changed(base: Summary, change: Callable[[Sample], Sample]) -> Summary:
    samples = [change(sample) for sample in base.samples]
    return replace(base, samples=samples, results=summarise(samples, base.scoring))


def test_a_run_beside_itself_shows_no_difference(base: Summary) -> None:
    both = Comparison(base, base)
    assert both.paired and both.comparable
    assert {rate.curve for rate in both.rates} == {BEST, "jpeg", "h264"}
    assert all(abs(rate.delta.percent or 0) < 1e-4 for rate in both.rates)
    for at in both.bytes:
        ends = (at.change.mean, at.change.low, at.change.high)
        assert ends == pytest.approx((0, 0, 0), abs=1e-9)
    assert all(judged.change.mean == 0 for judged in both.metrics) and both.metrics
    assert all(pace.ratio.mean == pytest.approx(1) for pace in both.times)


def test_what_needs_a_tenth_fewer_bytes_and_half_the_time_is_told_so(base: Summary) -> None:
    def better(sample: Sample) -> Sample:
        faster = replace(sample, encode=(sample.encode or 0) / 2)
        return replace(faster, bytes=round(0.9 * sample.bytes)) if sample.split else faster

    both = Comparison(base, changed(base, better))
    for rate in both.rates:
        assert rate.delta.percent == pytest.approx(-10, abs=0.1)
        assert -10.5 < rate.delta.low <= rate.delta.high < -9.5  # paired: the photos cancel
    assert [at.change.mean for at in both.bytes] == pytest.approx([-10] * 3, abs=0.1)
    ratios = {(pace.what, pace.stage): pace.ratio.mean for pace in both.times}
    assert ratios["jpeg", "encode"] == pytest.approx(0.5)
    assert ratios["jpeg", "decode"] == pytest.approx(1)
    assert ratios["network", "edge"] == pytest.approx(1)


def test_other_pictures_are_drawn_by_themselves(base: Summary) -> None:
    other = changed(base, lambda sample: replace(sample, photo="other_" + sample.photo))
    paired, apart = Comparison(base, base), Comparison(base, other)
    assert not apart.paired
    same, wide = (one.rates[0].delta for one in (paired, apart))
    assert wide.percent == pytest.approx(0, abs=1e-4)
    assert wide.high - wide.low > 10 * (same.high - same.low) + 1
    assert all(at.change.low < 0 < at.change.high for at in apart.bytes)
    assert all(pace.ratio.low < 1 < pace.ratio.high for pace in apart.times)


def test_accuracy_that_was_lost_is_found(base: Summary) -> None:
    def wrong(sample: Sample) -> Sample:
        return replace(sample, metrics=sample.metrics | {"top1": 0.0, "agree": 0.0})

    both = Comparison(base, changed(base, wrong))
    lost = {one.metric: one.change for one in both.metrics if one.labels[0] == "edge only"}
    assert lost["agree"].mean == -1 and lost["agree"].high == -1
    assert lost["top1"].high < 0 and not shown(lost["top5"])


def test_codecs_that_only_one_run_has_meet_in_its_best(base: Summary) -> None:
    def only(curve: str) -> Summary:
        samples = [s for s in base.samples if s.curve in ("", curve)]
        return replace(base, samples=samples, results=summarise(samples, base.scoring))

    both = Comparison(only("h264"), only("jpeg"))
    assert [rate.curve for rate in both.rates] == [BEST]
    within = bd_rates(base, "h264")["blocks.3", "jpeg"]
    assert (both.rates[0].delta.percent, both.rates[0].delta.low) == (within.percent, within.low)


def test_bytes_at_a_divergence_lie_on_the_line_between_points() -> None:
    points = [(100.0, 0.1), (400.0, 0.001), (900.0, 0.5)]
    assert bytes_within(points, 0.01) == pytest.approx(200)
    assert bytes_within(points, 0.2) == pytest.approx(100) and isnan(bytes_within(points, 1e-4))


def test_pairing_takes_out_what_the_pictures_share() -> None:
    random = np.random.default_rng(0)
    sizes = dict(enumerate(random.lognormal(0, 1, 40)))
    larger = {photo: 1.1 * size for photo, size in sizes.items()}
    told, apart = (change(larger, sizes, 0, paired) for paired in (True, False))
    assert shown(told) and told.mean == pytest.approx(10) and told.high - told.low < 1e-9
    assert not shown(apart) and apart.mean == pytest.approx(10)
    assert difference(larger, sizes, 0).mean == pytest.approx(0.1 * np.mean(list(sizes.values())))
    one = change({"a": 2.0}, {"a": 1.0}, 0)
    assert one.mean == 100 and isnan(one.low) and not shown(one)


def test_views_of_a_photo_are_one_observation() -> None:
    def view(number: int, size: int) -> tuple[Sample, float]:
        return Sample("a", number, "shared"), size

    assert by_unit([view(0, 10), view(1, 20), (Sample("b", 0, "shared"), None)]) == {"a": 15}


def test_one_photo_has_no_interval(base: Summary) -> None:
    samples = [s for s in base.samples if s.photo == "photo_00.png"]
    one = replace(base, samples=samples, results=summarise(samples, base.scoring))
    both = Comparison(one, one)
    assert all(isnan(rate.delta.low) for rate in both.rates if rate.delta.percent is not None)
    assert all(isnan(at.change.low) for at in both.bytes)


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(ExperimentError, match="holds no run"):
        Summary.open(tmp_path)
