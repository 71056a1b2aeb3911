"""Profiles of a user's own, live: two tensors cross, and each has what `ftc` learnt of it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from os import pathsep
from pathlib import Path

import numpy as np
import pytest
import torch
from deployment import start_cloud
from numpy.typing import NDArray
from PIL import Image
from small_runs import few_crops

import splitwire as sw
from splitwire.calibrate.calibrator import Plan, write_profiles
from splitwire.calibrate.store import VARIABLE, ProfileStore
from splitwire.cli import main
from splitwire.codecs import bitstream
from splitwire.errors import ExperimentError, ProfileError, RemoteError
from splitwire.eval.experiment import load_experiment
from splitwire.eval.profiles import PROFILES
from splitwire.eval.run import Run
from splitwire.eval.samples import SAMPLES, Time, head_line, read_run, rows, sample_line, time_line
from splitwire.live.address import Address
from splitwire.live.choosing import choices_of_run, open_choice, shared
from splitwire.live.drive import Drive
from splitwire.live.record import Record
from splitwire.runner.choice import SHARED, Choice
from splitwire.runner.link import Wire
from splitwire.runner.local import decode, infer
from splitwire.runner.packet import is_intra, split
from splitwire.tasks.classification import Classification

Picture = NDArray[np.float32]
AT, FTC = "right", "ftc:quality=60"


@pytest.fixture(autouse=True, scope="module")
def at_home(net: Path) -> Iterator[None]:
    """In the folder of net.py, whose name clouds know, and with no profiles of the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(net)
        patch.delenv(VARIABLE, raising=False)
        yield


@pytest.fixture(scope="module")
def branches(at_home: None) -> sw.Model:
    return sw.load_model("net.py:branches")


