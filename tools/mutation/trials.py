"""Tests run on mutants, in processes that have torch already, each with a copy of the tree."""

import os
import shutil
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection
from pathlib import Path

from faults import Mutant

PARTS = ("splitwire", "tests", "docs", "benchmarks", "tools", "pyproject.toml", "README.md")
LOADED = ("torch", "torchvision", "timm", "av", "skimage", "matplotlib", "pytest", "websockets")
PATIENCE = 150  # seconds for a few processes to start on a busy machine, and for what hangs to show
_trees: list[Path] = []  # one in each process
_control: dict[tuple[str, ...], str] = {}  # what became of tests on the tree as it is


@dataclass(frozen=True)
class Trial:
    """A mutant, the tests that run on it in that order, and the seconds that these take."""

    mutant: Mutant
    tests: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant.

    Args:
        mutant: what was put in.
        outcome: "killed"; "hung"; "broken" if it imports no more, or ends the process; "survived";
            "unclear" if the test that found it does not find it again, or fails without it too, or
            if the tests are not there.
        test: which found it.
    """

    mutant: Mutant
    outcome: str
    test: str = ""


def prepare(root: Path, scratch: Path) -> None:
    """Make a process ready for trials: a copy of the tree, and what takes long to load."""
    from torch import zeros
    from torch.export import export
    from torch.nn import Identity

    tree = scratch / str(os.getpid())
    copy_tree(root, tree)
    _trees.append(tree)
    for name in LOADED:
        import_module(name)
    export(Identity(), (zeros(1),))  # the first of all loads the most


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
    if not trial.tests:
        return Verdict(trial.mutant, "survived")
    patience = PATIENCE + 5 * trial.seconds
    file = tree / trial.mutant.file
    kept = file.with_suffix(".kept")
    shutil.copy2(file, kept)
    try:
        file.write_bytes(trial.mutant.source())
        outcome, test = _run(tree, trial.tests, patience)
        if outcome == "killed" and _run(tree, (test,), patience)[0] == "survived":
            outcome = "unclear"
    finally:
        kept.replace(file)  # with the time that the byte code beside it knows
    again = {"killed": (test,), "broken": ("--collect-only", *trial.tests)}.get(outcome, ())
    if again and again not in _control:
        _control[again] = _run(tree, again, patience)[0]
    if again and _control[again] != "survived":
        outcome = "unclear"
    return Verdict(trial.mutant, outcome, test)


def _run(tree: Path, tests: Sequence[str], patience: float) -> tuple[str, str]:
    """What became of the tree as it stands, and the first test that failed."""
    here, there = Pipe(duplex=False)
    process = get_context("fork").Process(target=_test, args=(tree, tests, there))
    process.start()
    there.close()
    assert process.pid is not None
    process.join(patience)
    hung = process.is_alive()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # and what the tests started
    process.join()
    try:
        test = here.recv()
    except EOFError:  # as none failed
        test = ""
    if hung:
        return "hung", test
    return {0: "survived", 1: "killed"}.get(process.exitcode or 0, "broken"), test


def _test(tree: Path, tests: Sequence[str], told: Connection) -> None:
    os.setsid()
    os.chdir(tree)
    with (tree / "said.txt").open("w") as said:
        for number in (1, 2):
            os.dup2(said.fileno(), number)
    os.environ["PYTHONPATH"] = str(tree)
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    sys.dont_write_bytecode = True
    sys.path[:0] = [str(tree)]
    import pytest

    class First:
        """Tells of the test that fails, or of the file that cannot be imported."""

        def pytest_runtest_logreport(
            self, report: pytest.TestReport | pytest.CollectReport
        ) -> None:
            if report.failed:
                told.send(report.nodeid)

        pytest_collectreport = pytest_runtest_logreport

    options = ("-x", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=short")
    os._exit(pytest.main([*options, *tests], [First()]))
