import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest

from splitwire.errors import ExperimentError
from splitwire.eval.results import summarise
from splitwire.eval.samples import read_run
from splitwire.report import feature_plots, plots
from splitwire.report.page import write_report
from splitwire.report.plot_style import LIGHT, styles, svg
from splitwire.report.units import significant, size_text, time_text

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """Checks that tags nest, and keeps what the page would fetch, its ids and its headings."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.sources: list[str] = []
        self.tags: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.open += [] if tag in VOID else [tag]
        for name, value in attrs:
            if name == "id" and tag in ("section", "g", "svg", "figure"):
                self.ids.append(value or "")
            if name in ("src", "href", "xlink:href", "data", "action"):
                self.sources.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def page(run: Path, **options: object) -> tuple[Page, str]:
    text = write_report(run, **options).read_text(encoding="utf-8")
    return Page(text), text


def test_the_whole_page(make_run) -> None:
    parsed, text = page(make_run(photos=5))
    sections = ["rate", "accuracy", "time", "stages", "features", "mosaic", "depth"]
    assert parsed.ids == [*sections, "results", "bd", "measured"]
    for words in (
        "Within 0.05 nats",
        "The fastest way is",
        "phone-2019",
        "torch 2.6.0",
        "5 photos",
    ):
        assert words in text


def test_it_fetches_nothing_and_runs_nothing(make_run) -> None:
    parsed, text = page(make_run(photos=2))
    assert all(source.startswith(("#", "data:")) for source in parsed.sources)
    assert not {"script", "link", "img", "iframe"} & set(parsed.tags)
    assert "@import" not in text and not re.search(r"url\((?!#)", text)


def test_the_same_run_gives_the_same_page(make_run) -> None:
    run = make_run(photos=2)
    assert page(run)[1] == page(run)[1]


def test_colours_follow_the_theme(make_run) -> None:
    _, text = page(make_run(photos=2))
    figures = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(figures) > 15
    assert not any(colour in figure for figure in figures for colour in LIGHT.values())
    assert "prefers-color-scheme: dark" in text


def test_without_labels_nothing_speaks_of_accuracy(make_run) -> None:
    parsed, text = page(make_run(photos=3, views=2, labelled=False))
    assert "Rate against agreement" in text and "top1" not in text
    assert "accuracy" in parsed.ids  # the section, of agreement


def test_one_photo_one_split_one_codec(make_run) -> None:
    run = make_run(photos=1, keep=lambda s: s.split == "blocks.3" and s.curve == "jpeg")
    parsed, text = page(run)
    assert {"rate", "time", "mosaic"} <= set(parsed.ids)
    assert "No curve h264 in this run; there is jpeg." in text
    assert not re.search(r"\bnan\b", re.sub(r"data:[^\"]*", "", text), re.IGNORECASE)


def test_only_cloud(make_run) -> None:
    parsed, _ = page(make_run(photos=2, keep=lambda s: s.split == "input"))
    assert "rate" in parsed.ids and "mosaic" not in parsed.ids


def test_nothing_but_failures(make_run) -> None:
    parsed, text = page(make_run(photos=2, spoil=lambda s: True))
    assert "failures" in parsed.ids and not {"rate", "accuracy", "time"} & set(parsed.ids)
    assert "the encoder refused a frame" in text and "nothing to compare" in text


def test_no_samples_yet(make_run) -> None:
    assert "results" in page(make_run(photos=1, keep=lambda s: False))[0].ids


def test_a_codec_that_is_gone_costs_the_mosaic_only(make_run) -> None:
    run = make_run(photos=2, keep=lambda s: s.curve == "jpeg")
    path = run / "samples.jsonl"
    path.write_text(path.read_text(encoding="utf-8").replace('"jpeg', '"gone'), encoding="utf-8")
    parsed, _ = page(run)
    assert "mosaic" not in parsed.ids and "rate" in parsed.ids


def test_words_from_outside_stay_words(make_run) -> None:
    run = make_run(photos=2, spoil=lambda s: s.codec == "png")
    path = run / "samples.jsonl"
    text = path.read_text(encoding="utf-8").replace("the encoder", "<script>$x^2$</script>")
    path.write_text(text.replace('"lite0"', '"<b>lite</b>"'), encoding="utf-8")
    parsed, text = page(run)
    assert "script" not in parsed.tags and "&lt;script&gt;" in text


def test_damaged_features_and_a_folder_that_is_no_run(make_run, tmp_path: Path) -> None:
    with pytest.raises(ExperimentError, match="holds no run"):
        write_report(tmp_path / "nowhere")
    run = make_run(photos=1)
    (run / "features" / "blocks.3.npy").write_bytes(b"garbage")
    with pytest.raises(ExperimentError, match="no feature tensor"):
        write_report(run)


def test_figures_are_well_formed_and_leave_no_trace(make_run) -> None:
    _, samples = read_run(make_run(photos=3))
    before = dict(matplotlib.rcParams)
    for figure in plots.rate_divergence(summarise(samples)):
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


def test_a_report_loads_no_torch(make_run) -> None:
    run = make_run(photos=1)
    code = (
        "import sys; from pathlib import Path; from splitwire.report.page import write_report; "
        f"write_report(Path({str(run)!r})); sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-P", "-c", code], check=True, timeout=120)