def picture(number: int) -> Picture:
    return np.random.default_rng(number).integers(0, 256, (3, 32, 32)).astype(np.float32)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for number in range(2):
        image = Image.fromarray(picture(number).transpose(1, 2, 0).astype(np.uint8))
        image.resize((50, 40)).save(folder / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def run(branches: sw.Model, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An evaluation that had to calibrate `ftc`, changed so that nothing is as fast as that."""
    out = tmp_path_factory.mktemp("runs") / "run"
    plan = load_experiment(
        model=branches.name, data=str(photos), splits=(AT,), codecs=(FTC,), pictures=(), links=(),
        edge="this", cloud="this",
    )  # fmt: skip
    with few_crops():
        list(Run(plan, out))
    head, samples = read_run(out)
    timed = [row for row in rows(out) if isinstance(row, Time)]
    slow = [time if time.codec == FTC else replace(time, edge=60.0) for time in timed]
    lines = [head_line(head), *map(sample_line, samples), *map(time_line, slow)]
    (out / SAMPLES).write_text("".join(lines), encoding="utf-8")
    return out


@contextmanager
def cloud(net: Path, *options: str) -> Iterator[str]:
    """A cloud that holds the network; its address."""
    process = start_cloud(net, "--port", "0", *options, models=["net.py:branches"])
    try:
        yield process.event("listening")["address"]
    finally:
        assert process.stop() == 0


@pytest.fixture(scope="module")
def address(net: Path, run: Path) -> Iterator[str]:
    """That of a cloud with the run's profiles."""
    with cloud(net, "--profiles", str(run / PROFILES)) as found:
        yield found


def drive(way: Drive) -> list[Record]:
    async def records() -> list[Record]:
        return [r async for r in way.run((str(number), picture(number)) for number in range(6))]

    return asyncio.run(records())


def as_here(choice: Choice, records: list[Record]) -> None:
    """Every frame was answered with what the same codecs give in one process.

    Frames go as sequences. One that stands alone holds what these codecs make of it by itself.
    """
    decoders = [codec.decoder() for codec in choice.codecs]
    assert is_intra(records[0].packet)
    for record in records:
        assert record.outcome == "answered", record.reason
        assert record.choice is choice
        here = infer(choice.split, choice.codecs, choice.codecs, Wire(), picture(int(record.name)))
        if is_intra(record.packet):
            assert payloads(record.packet) == payloads(here.packet)
            assert torch.allclose(record.output, here.output, atol=1e-4)
        tensors = decode(record.packet, decoders, choice.split.crossings)
        with torch.no_grad():
            assert torch.allclose(record.output, choice.split.cloud(*tensors), atol=1e-4)


def payloads(packet: bytes) -> list[tuple[str | None, bytes]]:
    """What streams hold behind their places in a sequence, and with which profile."""
    read = map(bitstream.read, split(packet))
    return [(header.digest, bytes(payload)) for header, payload in read]


def test_a_run_s_choices_have_the_run_s_own_profiles(run: Path, branches: sw.Model) -> None:
    with pytest.raises(ProfileError, match=r"no profile of ftc:quality=60 for net\.py:branches"):
        open_choice(branches, shared(AT, FTC), ProfileStore(), "classification")
    totals = choices_of_run(run, branches, max_divergence=10.0)
    (choice,) = totals
    assert choice.key == (SHARED, AT, FTC)
    learnt = [codec.profile.learnt for codec in choice.codecs if codec.profile]
    assert [about.crossing for about in learnt if about] == [0, 1]
    used = {codec.profile.digest for codec in choice.codecs if codec.profile}
    assert used == set(read_run(run)[0].profiles)
    assert len(used) == 2
    sizes = [sample.bytes for sample in read_run(run)[1] if sample.codec == FTC]
    assert totals[choice].bytes == sum(sizes) / len(sizes)


def test_nothing_that_keeps_the_fidelity_is_an_error(run: Path, branches: sw.Model) -> None:
    head, samples = read_run(run)
    other = run.parent / "worse"
    other.mkdir(exist_ok=True)
    worse = "".join(sample_line(replace(sample, divergence=1.0)) for sample in samples)
    (other / SAMPLES).write_text(head_line(head) + worse, encoding="utf-8")
    with pytest.raises(ExperimentError, match=r"keeps 0\.5 nats: allow more --max-divergence"):
        choices_of_run(other, branches, max_divergence=0.5)
    with pytest.raises(ExperimentError, match="is a run of another network than"):
        choices_of_run(run, sw.load_model("net.py:small"), max_divergence=10.0)


def test_other_profiles_than_those_that_were_measured_are_refused(
    run: Path, branches: sw.Model, tmp_path: Path
) -> None:
    folder = tmp_path / "others"
    folder.mkdir()
    write_profiles(Plan(branches.name, AT, crops=12), folder / "two.profile")
    assert choices_of_run(run, branches, 10.0, 1.0, folder)  # the run's own come first
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / SAMPLES).write_bytes((run / SAMPLES).read_bytes())
    with pytest.raises(ExperimentError, match=r"is not one that .*bare was measured with"):
        choices_of_run(bare, branches, 10.0, 1.0, folder)
    assert choices_of_run(bare, branches, 10.0, 1.0, run / PROFILES)


def test_two_crossing_tensors_go_live_with_the_profiles_of_a_run(
    address: str, run: Path, branches: sw.Model
) -> None:
    totals = choices_of_run(run, branches, max_divergence=10.0)
    way = Drive(Address(address), Classification(), list(totals), totals, 30.0, whole=True)
    as_here(next(iter(totals)), drive(way))


def test_two_crossing_tensors_go_live_with_the_profiles_of_a_folder(
    address: str, run: Path, branches: sw.Model
) -> None:
    choice = open_choice(branches, shared(AT, FTC), ProfileStore(run / PROFILES), "classification")
    as_here(choice, drive(Drive(Address(address), Classification(), [choice], whole=True)))


def test_a_cloud_without_the_profiles_says_which_it_lacks(
    net: Path, run: Path, branches: sw.Model
) -> None:
    choice = open_choice(branches, shared(AT, FTC), ProfileStore(run / PROFILES), "classification")
    digest = next(codec.profile.digest for codec in choice.codecs if codec.profile)
    with (
        cloud(net) as where,
        pytest.raises(RemoteError, match=f"no profile '{digest}' here: put its file in --profiles"),
    ):
        drive(Drive(Address(where), Classification(), [choice]))


def splitwire(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["splitwire", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_what_calibrate_writes_both_ends_find_in_the_folders_of_the_environment(
    net: Path,
    branches: sw.Model,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
    command = ["calibrate", branches.name, AT, "-o", str(folders[0] / "two.profile")]
    assert splitwire(monkeypatch, *command, "--crops", "12") == 0, capsys.readouterr().err
    names = [path.name for path in sorted(folders[0].iterdir())]
    assert names == ["two.0.profile", "two.1.profile"]
    (folders[0] / names[1]).rename(folders[1] / names[1])
    monkeypatch.setenv(VARIABLE, pathsep.join(map(str, folders)))
    choice = open_choice(branches, shared(AT, FTC), ProfileStore(), "classification")
    with cloud(net) as where:
        as_here(choice, drive(Drive(Address(where), Classification(), [choice], whole=True)))


@pytest.mark.parametrize("how", ["--adapt", "--profiles"])
def test_the_edge_s_options_find_them(
    address: str,
    run: Path,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    how: str,
) -> None:
    command = ["edge", "--connect", address, "--model", "net.py:branches", "--frames", "5"]
    command += ["--source", str(photos), "--out", str(tmp_path / "live"), "--deadline", "30"]
    if how == "--adapt":
        command += ["--adapt", str(run), "--max-divergence", "10"]
    else:
        command += ["--profiles", str(run / PROFILES), "--split", AT, "--codec", FTC]
    assert splitwire(monkeypatch, *command) == 0, capsys.readouterr().err
    head, samples = read_run(tmp_path / "live")
    live = [sample for sample in samples if sample.total is not None]
    assert [sample.choice for sample in live] == 5 * [(SHARED, AT, FTC)]
    assert all(sample.divergence is not None for sample in live)
    assert set(head.profiles) == set(read_run(run)[0].profiles)
