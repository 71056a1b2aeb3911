"""What tests of several folders share: the default network, one of its photos, and runs."""

import os
from collections.abc import Generator

# Before torch is loaded, here and in every process that a test starts: threads that wait for each
# other on a busy machine take longer than one.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
from made_up_run import make_run  # noqa: F401
from numpy.typing import NDArray
from small_runs import plan, tiny, whole  # noqa: F401

import splitwire as sw
from splitwire.data.photos import load_photos


@pytest.fixture(scope="session")
def lite0() -> sw.Model:
    return sw.load_model("lite0")


@pytest.fixture(scope="session")
def picture(lite0: sw.Model) -> NDArray[np.float32]:
    """The first sample photo as the network takes it."""
    return lite0.preprocess.picture(load_photos("samples", 1)[0].open())


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="a missing tool fails its tests")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let no test be skipped where `--no-skips` is given, but for another processor or release.

    What needs an extra has a run of its own, with the extra.
    """
    report = yield
    if not report.skipped or not isinstance(report.longrepr, tuple):
        return report
    reason = report.longrepr[2].removeprefix("Skipped: ")
    if item.config.getoption("--no-skips") and not reason.startswith(("this ", "needs the extra")):
        report.outcome, report.longrepr = "failed", f"skipped, which --no-skips forbids: {reason}"
    return report
