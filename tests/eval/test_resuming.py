"""Runs that go on where they stopped, and those that must not."""

import json
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from forked import forked
from small_runs import NETS, SMALL, Plan

from splitwire.errors import ExperimentError, StorageError
from splitwire.eval.experiment import load_experiment
from splitwire.eval.run import Run
from splitwire.eval.samples import SAMPLES, Sample, read_run

# Runs in another process: it measures five samples, begins to write a sixth, and is killed.
KILLED = """
import os, signal, sys
from pathlib import Path
from splitwire.eval.experiment import load_experiment
from splitwire.eval.run import Run

out = Path(sys.argv[2])
samples = iter(Run(load_experiment(Path(sys.argv[1])), out))
for _ in range(5):
    next(samples)
with (out / "samples.jsonl").open("a") as file:
    file.write('{"kind": "sample", "photo": "imagen')
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small experiment, of a network that is quick to load."""
    folder = tmp_path_factory.mktemp("plan")
    (folder / "nets.py").write_text(NETS, encoding="utf-8")
    path, model = folder / "small.toml", f'model = "{folder}/nets.py:small"\n'
    path.write_text(model + SMALL.replace("blocks.3", "2"), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def whole(plan: Path) -> Path:
    """Its folder, run without a break."""
    out = plan.parent / "whole"
    assert len(list(Run(load_experiment(plan), out))) == 14
    return out


def told(sample: Sample) -> dict[str, Any]:
    """But for what the rounding of a batch may change."""
    return asdict(replace(sample, divergence=None, prediction={}))


def test_a_run_that_was_killed_goes_on_to_the_same_results(
    plan: Path, whole: Path, tmp_path: Path
) -> None:
    script = tmp_path / "killed.py"
    script.write_text(KILLED, encoding="utf-8")
    assert forked([str(script), str(plan), str(tmp_path)], tmp_path).returncode == -9
    assert not (tmp_path / SAMPLES).read_bytes().endswith(b"\n")
    before = read_run(tmp_path)[1]
    run = Run(load_experiment(plan), tmp_path)
    assert (len(before), len(run.done), run.total) == (5, 5, 14)
    after = list(run)
    head, samples = read_run(tmp_path)
    uninterrupted, expected = read_run(whole)
    assert samples == before + after
    assert max(Counter(sample.key for sample in samples).values()) == 1
    assert list(map(told, samples)) == list(map(told, expected))
    both = zip(samples, expected, strict=True)
    assert all(a.divergence == pytest.approx(b.divergence, abs=1e-5) for a, b in both)
    assert replace(head, started=uninterrupted.started) == uninterrupted


def test_a_finished_run_measures_nothing_again(plan: Path, whole: Path) -> None:
    written = (whole / SAMPLES).read_bytes()
    assert list(Run(load_experiment(plan), whole)) == []
    assert (whole / SAMPLES).read_bytes() == written


def test_a_run_killed_before_its_head_was_whole_begins_anew(tiny: Plan, tmp_path: Path) -> None:
    (tmp_path / SAMPLES).write_text('{"kind": "head", "experi', encoding="utf-8")
    assert len(list(Run(tiny(), tmp_path))) == 2
    assert len(read_run(tmp_path)[1]) == 2


def test_another_experiment_in_the_same_folder_is_refused(plan: Path, whole: Path) -> None:
    written = (whole / SAMPLES).read_bytes()
    with pytest.raises(ExperimentError, match=r"holds another run \(other seed, limit\)"):
        Run(load_experiment(plan, seed=1, limit=1), whole)
    assert (whole / SAMPLES).read_bytes() == written


def test_a_run_of_other_weights_versions_or_machine_is_refused(
    plan: Path, whole: Path, tmp_path: Path
) -> None:
    first, *_ = (whole / SAMPLES).read_text(encoding="utf-8").splitlines()
    head = json.loads(first)
    head["model"]["digest"] = "0" * 16
    head["versions"]["torch"] = "0.1"
    head["hardware"]["cores"] = 999
    (tmp_path / SAMPLES).write_text(json.dumps(head) + "\n", encoding="utf-8")
    with pytest.raises(ExperimentError, match="weights, the versions of packages, the machine"):
        Run(load_experiment(plan), tmp_path)


def test_a_folder_that_cannot_be_written_is_refused(tiny: Plan, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(StorageError, match=r"cannot write .*: Not a directory"):
        Run(tiny(), tmp_path / "file" / "run")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "does not begin with a head"),
        ('{"kind": "sample"}\n', "does not begin with a head"),
        ('{"kind": "head"}\n', "recorded by another version of Splitwire"),
        ('{"kind": "head", "format": 2}\n', "its head is damaged: experiment: "),
        ("\udcff\n", "line 1: damaged"),
    ],
)
def test_a_file_that_is_no_run_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / SAMPLES).write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ExperimentError, match=said):
        read_run(tmp_path)


def test_a_damaged_head_and_a_row_that_is_no_sample_are_refused(
    whole: Path, tmp_path: Path
) -> None:
    first, *rest = (whole / SAMPLES).read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / SAMPLES).write_text(first.replace('"factor": 1.0', '"factor": "fast"', 1))
    with pytest.raises(ExperimentError, match=r"head is damaged: edge\.factor: Input should be a"):
        read_run(tmp_path)
    for damaged in ("5\n", '{"photo"\n{}\n'):
        (tmp_path / SAMPLES).write_text(first + damaged)
        with pytest.raises(ExperimentError, match="line 2: damaged"):
            read_run(tmp_path)
    (tmp_path / SAMPLES).write_text(first + rest[0].replace('"view"', '"colour"', 1))
    with pytest.raises(ExperimentError, match="holds a row that is no sample"):
        read_run(tmp_path)
