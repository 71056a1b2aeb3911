"""The experiments of the 2019 demonstration: shapes, sizes and figures, on untrained weights."""

from math import prod
from pathlib import Path

import pytest

from splitwire.eval.experiment import load_experiment
from splitwire.eval.run import Run
from splitwire.eval.summary import Summary
from splitwire.report.paper import write_figures

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
SHAPES = {
    "resnet34": {"layer1": (64, 56, 56), "layer2": (128, 28, 28), "layer3": (256, 14, 14)},
    "vgg16": {
        "features.9": (128, 56, 56),
        "features.16": (256, 28, 28),
        "features.23": (512, 14, 14),
    },
}


@pytest.mark.full
@pytest.mark.parametrize("name", list(SHAPES))
def test_the_second_and_third_figure_are_drawn_of_it(name: str, tmp_path: Path) -> None:
    codecs = ("raw:bits=8", "jpeg:quality=10+50,clip=4sd")
    plan = load_experiment(
        EXPERIMENTS / f"{name}.toml", weights="none", codecs=codecs, limit=1, timed=1, pictures=()
    )
    run = Run(plan, tmp_path / "run")
    assert not any(sample.error for sample in run)
    summary = Summary.open(tmp_path / "run")
    plain = {r.split: r for r in summary.results if r.spec == "raw:bits=8"}
    shapes = {p.name: p.elements for p in run.points if p.name in plain}
    assert shapes == {at: prod(shape) for at, shape in SHAPES[name].items()}
    for at, result in plain.items():
        assert 0 < result.bytes - prod(SHAPES[name][at]) < 60  # header, checksum, range
        assert result.times["edge"].p50 > 0
    write_figures(tmp_path / "run", summary, tmp_path / "figures")
    drawn = {file.name for file in (tmp_path / "figures").iterdir()}
    for at in SHAPES[name]:
        assert {f"figure-2-{at}.svg", f"features-{at}.svg"} <= drawn
