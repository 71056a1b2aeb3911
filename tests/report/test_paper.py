"""A run for a paper: figures of a column, the numbers behind them, and tables for LaTeX."""

import csv
import io
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from made_up_run import write_run
from matplotlib.figure import Figure
from matplotlib.text import Text

from splitwire.eval.samples import Sample
from splitwire.eval.summary import Summary
from splitwire.report import feature_plots
from splitwire.report.demonstration import accuracy_against_bytes
from splitwire.report.latex import booktabs, escaped
from splitwire.report.paper import COLUMN, POINTS, sized, write_figures


def keep(sample: Sample) -> bool:
    return not sample.split or (
        sample.split == "blocks.3" and sample.curve in ("jpeg", "raw", "h264")
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("r"), 6, 1, True, keep, lambda sample: False)


@pytest.fixture(scope="module")
def files(run: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("figures") / "new"
    return {path.name: path for path in write_figures(run, Summary.open(run), folder)}


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def test_every_figure_comes_as_svg_pdf_and_csv(files: dict[str, Path]) -> None:
    drawn = {name.removesuffix(".svg") for name in files if name.endswith(".svg")}
    assert {name.removesuffix(".pdf") for name in files if name.endswith(".pdf")} == drawn
    figures = {"rate-blocks.3", "metric-blocks.3", "figure-2-blocks.3", "time", "features-blocks.3"}
    assert drawn >= figures | {"stages-over-LTE", "depth-bytes-to-send"}
    pictures = {name for name in drawn if name.startswith("mosaic")}
    assert {name for name in drawn if f"{name}.csv" not in files} == pictures


def test_a_figure_has_the_width_of_a_column(files: dict[str, Path]) -> None:
    for name, path in files.items():
        if name.endswith(".svg"):
            width = ElementTree.parse(path).getroot().attrib["width"]
            assert float(width.removesuffix("pt")) == pytest.approx(72 * COLUMN)
            sizes = re.findall(r"font: (?:bold |700 )?([\d.]+)px", path.read_text(encoding="utf-8"))
            assert set(map(float, sizes)) <= {POINTS}, name
        if name.endswith(".pdf"):
            (box,) = re.findall(rb"/MediaBox \[([^\]]*)\]", path.read_bytes())
            assert float(box.split()[2]) == pytest.approx(72 * COLUMN)


def test_the_numbers_are_those_that_are_drawn(run: Path, files: dict[str, Path]) -> None:
    told = {(row["split"], row["codec"]): row for row in rows(files["rate-blocks.3.csv"])}
    for result in Summary.open(run).results:
        if result.codec.startswith(("jpeg", "h264")):
            row = told[result.split, result.spec]
            assert float(row["bytes"]) == result.bytes
            assert float(row["divergence_low"]) == result.divergence.low
    times = rows(files["time.csv"])
    assert {row["way"] for row in times} == {"edge only", "cloud only", "shared"}
    bars = rows(files["features-blocks.3.csv"])
    area = sum((float(b["to"]) - float(b["from"])) * float(b["density"]) for b in bars)
    assert area == pytest.approx(1)


def test_a_legend_names_what_is_drawn_and_nothing_else(files: dict[str, Path]) -> None:
    text = files["rate-blocks.3.svg"].read_text(encoding="utf-8")
    for name in ("cloud only, JPEG", "raw", "h264"):
        assert f">{name}</text>" in text
    assert "cloud only" not in files["figure-2-blocks.3.svg"].read_text(encoding="utf-8")
    assert "told:" not in text  # what is said of points on a page


def test_the_demonstrations_second_figure_has_its_own_line_at_8_bits(run: Path) -> None:
    summary = Summary.open(run)
    section = accuracy_against_bytes(summary)
    assert section is not None and len(section.figures) == 1
    (axes,) = section.figures[0].axes
    plain = next(r for r in summary.results if r.codec == "raw:bits=8")
    assert axes.lines[-1].get_ydata()[0] == 100 * plain.metrics["top1"].mean
    assert axes.get_xscale() == axes.get_yscale() == "linear"
    assert "8 bits: 15.7 kB" in [text.get_text() for text in axes.texts]
    without = [r for r in summary.results if r.codec != "raw:bits=8"]
    assert accuracy_against_bytes(replace(summary, results=without)) is None


def test_behind_a_relu_the_density_is_logarithmic() -> None:
    values = np.random.default_rng(0).normal(size=(8, 14, 14)).astype(np.float32)
    (plain,) = feature_plots.histogram(values).axes
    (behind,) = feature_plots.histogram(np.maximum(values, 0)).axes
    assert (plain.get_yscale(), behind.get_yscale()) == ("linear", "log")
    assert behind.get_xlim()[0] > -1 and plain.get_xlim()[0] < -3
    assert (
        sum(bool(bar.get_height()) for bar in behind.patches[1:]) > 60
    )  # beside the spike at zero


def test_words_keep_their_size_whatever_a_figure_was_drawn_for() -> None:
    figure = Figure(figsize=(10, 4))
    figure.subplots().set(title="large", xlabel="x")
    sized(figure)
    assert {text.get_fontsize() for text in figure.findobj(Text)} == {POINTS}
    assert tuple(figure.get_size_inches()) == pytest.approx((COLUMN, 1.4))


def test_tables_are_for_programs_and_for_latex(run: Path, files: dict[str, Path]) -> None:
    results = rows(files["results.csv"])
    assert len(results) == len(Summary.open(run).results)
    assert {"bytes", "divergence", "divergence_low", "top1", "encode_p50"} <= results[0].keys()
    assert "" in [row["bits_per_element"] for row in results]  # of what sends no features
    rates = rows(files["delta-rates.csv"])
    assert {row["anchor"] for row in rates} == {"h264"}
    for name in ("results.tex", "delta-rates.tex"):
        text = files[name].read_text(encoding="utf-8")
        lines = text.splitlines()
        assert lines[0].startswith(r"\begin{tabular}{l") and lines[-1] == r"\end{tabular}"
        columns = len(re.findall("[lr]", lines[0].rsplit("{", 1)[1]))
        cells = [line for line in lines if line.endswith(r" \\") and "multicolumn" not in line]
        assert {len(re.split(r"(?<!\\)&", line)) for line in cells} == {columns}
        assert not re.search(r"(?<!\\)[%#_]", text)


def test_what_latex_would_read_is_escaped() -> None:
    assert escaped("a_b & 5 % of #1 {x} \\ −3") == (
        r"a\_b \& 5 \% of \#1 \{x\} \textbackslash{} $-$3"
    )
    table = booktabs(["codec", "bytes"], {"": [["a", "1"]], "blocks_2": [["b", "2"]]})
    assert table.count(r"\midrule") == 2 and r"\multicolumn{2}{l}{blocks\_2} \\" in table
    assert table.startswith(r"\begin{tabular}{lr}" + "\n" + r"\toprule")
