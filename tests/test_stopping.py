"""Ctrl-C: a command says how it goes on, and keeps what it has."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from forked import Forked, forked
from test_interrupted import desk  # noqa: F401

from splitwire.attack.lines import LINES, read_lines
from splitwire.calibrate import calibrator
from splitwire.codecs.profile import Profile
from splitwire.eval.samples import SAMPLES

PATIENCE = 120  # seconds


def stopped(folder: Path, ready: Callable[[], bool], *words: str) -> tuple[int, str]:
    """The status and what is said of a command that hears Ctrl-C once it is under way."""
    process = Forked([*words], folder)
    end = monotonic() + PATIENCE
    while not ready():
        assert process.poll() is None and monotonic() < end
        sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(PATIENCE)
    return process.wait(), said


def test_training_keeps_its_last_step_and_goes_on_from_it(desk: Path) -> None:  # noqa: F811
    words = ["train", "net.py:small", "2", "--data", "photos", "-o", "t", "--crops", "16"]
    history = desk / "t" / "history.jsonl"
    code, said = stopped(
        desk,
        lambda: history.exists() and history.read_bytes().count(b"\n") > 2,
        *words,
        "--steps",
        "100000",
    )
    told = "splitwire: stopped; what was trained is kept, and goes on with the same command\n"
    assert (code, said) == (130, told)
    import torch

    step = torch.load(desk / "t" / "checkpoint.pt", weights_only=True)["step"]
    assert 20 < step < 100_000
    done = forked([*words, "--steps", str(step + 1)], desk)
    assert (done.returncode, done.stderr) == (0, "")
    assert f'"step": {step + 1}' in history.read_text().splitlines()[-1]


def test_eval_keeps_its_samples_and_says_so(desk: Path) -> None:  # noqa: F811
    words = ["eval", "--model", "net.py:small", "--split", "2", "--data", "photos", "--views", "10"]
    samples = desk / "run" / SAMPLES
    many = "jpeg:quality=" + "+".join(map(str, range(1, 100)))  # or it is done before it is stopped
    code, said = stopped(desk, samples.exists, *words, "--out", "run", "--codec", many)
    told = "splitwire: stopped; what was measured is kept, and goes on with the same command\n"
    assert (code, said) == (130, told)
    assert samples.exists()


def test_an_attack_keeps_its_lines_and_says_so(desk: Path) -> None:  # noqa: F811
    words = ["attack", "net.py:small", "--split", "2", "--data", "photos", "--on", "others"]
    words += ["--codec", "raw:bits=4", "--codec", "raw:bits=2", "--crops", "16", "--steps", "5"]
    words += ["--optimise", "300", "-o", "spy"]
    lines = desk / "spy" / LINES
    code, said = stopped(
        desk, lambda: lines.exists() and lines.read_bytes().count(b"\n") > 1, *words
    )
    told = "splitwire: stopped; what was attacked is kept, and goes on with the same command\n"
    assert (code, said) == (130, told)
    assert 1 <= len(read_lines(lines)[1]) < 6


def test_calibration_makes_a_profile_of_the_crops_so_far(desk: Path, tmp_path: Path) -> None:  # noqa: F811
    def track(sequence: Iterable[Any], *, total: int, description: str) -> Iterable[Any]:
        for i, item in enumerate(sequence):
            if "calibrating" in description and i == 12:
                os.kill(os.getpid(), signal.SIGINT)
            yield item

    plan = calibrator.Plan(f"{desk / 'net.py'}:small", "2", str(desk / "photos"), crops=40)
    before = signal.getsignal(signal.SIGINT)
    (made,) = calibrator.write_profiles(plan, tmp_path / "x.profile", track)
    assert signal.getsignal(signal.SIGINT) is before
    assert made.learnt is not None and made.learnt.crops == 13
    whole = calibrator.Plan(**{**vars(plan), "crops": 13})
    (same,) = calibrator.write_profiles(whole, tmp_path / "y.profile")
    assert Profile.load(tmp_path / "x.profile").arrays.keys() == same.arrays.keys()


def test_a_second_one_interrupts_at_once(desk: Path, tmp_path: Path) -> None:  # noqa: F811
    def track(sequence: Iterable[Any], *, total: int, description: str) -> Iterable[Any]:
        if "calibrating" in description:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
        yield from sequence

    plan = calibrator.Plan(f"{desk / 'net.py'}:small", "2", str(desk / "photos"), crops=40)
    with pytest.raises(KeyboardInterrupt):
        calibrator.write_profiles(plan, tmp_path / "x.profile", track)
    assert not (tmp_path / "x.profile").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["eval", "--model", "net.py:small", "--split", "2", "--data", "photos", "--codec", "raw"],
        ["calibrate", "net.py:small", "2", "--data", "photos", "--crops", "16", "-o", "x.profile"],
        ["train", "net.py:small", "2", "--data", "photos", "-o", "t", "--crops", "16"],
    ],
    ids=lambda words: words[0],
)
def test_progress_is_shown_from_the_start(desk: Path, words: list[str]) -> None:  # noqa: F811
    """On a terminal a bar stands there before the network was even loaded."""
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "splitwire", *words]
    process = subprocess.Popen(command, cwd=desk, stdout=theirs, stderr=theirs)
    os.close(theirs)
    try:
        shown = b""
        while b"\xe2\x94\x81" not in shown:  # what bars are drawn with
            shown += os.read(ours, 1000)
        assert b"Loading" in shown
    finally:
        process.kill()
        process.wait()
        os.close(ours)
