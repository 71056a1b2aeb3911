"""`splitwire edge` as a user runs it: what it prints, writes, and what the report makes of it."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import time

import av
import numpy as np
import pytest
from PIL import Image

import splitwire as sw
from splitwire.cli import main
from splitwire.data.video import frames, newest
from splitwire.eval.experiment import LinkPlan
from splitwire.eval.samples import read_run
from splitwire.eval.summary import Summary
from splitwire.live.supply import supply
from splitwire.report.page import write_report


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for number in range(3):
        pixels = np.random.default_rng(number).integers(0, 256, (40, 50, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


def splitwire(monkeypatch: pytest.MonkeyPatch, folder: Path, *arguments: str) -> int:
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.argv", ["splitwire", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_a_live_run_is_written_as_eval_writes_and_the_report_draws_it(
    address: str,
    small: sw.Model,
    net: Path,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "run"
    command = ["edge", "--connect", address, "--model", "net.py:small", "--split", "1"]
    command += ["--codec", "raw:bits=8", "--source", str(photos), "--frames", "20"]
    command += ["--rate", "1e6", "--rtt", "0.004", "--out", str(out)]
    since = time()
    assert splitwire(monkeypatch, net, *command) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "20 frames ran live: 20 answered by the cloud" in said
    head, samples = read_run(out)
    assert head.model.digest == small.digest
    assert head.experiment.links == (LinkPlan("live", 1e6, 0.004),)
    live = [sample for sample in samples if sample.total is not None]
    assert (len(samples) - len(live), len(live)) == (3, 20)  # each photo on the edge alone, first
    assert sorted(sample.frame or 0 for sample in live) == list(range(1, 21))
    for sample in live:
        assert sample.outcome == "answered"
        assert sample.intra
        assert since <= (sample.at or 0) <= time()
        assert sample.divergence is not None
        assert 0 <= sample.divergence < 1
        assert sample.link["live"] >= 0.5 * 0.004  # one that caught up waits less
        assert sample.total >= sample.edge + sample.encode + sample.link["live"]
    # A relay that woke up late lets one frame catch up, so the rate is to be seen over all.
    assert median(s.link["live"] - 0.9 * (0.004 + s.bytes / 1e6) for s in live) >= 0
    assert splitwire(monkeypatch, net, "report", str(out)) == 0
    assert "raw:bits=8" in capsys.readouterr().out
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "20 frames ran live" in page
    assert "over live" in page
    assert "Frames along the clock" in page and "answered: shared (20)" in page
    assert "the fewest bytes: " not in page  # of a single choice there is no cheapest
    assert splitwire(monkeypatch, net, *command) == 1
    assert "holds a run already" in capsys.readouterr().err


def lines(said: str) -> list[str]:
    """Those that tell of frames, of what an edge printed."""
    return [line for line in said.splitlines() if re.match(r" *\d+  ", line)]


def test_a_picture_that_cannot_be_read_costs_its_own_frames(
    address: str,
    net: Path,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    mixed, out = tmp_path / "mixed", tmp_path / "run"
    shutil.copytree(photos, mixed)
    (mixed / "1.png").write_bytes((photos / "1.png").read_bytes()[:60])
    (mixed / "3.png").write_text("no picture")
    command = ["edge", "--connect", address, "--model", "net.py:small", "--split", "1"]
    command += ["--codec", "raw:bits=8", "--source", str(mixed), "--frames", "4"]
    assert splitwire(monkeypatch, net, *command, "--out", str(out)) == 0
    told = lines(capsys.readouterr().out)
    assert sorted(int(line.split()[0]) for line in told) == [1, 2, 3, 4]
    size = next(s.bytes for s in read_run(out)[1] if s.bytes)
    words = rf" +\d  class \d \d+ %; class \d \d+ %  \(raw:bits=8 at 1, {size:,} bytes, \d+ ms\)"
    assert sum(bool(re.fullmatch(words, line)) for line in told) == 2
    assert sum(f"1.png: refused: {mixed}/1.png is no picture" in line for line in told) == 1
    live = {s.frame: s for s in read_run(out)[1] if s.outcome}
    assert [live[n].outcome == "refused" for n in range(1, 5)] == [False, True, False, True]
    assert "3.png is no picture that can be read" in (live[4].error or "")
    assert splitwire(monkeypatch, net, "report", str(out)) == 0
    assert "failed" not in capsys.readouterr().out


def test_frames_that_fall_back_are_told_apart_from_those_of_the_edge_alone(
    address: str,
    net: Path,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = ["edge", "--connect", address, "--model", "net.py:small", "--split", "1"]
    command += ["--codec", "raw:bits=8", "--source", str(photos), "--frames", "4"]
    command += ["--deadline", "1e-9", "--out", str(tmp_path)]
    (tmp_path / "devices.toml").write_text("[fast]\nfactor = 0.5")  # which nobody can stand for
    command += ["--device", f"{tmp_path}/devices.toml:fast"]
    assert splitwire(monkeypatch, net, *command) == 0
    printed = capsys.readouterr()
    assert "fast is 2.0 times faster than this machine" in printed.err
    told = lines(printed.out)
    assert sum("(edge only, fallen back from raw:bits=8 at 1: no ans" in line for line in told) == 4
    live = [sample for sample in read_run(tmp_path)[1] if sample.outcome]
    assert {sample.choice for sample in live} == {("shared", "1", "raw:bits=8")}
    assert {sample.fallback for sample in live} == {"no answer before the deadline"}
    summary = Summary.open(tmp_path)
    assert [(r.choice, r.samples) for r in summary.results] == [(("edge only", "", ""), 3)]
    page = write_report(tmp_path).read_text(encoding="utf-8")
    assert "4 fallen back (no answer before the deadline)" in page
    assert "fallen back to the edge (4)" in page


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--connect nowhere", "'nowhere' is no address"),
        ("--connect http://127.0.0.1:9", "no connection to http://127.0.0.1:9"),
        ("--connect http://127.0.0.1:9 --rate 1 --trace x", "by --rate or by --trace"),
        ("--connect http://127.0.0.1:9 --trace missing", "cannot read the trace missing"),
        (
            "--connect http://127.0.0.1:9 --codec raw:clip=profile",
            "no profile of raw:clip=profile for",
        ),
        ("--connect http://127.0.0.1:9 --codec jpg", "unknown codec 'jpg'"),
        ("--connect http://127.0.0.1:9 --source missing", "missing is no folder"),
        ("--connect http://127.0.0.1:9 --adapt missing", "missing holds no run"),
        ("--connect http://127.0.0.1:9 --device slow", "unknown device 'slow'"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    net: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: str,
    said: str,
) -> None:
    words = ["edge", "--model", "net.py:small", "--split", "1", *arguments.split()]
    assert splitwire(monkeypatch, net, *words) == 1
    assert said in capsys.readouterr().err


def film(path: Path, frames: int) -> None:
    """A video of a texture that moves by a pixel a frame."""
    still = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    large = np.asarray(Image.fromarray(still).resize((64, 48), Image.Resampling.BICUBIC))
    with av.open(path, "w") as file:
        stream = file.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(frames):
            picture = av.VideoFrame.from_ndarray(np.roll(large, number, axis=1), "rgb24")
            file.mux(stream.encode(picture))
        file.mux(stream.encode())


def test_a_video_is_sent_as_a_sequence_and_its_samples_say_so(
    address: str,
    net: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    clip, out = tmp_path / "clip.mkv", tmp_path / "run"
    film(clip, 8)
    command = ["edge", "--connect", address, "--model", "net.py:small", "--split", "1"]
    command += ["--codec", "h264:qp=30,preset=ultrafast,clip=minmax", "--source", str(clip)]
    command += ["--keyframes", "5", "--out", str(out)]
    assert splitwire(monkeypatch, net, *command) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "8 frames ran live: 8 answered by the cloud, 6 predicted from frames before." in said
    assert (said.count(" bytes, intra, "), said.count(" bytes, inter, ")) == (2, 6)
    samples = sorted(read_run(out)[1], key=lambda sample: sample.frame or 0)
    assert [sample.outcome for sample in samples] == ["answered"] * 8
    assert [sample.intra for sample in samples] == [number % 5 == 0 for number in range(8)]
    assert splitwire(monkeypatch, net, "report", str(out)) == 0


def test_the_frames_of_a_video_come_in_order(small: sw.Model, tmp_path: Path) -> None:
    with av.open(tmp_path / "clip.mkv", "w") as file:
        stream = file.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for grey in (0, 100, 200):
            picture = av.VideoFrame.from_ndarray(np.full((48, 64, 3), grey, np.uint8), "rgb24")
            file.mux(stream.encode(picture))
        file.mux(stream.encode())
    found = list(frames(str(tmp_path / "clip.mkv")))
    assert [name for name, _ in found] == ["clip.mkv-000000", "clip.mkv-000001", "clip.mkv-000002"]
    assert [
        abs(int(np.asarray(p).mean()) - g) < 3
        for (_, p), g in zip(found, (0, 100, 200), strict=True)
    ] == [True] * 3
    photos, supplied = supply(small.preprocess, str(tmp_path / "clip.mkv"), 1)
    assert photos is None  # which could be run on the edge alone first
    pictures = [picture for _, picture in supplied]
    assert [getattr(picture, "shape", None) for picture in pictures] == [(3, 32, 32)] * 3
    (tmp_path / "no.mp4").write_text("no video", encoding="utf-8")
    with pytest.raises(sw.SplitwireError, match=r"cannot read pictures from .*no\.mp4"):
        list(frames(str(tmp_path / "no.mp4")))


def test_of_a_camera_only_the_newest_frame_counts() -> None:
    picture = Image.new("RGB", (4, 4))

    def camera() -> Iterator[tuple[str, Image.Image]]:
        for number in range(1000):
            yield str(number), picture

    names = [int(name) for name, _ in newest(camera())]
    assert names == sorted(set(names))
    assert names[-1] == 999
