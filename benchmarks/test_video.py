"""A quick pass of video.py: each table, of six frames of a photo that moves."""

from pathlib import Path

import clips
import pytest
import video
from curves import Bench

CLIP = "pan"  # made of a packaged photo, so that no film is needed
PEER = {"h264 4sd": "h264:qp=12+22+30+38,clip=4sd,preset=ultrafast"}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    out = tmp_path_factory.mktemp("video")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clips, "FRAMES", 6)
        made = Bench(clips.Studio("lite0", Path("none"), out), out / "rows.jsonl")
        made.footage(CLIP, "blocks.5")
        made.footage(CLIP, "input")
    return made


@pytest.mark.parametrize("table", sorted(set(video.TABLES) - {"peers"}))
def test_a_table_has_a_row_of_figures(
    bench: Bench, table: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(video, "OURS", "ftc:quality=36+44+52+60")
    monkeypatch.setattr(video, "FILM", {"h264": "film:qp=20+30+40,preset=ultrafast"})
    monkeypatch.setattr(video, "TARGETS", (150, 300, 600, 900))
    monkeypatch.setattr(video, "TIMED", ("ftc:quality=52",))
    monkeypatch.setattr(video, "DRIFTING", (52,))
    monkeypatch.setattr(video, "TURNS", 1)
    monkeypatch.setattr(video, "HUNDRED", 3)
    monkeypatch.setattr(video, "best_peers", lambda: PEER)
    video.TABLES[table](bench, [CLIP], "blocks.5", 1)
    head, rule, row = capsys.readouterr().out.strip().splitlines()
    assert head.startswith("| ") and set(rule) == set("|-")
    assert row.split("|")[1].strip() == ("ftc:quality=52" if table == "times" else CLIP)
    assert any(character.isdigit() for character in row.split("|", 2)[2])
