from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest

from splitwire.eval.summary import Summary
from splitwire.report import feature_plots, rate_plots
from splitwire.report.plot_style import styles
from splitwire.report.svg import svg
from splitwire.report.units import significant, size_text, time_text


def test_figures_are_well_formed_and_leave_no_trace(make_run) -> None:
    results = Summary.open(make_run(photos=3)).results
    before = dict(matplotlib.rcParams)
    for figure in rate_plots.rate_divergence(results, "nats", 0.05):
        assert ElementTree.fromstring(svg(figure, "a & <b>")).tag.endswith("svg")
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("shape", [(80, 14, 14), (197, 384), (512,), (1, 5, 5), (2, 3, 4, 6)])
def test_features_of_any_rank(shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    assert len(feature_plots.mosaic(x, x)) == 3
    svg(feature_plots.histogram(x))


def test_constant_features() -> None:
    x = np.full((4, 3, 3), 2.0, np.float32)
    assert len(feature_plots.mosaic(x, x)) == 3
    svg(feature_plots.histogram(x))


def test_no_two_codecs_look_alike() -> None:
    names = ["picture", "raw", "png", "jpeg", "h264", "hevc", "av1", "klt", "learned", "other"]
    looks = styles([*names, "hevc:preset=slow"])
    assert len({looks[name].marker for name in names}) == len(names)
    assert looks["hevc"].colour == looks["hevc:preset=slow"].colour
    assert looks["hevc"].dashes != looks["hevc:preset=slow"].dashes
    pictures = styles(f"picture:format={form}" for form in ("jpeg", "webp", "avif")).values()
    assert len({look.dashes for look in pictures} - {looks["hevc"].dashes}) == 3


def test_numbers_in_words() -> None:
    assert [size_text(n) for n in (0, 450, 4629, 999.9, 150_528, 1.2e6)] == [
        "0 B",
        "450 B",
        "4.63 kB",
        "1 kB",
        "151 kB",
        "1.2 MB",
    ]
    assert [time_text(t) for t in (0.00045, 0.0123, 0.9999, 3)] == [
        "0.45 ms",
        "12.3 ms",
        "1 s",
        "3 s",
    ]
    assert [significant(v) for v in (0.05, 12.0, 99.96, 123456.0)] == [
        "0.05",
        "12",
        "100",
        "123456",
    ]
