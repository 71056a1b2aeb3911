"""What every command takes, and what is printed for programs."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from made_up_run import MakeRun
from test_cli import Command, Done, desk, output, splitwire  # noqa: F401

import splitwire as sw


def test_the_version_is_printed(splitwire: Command) -> None:  # noqa: F811
    assert output(splitwire("--version")) == f"splitwire {sw.__version__}\n"


def test_shells_can_complete_words(splitwire: Command) -> None:  # noqa: F811
    assert "splitwire" in output(splitwire("--show-completion", "bash"))


def test_quiet_prints_nothing_but_errors(desk: Path, splitwire: Command) -> None:  # noqa: F811
    command = ["encode", "x.npy", "-o", "quiet.sw", "--quiet", "--codec"]
    assert output(splitwire(*command, "raw")) == ""
    assert (desk / "quiet.sw").exists()
    assert output(splitwire("splits", "net.py:small", "-q")) == ""
    assert "unknown codec" in splitwire(*command, "jpg").stderr


def test_verbose_adds_the_traceback_and_what_torch_says(splitwire: Command) -> None:  # noqa: F811
    said = splitwire("splits", "net.py:branching", "--verbose").stderr
    assert "Traceback" in said and "def forward" in said
    assert said.splitlines()[-1].startswith("splitwire: net.py:branching cannot be cut")
    plain = splitwire("splits", "net.py:branching").stderr
    assert plain.count("\n") == 1


@pytest.fixture(autouse=True)
def branching(desk: Path) -> None:  # noqa: F811
    """One more network on the desk."""
    file = desk / "net.py"
    if "branching" not in file.read_text():
        more = "class Branching(nn.Module):\n    def forward(self, x):\n"
        more += "        return x.exp() if x.sum() > 0 else x\n\ndef branching():\n"
        file.write_text(f"{file.read_text()}\n{more}    return Branching(), small()[1]\n")


def values(done: Done) -> object:
    return json.loads(output(done))


def test_what_programs_want_is_to_be_had_as_json(desk: Path, splitwire: Command) -> None:  # noqa: F811
    known = values(splitwire("codecs", "--json"))
    assert isinstance(known, dict) and known["jpeg"]["quality"]["low"] == 1
    cuts = values(splitwire("splits", "net.py:small", "--json"))
    assert isinstance(cuts, dict) and cuts["difference"] == 0
    assert cuts["points"][0]["shapes"] == [[1, 3, 32, 32]]
    assert cuts["points"][-1]["edge_share"] == 1
    timed = values(splitwire("splits", "net.py:small", "--json", "--measure"))
    assert isinstance(timed, dict) and all(row["seconds"] > 0 for row in timed["points"])
    stream = sw.codec("jpeg:quality=30").encode(np.load(desk / "x.npy"))
    (desk / "x.sw").write_bytes(stream)
    said = values(splitwire("inspect", "x.sw", "--json"))
    assert isinstance(said, dict) and (said["codec"], said["shape"]) == ("jpeg", [8, 14, 14])
    assert said["stream"] == len(stream) and said["position"] is None


def test_a_plan_is_to_be_had_as_json(make_run: MakeRun, splitwire: Command) -> None:  # noqa: F811
    said = values(splitwire("plan", str(make_run(photos=3)), "--json", "--bandwidth", "1e5"))
    assert isinstance(said, dict)
    (row,) = said["rates"]
    assert row["rate"] == 1e5 and row["seconds"] > 0 and row["way"]
    assert said["fastest"][0]["from"] > 0


@pytest.mark.parametrize("listed", [False, pytest.param(True, marks=pytest.mark.full)])
def test_several_networks_have_a_run_each(
    desk: Path,  # noqa: F811
    splitwire: Command,  # noqa: F811
    listed: bool,
) -> None:
    (desk / "twin.py").write_text((desk / "net.py").read_text())
    plan = (desk / "plan.toml").read_text()
    both = 'model = ["net.py:small", "twin.py:small"]'
    (desk / "both.toml").write_text(both + "\n" + re.sub("(?m)^model = .*\n", "", plan))
    words = ["both.toml"] if listed else ["plan.toml", *["--model", "net.py:small"]]
    words += [] if listed else ["--model", "twin.py:small"]
    command = "--data photos --split 0 --codec raw --codec raw:bits=2 --out both"
    said = output(splitwire("eval", *words, *command.split()))
    assert said.count("Report: ") == 2 and "Side by side: both/comparison.html" in said
    assert "twin.py_small" in (desk / "both" / "comparison.html").read_text()
    for name in ("net.py_small", "twin.py_small"):
        assert (desk / "both" / name / "report.html").exists()


def test_of_several_networks_all_are_looked_at_first_and_none_twice(
    desk: Path,  # noqa: F811
    splitwire: Command,  # noqa: F811
) -> None:
    common = "eval plan.toml --data photos --split 0 --codec picture --model net.py:small"
    done = splitwire(*common.split(), "--model", "net.py:smal", "--out", "lost")
    assert "did you mean 'small'?" in done.stderr and not (desk / "lost").exists()
    (desk / "again.py").write_text((desk / "net.py").read_text())
    done = splitwire(*f"{common} --model again.py:small --model net.py:small --out dead2".split())
    assert done.returncode == 1  # once all were measured
    assert done.stderr.count("picture at 0 failed on every picture") == 2
    assert done.stdout.count("Report: ") == 2 and (desk / "dead2" / "comparison.html").exists()


def test_a_codec_that_fails_everywhere_shows_why_and_a_status(
    desk: Path,  # noqa: F811
    splitwire: Command,  # noqa: F811
) -> None:
    (desk / "metric.py").write_text("def wrong(reference, output):\n    return 1.0\n")
    command = "eval plan.toml --model net.py:small --data photos --split 0 --codec raw"
    done = splitwire(*command.split(), "--metric", "metric.py:wrong", "--out", "dead")
    assert done.returncode == 1
    assert done.stderr.startswith("splitwire: edge only and ")
    assert done.stderr.endswith("takes 2 positional arguments but 3 were given\n")
    assert done.stderr.count("\n") == 1
    assert (desk / "dead" / "report.html").exists()


def test_a_video_is_measured_in_order(desk: Path, splitwire: Command) -> None:  # noqa: F811
    import av

    with av.open(str(desk / "film.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for i in range(3):
            frame = np.full((64, 64, 3), 60 * i, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame)))
        container.mux(stream.encode())
    command = "eval plan.toml --model net.py:small --data film.mp4 --split 0 --codec raw --out film"
    assert "Measured on: 1 clip, 3 frames" in output(splitwire(*command.split()))
