"""The command line as a shell sees it: arguments in, two outputs and an exit status out.

Where one process could not tell the difference, `main` is called in this one, which has torch.
"""

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from forked import forked
from PIL import Image

import splitwire as sw
from splitwire.cli import main
from splitwire.codecs import bitstream
from splitwire.eval.experiment import load_experiment
from splitwire.eval.samples import read_run

NET = """
from torch import nn
from splitwire.models.preprocess import Preprocess

def small():
    network = nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.Flatten(), nn.Linear(4 * 15 * 15, 10))
    return network, Preprocess(32, 36, (127.0,) * 3, (128.0,) * 3, "bilinear")
"""


Done = subprocess.CompletedProcess[str]
Command = Callable[..., Done]


def in_process_of_its_own(folder: Path, *arguments: str) -> Done:
    command = [sys.executable, "-P", "-c", "from splitwire.cli import main; main()", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", check=False)


@pytest.fixture
def splitwire(
    desk: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Command:
    """Runs a command here, on the desk."""
    monkeypatch.chdir(desk)

    def run(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["splitwire", *arguments])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return Done(arguments, int(ended.value.code or 0), *capfd.readouterr())

    return run


def output(done: Done) -> str:
    """What a command that succeeds prints."""
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def complaint(done: Done) -> str:
    """The one line on stderr of a command that fails."""
    assert done.returncode == 1
    assert done.stderr.startswith("splitwire: ")
    assert done.stderr.endswith("\n")
    assert done.stderr.count("\n") == 1, done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    return done.stderr


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tensor, a network, and a few things that are not what they should be."""
    folder = tmp_path_factory.mktemp("desk")
    x = np.random.default_rng(0).normal(size=(8, 14, 14)).astype(np.float32)
    np.save(folder / "x.npy", x)
    np.save(folder / "numbers.npy", np.arange(12).reshape(3, 4))
    (folder / "net.py").write_text(NET, encoding="utf-8")
    (folder / "empty").mkdir()
    (folder / "nothing").write_bytes(b"")
    (folder / "wrong.toml").write_text("modle = 'lite0'", encoding="utf-8")
    (folder / "plan.toml").write_text("edge = 'this'\ncloud = 'this'", encoding="utf-8")
    (folder / "fakes").mkdir()
    (folder / "fakes" / "cat.jpg").write_text("no cat", encoding="utf-8")
    (folder / "photos").mkdir()
    Image.new("RGB", (40, 50), (9, 99, 199)).save(folder / "photos" / "a.png")
    return folder


def test_one_process_encodes_another_looks_and_a_third_decodes(desk: Path) -> None:
    spec = "jpeg:quality=30,clip=2sd"
    run = partial(in_process_of_its_own, desk)
    said = output(run("encode", "x.npy", "-o", "x[1].sw", "--codec", spec))
    stream = (desk / "x[1].sw").read_bytes()
    x = np.load(desk / "x.npy")
    assert stream == sw.codec(spec).encode(x)
    assert said.startswith(f"x[1].sw: {len(stream):,} bytes, {8 * len(stream) / x.size:.3f} bits")
    words = output(run("inspect", "x[1].sw"))
    for word in ("jpeg", "8×14×14", f"{len(stream):,} bytes, CRC-32 correct", "profile  none"):
        assert word in words
    assert "float32 of shape (8, 14, 14)" in output(run("decode", "x[1].sw", "-o", "y.npy"))
    np.testing.assert_array_equal(np.load(desk / "y.npy"), sw.decode(stream))


def test_a_stream_with_a_profile_decodes_with_that_profile(desk: Path, splitwire: Command) -> None:
    x = np.load(desk / "x.npy")
    codec = sw.codec("raw:clip=profile").calibrate([x])
    assert codec.profile is not None
    codec.profile.save(desk / "ranges")
    spec = "raw:clip=profile,profile=ranges"
    output(splitwire("encode", "x.npy", "-o", "p.sw", "--codec", spec))
    output(splitwire("decode", "p.sw", "-o", "p.npy", "--profile", "ranges"))
    np.testing.assert_array_equal(np.load(desk / "p.npy"), codec.decode(codec.encode(x)))
    assert codec.profile.digest in complaint(splitwire("decode", "p.sw", "-o", "q.npy"))


def test_calibrate_writes_the_profile_that_encode_decode_and_eval_take(
    desk: Path, splitwire: Command
) -> None:
    calibrate = ["calibrate", "net.py:small", "0", "--crops", "12", "-o"]
    said = output(splitwire(*calibrate, "n.profile"))
    profile = sw.Profile.load(desk / "n.profile")
    size = (desk / "n.profile").stat().st_size
    assert f"n.profile: {size:,} bytes, digest {profile.digest}, of ftc" in said
    assert "learnt on 12 crops of scikit-image in " in said
    assert "learnt from 7 photos; on 2 that were held out:" in said
    assert profile.learnt is not None and len(profile.learnt.measured) == 3
    assert all(line in said for line in profile.learnt.measured)
    assert "warning: 7 photos are few" in said
    again = output(splitwire(*calibrate, "again.profile", "--data", "photos"))
    assert profile.digest not in again
    np.save(desk / "f.npy", np.random.default_rng(0).normal(size=(4, 15, 15)))
    spec = "ftc:profile=n.profile,quality=60"
    output(splitwire("encode", "f.npy", "-o", "f.sw", "--codec", spec))
    output(splitwire("decode", "f.sw", "-o", "g.npy", "--profile", "n.profile"))
    decoded = sw.decode((desk / "f.sw").read_bytes(), profile)
    np.testing.assert_array_equal(np.load(desk / "g.npy"), decoded)
    command = ["eval", "plan.toml", "--model", "net.py:small", "--data", "photos", "--split", "0"]
    command += ["--codec", "ftc:profile=n.profile,quality=40+60", "--out", "calibrated"]
    said = " ".join(output(splitwire(*command)).split())
    assert "ftc is ftc:profile=n.profile." in said and "ftc:quality=40" in said
    head, samples = read_run(desk / "calibrated")
    assert list(head.profiles) == [profile.digest]
    assert not any(sample.error for sample in samples)


def test_calibrate_serves_codecs_that_learn_a_clip_range(desk: Path, splitwire: Command) -> None:
    command = "calibrate net.py:small 0 --crops 3 -o r.profile --codec raw:clip=profile,bits=6"
    output(splitwire(*command.split()))
    assert set(sw.Profile.load(desk / "r.profile").arrays) == {"lo", "hi"}


def test_inspect_shows_a_name_that_means_mischief_as_it_is(desk: Path, splitwire: Command) -> None:
    header = bitstream.Header("raw[/]\x1b[2J", (3,))
    (desk / "mischief.sw").write_bytes(bitstream.write(header, b""))
    assert r"raw[/]\x1b[2J" in output(splitwire("inspect", "mischief.sw"))


def test_inspect_says_what_a_stream_of_a_sequence_builds_on(desk: Path, splitwire: Command) -> None:
    encoder = sw.codec("h264").encoder()
    for name in ("first", "second"):
        (desk / name).write_bytes(encoder.encode(np.load(desk / "x.npy")))
    first, second = (output(splitwire("inspect", name)) for name in ("first", "second"))
    assert ", stream 0" in first and "8×14×14" in first
    assert ", stream 1" in second and "stream 0, and is coded as it is" in second


def test_codecs_lists_every_codec_and_parameter(splitwire: Command) -> None:
    words = output(splitwire("codecs")).split()
    for word in (
        "raw",
        "png",
        "jpeg",
        "h264",
        "hevc",
        "av1",
        "picture",
        "ftc",
        "target_bytes",
        "preset",
    ):
        assert word in words


def test_splits_lists_where_lite0_can_be_cut(splitwire: Command) -> None:
    lines = output(splitwire("splits", "lite0")).splitlines()
    rows = {line.split()[0]: line for line in lines if line.strip()}
    assert rows["blocks.3"].split()[1:4] == ["80×14×14", "15,680", "0.104"]
    assert rows["input"].split()[1:4] == ["3×224×224", "150,528", "1.000"]
    assert rows["output"].rstrip().endswith("100.0%")


def test_splits_measures_where_it_is_asked_to(splitwire: Command) -> None:
    lines = output(splitwire("splits", "net.py:small", "--measure", "--nodes")).splitlines()
    assert any(line.split()[-1:] == ["ms"] for line in lines)
    assert "to the bit" in " ".join(lines[:2])
    assert float(lines[-1].split()[-1]) > 0


def test_eval_leaves_a_run_a_table_and_a_page_and_goes_on_where_it_was(
    desk: Path, splitwire: Command
) -> None:
    command = ["eval", "plan.toml", "--model", "net.py:small", "--data", "photos", "--split", "0"]
    command += ["--codec", "raw:bits=4+8", "--codec", "png", "--views", "2", "--out", "run"]
    first = output(forked(command, desk))
    assert "raw:bits=8" in first
    assert f"Report: {Path('run', 'report.html')}" in first
    pictures = sum(not sw.codec(coding.codec).missing for coding in load_experiment().cloud_only())
    assert len(read_run(desk / "run")[1]) == 2 * (1 + pictures + 4)
    written = (desk / "run" / "samples.jsonl").read_bytes()
    assert "raw:bits=8" in output(splitwire(*command))
    assert (desk / "run" / "samples.jsonl").read_bytes() == written
    assert "holds another run (other seed)" in complaint(splitwire(*command, "--seed", "3"))


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("encode x.npy -o y --codec jpg", "unknown codec 'jpg' (did you mean 'jpeg'?)"),
        ("encode x.npy -o y --codec jpeg:quality=500", "must be an integer from 1 to 100"),
        ("encode x.npy -o y --codec jpeg:qualty=5", "has no parameter 'qualty'"),
        ("encode x.npy -o y --codec raw:clip=profile", "needs a profile"),
        ("encode x.npy -o nothing/y --codec raw", "cannot write nothing/y: Not a directory"),
        ("encode missing.npy -o y --codec raw", "cannot read missing.npy: No such file"),
        ("encode nothing -o y --codec raw", "nothing holds no array of numbers"),
        ("encode net.py -o y --codec raw", "net.py holds no array of numbers"),
        ("encode numbers.npy -o y --codec raw", "codes floating-point tensors, not int64"),
        ("decode x.npy -o y", "not a Splitwire stream"),
        ("decode missing -o y", "cannot read missing: No such file"),
        ("calibrate net.py:small 0 -o x --codec jpeg", "jpeg needs no profile"),
        ("calibrate net.py:small 0 -o none/x", "cannot write the profile none/x: there is no"),
        ("calibrate net.py:small 0 -o x --data empty", "empty holds no pictures"),
        ("calibrate net.py:small 9 -o x", "no cut point '9'"),
        ("calibrate lite00 blocks.3 -o x", "unknown model 'lite00' (did you mean 'lite0'"),
        ("eval --codec ftc:profile=missing", "cannot read the profile missing"),
        ("inspect nothing", "not a Splitwire stream"),
        ("report empty", "empty holds no run"),
        ("splits lite00", "unknown model 'lite00' (did you mean 'lite0'"),
        ("eval --codec jpg", "unknown codec 'jpg' (did you mean 'jpeg'?)"),
        ("eval --codec raw:bits=4+9", "bits must be an integer from 1 to 8, not 9"),
        ("eval --weights missing.pt", "no weights file missing.pt"),
        ("eval --data empty", "empty holds no pictures"),
        ("eval --data missing", "missing is no folder"),
        ("eval --data fakes", "fakes/cat.jpg is no picture that can be read"),
        (
            "eval --model net.py:small --split 0 --data photos --out nothing/run",
            "cannot write nothing/run: Not",
        ),
        ("eval --limit 1 --split block.3", "no cut point 'block.3' (did you mean 'blocks.3'"),
        ("eval missing.toml", "cannot read the experiment missing.toml"),
    ],
)
def test_bad_input_is_one_line_on_stderr(splitwire: Command, command: str, said: str) -> None:
    assert said in complaint(splitwire(*command.split()))


def test_a_process_that_fails_says_so_and_nothing_else(desk: Path) -> None:
    said = complaint(in_process_of_its_own(desk, "eval", "wrong.toml"))
    assert "unknown key 'modle' (did you mean 'model'?)" in said


@pytest.mark.full
def test_bench_prints_ratios_and_draws_the_roofline(desk: Path, splitwire: Command) -> None:
    words = output(splitwire("bench", "-o", "roof.svg"))
    assert {"quantize_tile", "encode", "numpy"} <= set(words.split())
    assert (desk / "roof.svg").stat().st_size > 1000


def test_help_names_every_verb(splitwire: Command) -> None:
    words = output(splitwire("--help")).split()
    verbs = "eval report calibrate train splits codecs encode decode inspect bench plan"
    for verb in (*verbs.split(), "cloud", "edge", "demo"):
        assert verb in words
