"""Pictures that are cut short in the middle of others: each costs its own rows, not the run."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_runs import Plan

from splitwire.errors import DataError
from splitwire.eval.failures import dead
from splitwire.eval.results import summarise
from splitwire.eval.run import Run
from splitwire.eval.samples import read_run
from splitwire.eval.summary import Summary
from splitwire.report.measured import measured


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two folders of a picture each, and one that is cut short."""
    for name in ("cat/a", "dog/b", "dog/cut"):
        path = tmp_path / "photos" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(len(name)).integers(0, 255, (64, 64, 3), np.uint8)
        Image.fromarray(noise + np.uint8(ord(name[-1]))).save(path)
    path.write_bytes(path.read_bytes()[:2000])
    return tmp_path / "photos"


def test_a_picture_that_is_cut_short_is_rows_that_say_so(
    tiny: Plan, tmp_path: Path, photos: Path
) -> None:
    plan, out = tiny(data=str(photos), limit=None, codecs=("png",)), tmp_path / "run"
    assert len(list(Run(plan, out))) == 3 * 3
    samples = read_run(out)[1]
    broken = [sample for sample in samples if sample.error is not None]
    assert {sample.photo for sample in broken} == {"dog/cut.png"}
    assert len(broken) == 3 and all(sample.unread for sample in broken)
    assert "dog/cut.png is no picture that can be read" in str(broken[0].error)
    assert all(result.usable and result.photos == 2 for result in summarise(samples))
    assert not dead(samples)
    assert list(Run(plan, out)) == []  # and it is not tried again


def test_a_run_says_what_is_damaged_and_which_class_each_folder_is(
    tiny: Plan, tmp_path: Path, photos: Path
) -> None:
    run = Run(tiny(data=str(photos), limit=None), tmp_path / "run")
    assert list(run)
    said = dict(measured(Summary.open(tmp_path / "run")))["evaluated on"]
    assert said == run.pictures.described
    assert said.endswith("damaged, and not measured: dog/cut.png; cat is class 0, dog is class 1")


def test_where_no_picture_can_be_read_nothing_begins(
    tiny: Plan, tmp_path: Path, photos: Path
) -> None:
    with pytest.raises(DataError, match=r"cut\.png is no picture that can be read"):
        Run(tiny(data=str(photos / "dog" / "cut.png")), tmp_path / "run")
    assert not (tmp_path / "run").exists()
