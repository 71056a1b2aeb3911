"""Tests run on mutants, in processes that have torch already, each with a copy of the tree."""

import os
import shutil
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path

from faults import Mutant

PARTS = ("splitwire", "tests", "docs", "benchmarks", "tools", "pyproject.toml", "README.md")
LOADED = ("torch", "torchvision", "timm", "av", "skimage", "matplotlib", "pytest", "websockets")
SAID = "said.txt"  # what pytest prints, in a tree
_trees: list[Path] = []  # one in each process


@dataclass(frozen=True)
class Trial:
    """A mutant, or None for the control; the tests that run on it in that order; their seconds."""

    mutant: Mutant | None
    tests: tuple[str, ...]
    seconds: float

    @property
    def patience(self) -> float:
        """Seconds after which they hang; a cloud that has to start counts nowhere else."""
        return 90 + 3 * self.seconds


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant: it was "killed", it "hung", was "broken" or "survived".

    Broken is what imports no more, or ends the process.
    """

    trial: Trial
    outcome: str
    said: str


def prepare(root: Path, scratch: Path) -> None:
    """Make a process ready for trials: a copy of the tree, and what takes long to import."""
    tree = scratch / str(os.getpid())
    copy_tree(root, tree)
    _trees.append(tree)
    for name in LOADED:
        import_module(name)


def copy_tree(root: Path, tree: Path) -> None:
    """What the tests need, compiled kernels with it."""
    for part in PARTS:
        if (root / part).is_dir():
            shutil.copytree(root / part, tree / part)
        else:
            tree.mkdir(exist_ok=True)
            shutil.copy2(root / part, tree / part)


def judge(trial: Trial) -> Verdict:
    """Put the fault into the tree, run the tests until the first that fails, and take it out."""
    (tree,) = _trees
    outcome = "survived"
    if trial.mutant is None:
        outcome = _ended(tree, trial)
    elif trial.tests:
        file = tree / trial.mutant.file
        kept = file.with_suffix(".kept")
        shutil.copy2(file, kept)
        try:
            file.write_bytes(trial.mutant.source())
            outcome = _ended(tree, trial)
        finally:
            kept.replace(file)  # with the time that the byte code beside it knows
    return Verdict(trial, outcome, (tree / SAID).read_text() if trial.tests else "")


def _ended(tree: Path, trial: Trial) -> str:
    process = get_context("fork").Process(target=_test, args=(tree, trial.tests))
    process.start()
    assert process.pid is not None
    process.join(trial.patience)
    hung = process.is_alive()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # and what the tests started
    process.join()
    if hung:
        return "hung"
    return {0: "survived", 1: "killed"}.get(process.exitcode or 0, "broken")


def _test(tree: Path, tests: Sequence[str]) -> None:
    os.setsid()
    os.chdir(tree)
    with (tree / SAID).open("w") as said:
        for number in (1, 2):
            os.dup2(said.fileno(), number)
    os.environ["PYTHONPATH"] = str(tree)
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    sys.dont_write_bytecode = True
    sys.path[:0] = [str(tree)]
    import pytest

    os._exit(pytest.main(["-x", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=short", *tests]))
