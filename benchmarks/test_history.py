"""A loss is told where it is one, and only there; a quick pass of history.py."""

from dataclasses import replace

import history
import pytest
from history import Entry

THEN = Entry("1234567", "tile", "numpy", [8.0, 8.1, 8.2, 8.3, 8.4, 8.5, 9.0], "a processor")


def told(now: Entry) -> list[str]:
    older = replace(THEN, commit="0000000", ratios=[80.0] * 7)  # the last line counts alone
    return list(history.lost([older, THEN], [now]))


def test_a_kernel_that_lost_a_tenth_is_told() -> None:
    (line,) = told(replace(THEN, ratios=[ratio * 0.85 for ratio in THEN.ratios]))
    assert line.startswith("tile lost 15% against numpy since 1234567")


@pytest.mark.parametrize(
    "now",
    [
        replace(THEN, ratios=[ratio * 0.95 for ratio in THEN.ratios]),  # less than a tenth
        replace(THEN, ratios=[ratio * 0.85 for ratio in THEN.ratios[:-1]] + [8.05]),  # the spread
        replace(THEN, ratios=[ratio * 2 for ratio in THEN.ratios]),
        replace(THEN, ratios=[1.0], machine="another processor"),
        replace(THEN, ratios=[1.0], peer="torch"),
    ],
)
def test_nothing_else_is(now: Entry) -> None:
    assert told(now) == []


def test_every_kernel_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "ROUNDS", 1)
    now = list(history.measured("now", 1))
    assert {entry.kernel for entry in now} == {name for name, _, _ in history.works()}
    assert all(min(entry.ratios) > 0 for entry in now)


def test_the_history_can_be_read() -> None:
    entries = history.read(history.HISTORY)
    assert entries and all(len(entry.ratios) == history.RUNS for entry in entries)
