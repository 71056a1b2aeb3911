"""A task of a user's own, live: a network with two outputs by name, and what its answers hold."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from deployment import start_cloud
from numpy.typing import NDArray
from PIL import Image

import splitwire as sw
from splitwire.cli import main
from splitwire.errors import RemoteError
from splitwire.eval.samples import read_run
from splitwire.live.address import Address
from splitwire.live.drive import Drive
from splitwire.live.record import Record
from splitwire.runner.choice import Choice
from splitwire.tasks.registry import load_task

Picture = NDArray[np.float32]
RAW = "raw:dtype=float32"
TASKS = ("--task", "task.py:Steering", "--task", "task.py:Maps")
FRAMES = 12


@pytest.fixture(scope="module")
def cloud(net: Path) -> Iterator[str]:
    """A cloud that knows two tasks more than others; its address."""
    models = [f"net.py:{name}" for name in ("small", "steering", "maps")]
    process = start_cloud(net, "--port", "0", *TASKS, models=models)
    yield process.event("listening")["address"]
    assert process.stop() == 0


@pytest.fixture(autouse=True)
def at_home(net: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the folder of net.py and task.py, whose names clouds know."""
    monkeypatch.chdir(net)


def picture(number: int) -> Picture:
    return np.random.default_rng(number).integers(0, 256, (3, 32, 32)).astype(np.float32)


def run(
    address: str, model: sw.Model, at: str, task: str, whole: bool, in_flight: int = 1
) -> dict[str, Record]:
    halves = sw.split(model, at)
    choice = Choice.shared(halves, [sw.codec(RAW)] * len(halves.crossings), RAW)
    where, made = Address(address), load_task(task, model)
    drive = Drive(where, made, [choice], deadline=30.0, in_flight=in_flight, whole=whole)

    async def records() -> dict[str, Record]:
        pictures = ((str(number), picture(number)) for number in range(FRAMES))
        return {record.name: record async for record in drive.run(pictures)}

    return asyncio.run(records())


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("at", ["input", "body.1", "mean", "output"])
def test_predictions_are_those_of_the_network_itself(cloud: str, at: str, whole: bool) -> None:
    model = sw.load_model("net.py:steering")
    task = load_task("task.py:Steering", model)
    for name, record in run(cloud, model, at, "task.py:Steering", whole).items():
        assert record.outcome == "answered", record.reason
        with torch.inference_mode():
            output = model(torch.from_numpy(picture(int(name)))[None])
        assert record.prediction == task.predict(output)
        assert (record.output is not None) == whole
        if whole:
            assert list(record.output) == ["mean", "scale"]
            assert all(torch.equal(record.output[key], output[key]) for key in output)


def test_frames_in_batches_get_their_own_predictions(cloud: str) -> None:
    model = sw.load_model("net.py:steering")
    records = run(cloud, model, "body.1", "task.py:Steering", whole=False, in_flight=8)
    for name, record in records.items():
        assert record.outcome == "answered", record.reason
        with torch.inference_mode():
            output = model(torch.from_numpy(picture(int(name)))[None])
        expected = {
            key: pytest.approx(value[0].tolist(), abs=1e-5) for key, value in output.items()
        }
        assert record.prediction == expected


def test_a_whole_output_of_megabytes_is_an_answer(cloud: str) -> None:
    model = sw.load_model("net.py:maps")
    for name, record in run(cloud, model, "0", "task.py:Maps", whole=True).items():
        assert record.outcome == "answered", record.reason
        with torch.inference_mode():
            expected = model(torch.from_numpy(picture(int(name)))[None])
        assert expected.numel() > 1 << 18
        assert torch.equal(record.output, expected)


def test_a_cloud_that_lacks_the_task_says_what_it_has(address: str, cloud: str, net: Path) -> None:
    model = sw.load_model("net.py:small")
    (net / "other.py").write_text(
        (net / "task.py").read_text("utf-8").replace('"steering"', '"depth"'), encoding="utf-8"
    )
    with pytest.raises(RemoteError) as refused:
        run(address, model, "1", "task.py:Steering", whole=False)
    said = "the cloud refused: no task 'steering' here; there are: classification, "
    said += "detection, segmentation, keypoints, embedding"
    assert str(refused.value) == said
    with pytest.raises(RemoteError) as refused:
        run(cloud, model, "1", "other.py:Steering", whole=False)
    said = "the cloud refused: no task 'depth' here; there are: classification, "
    said += "detection, segmentation, keypoints, embedding, steering, maps"
    assert str(refused.value) == said


@pytest.mark.parametrize(
    ("model", "at", "task", "said"),
    [
        ("steering", "body.1", "classification", "a classifier gives one row of logits"),
        ("small", "1", "task.py:Maps", "eight maps expected"),
        ("small", "1", "task.py:Steering", "AttributeError: "),  # it takes names of a tensor
    ],
)
def test_a_task_that_does_not_fit_the_output_is_refused_in_the_handshake(
    cloud: str, model: str, at: str, task: str, said: str
) -> None:
    with pytest.raises(RemoteError) as refused:
        run(cloud, sw.load_model(f"net.py:{model}"), at, task, whole=False)
    name = task.rpartition(":")[2].lower()
    begin = f"the cloud refused: the task {name} does not fit net.py:{model}: {said}"
    assert str(refused.value).startswith(begin)
    assert "\n" not in str(refused.value)


def splitwire(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["splitwire", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_a_run_of_a_user_s_task_records_divergence_and_metrics(
    cloud: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "photos").mkdir()
    for number in range(3):
        image = Image.fromarray(picture(number).transpose(1, 2, 0).astype(np.uint8))
        image.resize((50, 40)).save(tmp_path / "photos" / f"{number}.png")
    out = tmp_path / "run"
    command = ["edge", "--connect", cloud, "--model", "net.py:steering", "--split", "body.1"]
    command += ["--task", "task.py:Steering", "--codec", "raw:bits=3", "--frames", "9"]
    command += ["--source", str(tmp_path / "photos"), "--out", str(out)]
    assert splitwire(monkeypatch, *command) == 0, capsys.readouterr().err
    head, samples = read_run(out)
    assert head.experiment.task == "task.py:Steering"
    alone = [sample for sample in samples if sample.total is None]
    live = [sample for sample in samples if sample.total is not None]
    assert (len(alone), len(live)) == (3, 9)
    assert {(s.way, s.split, s.codec) for s in live} == {("shared", "body.1", "raw:bits=3")}
    for sample in alone:
        assert (sample.way, sample.divergence, sample.metrics) == ("edge only", 0, {"shift": 0})
    for sample in live:
        assert sample.divergence is not None
        assert 0 < sample.divergence < 1
        assert 0 < sample.metrics["shift"] < 1
        assert list(sample.prediction) == ["mean", "scale"]


def test_on_the_command_line_too_a_refusal_is_one_line(
    address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["edge", "--connect", address, "--model", "net.py:small", "--split", "1"]
    assert splitwire(monkeypatch, *command, "--task", "task.py:Steering") == 1
    said = "splitwire: the cloud refused: no task 'steering' here; there are: classification, "
    said += "detection, segmentation, keypoints, embedding\n"
    assert capsys.readouterr().err == said
