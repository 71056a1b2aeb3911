"""A quick pass of peers.py: one view, one codec, its default and one other clip rule."""

from pathlib import Path

import peers
import pytest

from splitwire.eval.run import Run
from splitwire.eval.summary import Summary


def test_variants_are_measured_against_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "CLIPS", ("clip=minmax",))
    out = tmp_path / "jpeg"
    assert len(list(Run(peers.plan("jpeg", splits=["blocks.5"], limit=2), out)))
    rows = list(peers.report(Summary.open(out), "jpeg"))
    assert [row.split("|")[1].strip() for row in rows[2:]] == ["jpeg", "jpeg:clip=minmax"]
    assert "+0.0 %" in rows[2] and "%" in rows[3]
