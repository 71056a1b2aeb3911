"""What an edge with bundles records, and chooses among, where torch cannot be imported."""

import asyncio
from pathlib import Path

import numpy as np
import pytest
from bundling import COMMAND, bundled, copied
from numpy.typing import NDArray
from PIL import Image
from without_torch import without_torch

import splitwire as sw
from splitwire.bundle.opened import Bundle
from splitwire.eval.experiment import LinkPlan, load_experiment
from splitwire.eval.run import Run
from splitwire.eval.samples import read_run
from splitwire.eval.summary import Summary
from splitwire.live.address import Address
from splitwire.live.drive import Drive
from splitwire.live.record import Record
from splitwire.report.page import write_report
from splitwire.runner.choice import EDGE_ONLY, SHARED
from splitwire.tasks.classification import Classification

FINE, COARSE = "raw:dtype=float32", "raw:bits=2"


@pytest.fixture(scope="module")
def fine(small: sw.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundled(small, tmp_path_factory.mktemp("bundles") / "fine", FINE)


@pytest.fixture(scope="module")
def coarse(fine: Path) -> Path:
    return copied(fine, fine.with_name("coarse"), codec=COARSE)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos of two classes, and a file that is none."""
    root = tmp_path_factory.mktemp("photos")
    for number in range(4):
        folder = root / f"{number % 2:04d}"
        folder.mkdir(exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (40, 50, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return root


@pytest.fixture(scope="module")
def evaluated(small: sw.Model, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of `eval` of both codecs, made where torch is."""
    out = tmp_path_factory.mktemp("runs") / "run"
    plan = load_experiment(
        model=small.name, data=str(photos), splits=("1",), codecs=(COARSE,), pictures=(), links=(),
        edge="this", cloud="this",
    )  # fmt: skip
    list(Run(plan, out))
    return out


def edge(address: str, photos: Path, *arguments: object) -> tuple[int, str, str]:
    """What an edge without torch ends with, prints, and complains of."""
    words = ("edge", "--connect", address, "--source", str(photos), *map(str, arguments))
    done = without_torch(COMMAND, *words)
    return done.returncode, " ".join(done.stdout.split()), done.stderr


def test_a_run_is_written_as_with_torch_and_the_report_draws_it(
    address: str, small: sw.Model, fine: Path, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    asked = ("--bundle", fine, "--frames", 12, "--rate", "1e6", "--rtt", 0.004, "--out", out)
    code, said, _ = edge(address, photos, *asked)
    assert code == 0, said
    assert "12 frames ran live: 12 answered by the cloud" in said
    assert f'splitwire report {out} where "splitwire[torch]" is installed' in said
    head, samples = read_run(out)
    assert (head.model.digest, head.model.picture) == (small.digest, 3 * 32 * 32)
    assert head.model.macs == sum(small.graph.macs) > 0
    assert head.experiment.links == (LinkPlan("live", 1e6, 0.004),)
    assert "onnxruntime" in head.versions
    assert head.hardware.threads == 1
    alone, live = samples[:4], samples[4:]
    assert {(s.way, s.outcome, s.divergence) for s in alone} == {(EDGE_ONLY, None, 0.0)}
    assert sorted(sample.frame or 0 for sample in live) == list(range(1, 13))
    for sample in live:
        assert (sample.outcome, sample.split, sample.codec) == ("answered", "1", FINE)
        assert 0 <= (sample.divergence if sample.divergence is not None else 1) < 1e-6
        assert sample.metrics["agree"] == 1 and "top1" in sample.metrics
        assert (sample.total or 0) >= sample.edge + sample.encode + sample.link["live"] > 0
    page = write_report(out).read_text(encoding="utf-8")
    assert "12 frames ran live" in page
    assert "Frames along the clock" in page and "answered: shared (12)" in page
    code, _, complaint = edge(address, photos, *asked)
    assert code == 1 and "holds a run already" in complaint


def test_of_several_bundles_those_that_a_run_found_faithful_are_chosen_among(
    address: str, fine: Path, coarse: Path, photos: Path, evaluated: Path, tmp_path: Path
) -> None:
    found = {r.codec: r.divergence.mean for r in Summary.open(evaluated).results if r.split}
    assert found[FINE] < found[COARSE]
    asked = ("--bundle", fine, "--bundle", coarse, "--frames", 8, "--adapt", evaluated)
    for limit, kept in ((found[COARSE] / 2, [FINE]), (2 * found[COARSE], [FINE, COARSE])):
        out = tmp_path / f"{len(kept)}"
        code, said, complaint = edge(
            address, photos, *asked, "--max-divergence", limit, "--out", out
        )
        assert code == 0, complaint
        assert "8 frames ran live" in said
        head, samples = read_run(out)
        assert list(head.experiment.codecs) == kept
        live = [sample for sample in samples if sample.outcome]
        assert {sample.choice for sample in live} <= {
            (EDGE_ONLY, "", ""),
            *((SHARED, "1", codec) for codec in kept),
        }
        assert {sample.outcome for sample in live} <= {"answered", "local"}


def test_what_a_run_cannot_tell_is_one_line(
    fine: Path, photos: Path, evaluated: Path, tmp_path: Path
) -> None:
    changes = {
        "did not measure raw:bits=3 at 1": {"codec": "raw:bits=3"},
        "is a run of another network than": {"digest": "0" * 16},
        "--adapt knows the fidelity of float32": {"precision": "int8"},
    }
    for number, (words, change) in enumerate(changes.items()):
        bundle = copied(fine, tmp_path / str(number), **change)
        asked = ("--bundle", bundle, "--adapt", evaluated)
        code, said, complaint = edge("http://127.0.0.1:9", photos, *asked)
        assert (code, said) == (1, "")
        assert words in complaint
        assert complaint.count("\n") == 1


def test_nothing_that_keeps_the_fidelity_is_one_line(
    coarse: Path, photos: Path, evaluated: Path
) -> None:
    asked = ("--bundle", coarse, "--adapt", evaluated, "--max-divergence", 1e-12)
    code, _, complaint = edge("http://127.0.0.1:9", photos, *asked)
    assert code == 1
    assert "allow more --max-divergence" in complaint


def test_another_bundle_begins_a_sequence_anew(
    address: str, small: sw.Model, small_picture: NDArray[np.float32], tmp_path: Path
) -> None:
    """Of two codecs that predict: each frame is answered, the first after a switch stands alone."""
    specs = [f"h264:qp={qp},preset=ultrafast,clip=minmax" for qp in (20, 40)]
    bundles = [Bundle(bundled(small, tmp_path / spec[:10], spec)) for spec in specs]
    choices = [bundle.shared for bundle in bundles]
    task = Classification.of(bundles[0].halves.model)

    async def records() -> list[Record]:
        async with Drive(Address(address), task, choices, deadline=30.0).edge() as edge:
            turns = enumerate((0, 0, 1, 1, 1, 0, 0))
            return [await edge.frame(str(n), small_picture, choices[at]) for n, at in turns]

    found = asyncio.run(records())
    assert [record.outcome for record in found] == ["answered"] * 7
    assert [record.intra for record in found] == [True, False, True, False, False, True, False]
