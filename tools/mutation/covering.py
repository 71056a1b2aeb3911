"""A pytest plugin that writes down which lines each test runs, and how long it takes.

It is given by `-p covering`, from the folder of the tree; the folder that SPLITWIRE_COVERING names
gets a file a process. What runs while a fixture of several tests is set up counts for all of them,
and so does what runs in a process that is started then: its `sitecustomize` imports this module.
"""

import atexit
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import coverage

RUNNING = "SPLITWIRE_RUNNING"  # the test or the fixture that runs, for the processes that it starts
FOLDER = Path(os.environ["SPLITWIRE_COVERING"])
TREE = Path(__file__).parent
SECONDS: dict[str, float] = {}
FIXTURES: dict[str, list[str]] = {}
MEASURED = coverage.Coverage(
    data_file=None,
    include=[f"{TREE}/splitwire/*"],
    config_file=False,
    context=os.environ.get(RUNNING),
)


def save() -> None:
    MEASURED.stop()
    data = MEASURED.get_data()
    lines = {
        str(Path(file).relative_to(TREE)): {
            line: sorted(filter(None, runners))
            for line, runners in data.contexts_by_lineno(file).items()
        }
        for file in data.measured_files()
    }
    FOLDER.mkdir(parents=True, exist_ok=True)
    said = {"seconds": SECONDS, "fixtures": FIXTURES, "lines": lines}
    (FOLDER / f"{os.getpid()}.json").write_text(json.dumps(said))


@contextmanager
def running(what: str) -> Iterator[None]:
    before = os.environ.get(RUNNING, "")
    for name in (what, before):
        os.environ[RUNNING] = name
        MEASURED.switch_context(name)
        if name == what:
            yield


def pytest_runtest_protocol(item: Any) -> Iterator[Any]:
    known = item._fixtureinfo.name2fixturedefs.values()
    FIXTURES[item.nodeid] = [_name(found[-1]) for found in known]
    with running(item.nodeid):
        return (yield)


def pytest_fixture_setup(fixturedef: Any) -> Iterator[Any]:
    if fixturedef.scope == "function":
        return (yield)
    with running(_name(fixturedef)):
        return (yield)


def _name(fixturedef: Any) -> str:
    return f"{fixturedef.baseid}::{fixturedef.argname}"


def pytest_runtest_logreport(report: Any) -> None:
    if report.when == "call" and report.passed:
        SECONDS[report.nodeid] = report.duration


MEASURED.start()
atexit.register(save)
if RUNNING not in os.environ:
    import pytest

    for hook in (pytest_runtest_protocol, pytest_fixture_setup):
        pytest.hookimpl(wrapper=True)(hook)
