"""The two passes of an evaluation: in processes, extended, and timed on a few pictures."""

from pathlib import Path

import pytest
from small_runs import Plan

from splitwire.errors import ExperimentError
from splitwire.eval.run import Run
from splitwire.eval.samples import Time, read_run, rows
from splitwire.runner.pool import Processes


def test_two_processes_write_what_one_writes(tiny: Plan, tmp_path: Path) -> None:
    plan = tiny(limit=4, codecs=("raw:bits=4+8", "png"))
    alone, both = (
        list(Run(plan, tmp_path / "1")),
        list(Run(plan, tmp_path / "2", pool=Processes(2))),
    )
    assert [s.key for s in alone] == [s.key for s in both]
    assert [s.bytes for s in alone] == [s.bytes for s in both]
    pairs = zip(alone, both, strict=True)
    assert all(a.divergence == pytest.approx(b.divergence, abs=1e-6) for a, b in pairs)


def test_a_run_is_extended_by_more_pictures_and_by_more_times(tiny: Plan, tmp_path: Path) -> None:
    first = list(Run(tiny(limit=2, timed=1), tmp_path))
    more = list(Run(tiny(limit=4, timed=3), tmp_path))
    head, samples = read_run(tmp_path)
    assert head.experiment.limit == 4 and head.evaluation.startswith("4 pictures")
    assert samples == first + more
    times = [row for row in rows(tmp_path) if isinstance(row, Time)]
    assert len(times) == len({(t.photo, t.choice) for t in times}) == 3 * 2
    with pytest.raises(ExperimentError, match=r"other limit"):
        Run(tiny(limit=3, timed=3), tmp_path)


def test_no_more_pictures_are_timed_than_asked_for(tiny: Plan, tmp_path: Path) -> None:
    list(Run(tiny(limit=5, timed=2), tmp_path))
    times = [row for row in rows(tmp_path) if isinstance(row, Time)]
    assert len({t.photo for t in times}) == 2
    assert all(t.edge is not None and t.edge > 0 for t in times)
