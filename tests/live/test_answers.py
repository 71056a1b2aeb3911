"""Answers there and back: predictions and whole outputs of any structure, alone and in batches."""

import json
from collections.abc import Callable
from math import inf, nan
from typing import Any

import pytest
import torch
from torch.utils import _pytree as pytree

import splitwire as sw
from splitwire.errors import CodecError, RemoteError, TaskError
from splitwire.live.answers import read_output, read_prediction, write_output, write_prediction
from splitwire.live.inference import Inference, Job, Pace, run_batch
from splitwire.live.library import Agreement
from splitwire.runner.choice import Choice
from splitwire.tasks.base import Prediction, Task, tensors

NESTED = """
import torch
from torch import nn
from splitwire.models.preprocess import Preprocess

class Nested(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 2, 3, 8), nn.Flatten(), nn.Linear(32, 10))

    def forward(self, x):
        row = self.body(x)
        more = (row.argmax(1), None, [row.mean(), row.double()])
        return {"row": row, "more": more, "nothing": None, "seven": 7, "above": row > 0}

HOW = Preprocess(32, 36, (127.0,) * 3, (128.0,) * 3, "bilinear")

def nested():
    return Nested(), HOW
"""


class Everything(Task):
    """A task that takes any output and tells its tensors."""

    name = "any"

    def check(self, output: Any) -> None:
        pass

    def divergence(self, reference: Any, output: Any) -> float:
        raise NotImplementedError

    def log_likelihood(self, output: Any, random: Any) -> torch.Tensor:
        raise NotImplementedError

    def predict(self, output: Any) -> Prediction:
        return {str(at): tensor.tolist() for at, tensor in enumerate(tensors(output))}


@pytest.fixture(scope="module")
def nested(tmp_path_factory: pytest.TempPathFactory) -> sw.Model:
    file = tmp_path_factory.mktemp("nested") / "nested.py"
    file.write_text(NESTED, encoding="utf-8")
    return sw.load_model(f"{file}:nested")


def pixels(seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (1, 3, 32, 32), generator=generator).float()


def same(a: Any, b: Any, near: float = 0.0) -> bool:
    """Whether two outputs have the same structure, shapes, types and numbers."""
    (mine, structure), (other, theirs) = pytree.tree_flatten(a), pytree.tree_flatten(b)
    return structure == theirs and all(
        x.dtype == y.dtype and x.shape == y.shape and torch.allclose(x, y, rtol=0, atol=near)
        if isinstance(x, torch.Tensor)
        else x == y
        for x, y in zip(mine, other, strict=True)
    )


def test_a_whole_output_comes_back_in_its_structure_shapes_and_types(nested: sw.Model) -> None:
    output = nested(pixels(0))
    assert same(read_output(write_output(output), nested), output)
    assert output["seven"] == 7  # what is no tensor needs no telling
    assert output["more"][0].dtype == torch.int64
    assert output["more"][2][0].shape == ()


def test_integers_beyond_float32_do_not_travel_as_others(nested: sw.Model) -> None:
    output = nested(pixels(0))
    largest, beyond = torch.tensor([2**24]), torch.tensor([2**24 + 1])
    output["more"] = (largest, *output["more"][1:])
    assert torch.equal(read_output(write_output(output), nested)["more"][0], largest)
    output["more"] = (beyond, *output["more"][1:])
    with pytest.raises(CodecError, match="integers beyond float32"):
        write_output(output)


def damaged(nested: sw.Model) -> dict[str, bytes]:
    whole, output = write_output(nested(pixels(0))), nested(pixels(0))
    fewer = {**output, "above": None}
    other = {**output, "row": torch.ones(1, 11)}
    learnt = sw.codec("raw:clip=profile").calibrate([pixels(0)[0].numpy()])
    return {
        "nothing": b"",
        "cut": whole[:-1],
        "longer": whole + b"x",
        "flipped": whole[:40] + bytes([whole[40] ^ 1]) + whole[41:],
        "fewer tensors": write_output(fewer),
        "another shape": write_output(other),
        "a prediction": write_prediction(Everything(), output),
        "another codec": sw.codec("png").encode(output["row"].numpy()),
        "a profile": learnt.encode(output["row"].numpy()),
    }


@pytest.mark.parametrize(
    "how",
    [
        "nothing",
        "cut",
        "longer",
        "flipped",
        "fewer tensors",
        "another shape",
        "a prediction",
        "another codec",
        "a profile",
    ],
)
def test_what_is_no_output_of_the_network_is_one_clear_error(nested: sw.Model, how: str) -> None:
    with pytest.raises(RemoteError, match=r"the cloud sent no output of .*nested") as refused:
        read_output(damaged(nested)[how], nested)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("body", [b"", b"null", b"[1]", b"\xff\xfe", b"{", b"[" * 100_000])
def test_what_is_no_prediction_is_one_clear_error(body: bytes) -> None:
    with pytest.raises(RemoteError, match="a JSON object expected"):
        read_prediction(body)


def telling(tell: Callable[[], Any]) -> Task:
    """A task that predicts what it is told to."""

    class Telling(Everything):
        def predict(self, output: Any) -> Prediction:
            return tell()  # type: ignore[no-any-return]

    return Telling()


@pytest.mark.parametrize("value", [nan, inf, {1, 2}, torch.ones(1)])
def test_a_prediction_that_json_has_no_word_for_is_the_task_s_fault(value: Any) -> None:
    with pytest.raises(TaskError, match=r"the task any failed: (ValueError|TypeError)"):
        write_prediction(telling(lambda: {"x": value}), torch.ones(1))


def test_a_task_that_stumbles_is_named() -> None:
    with pytest.raises(TaskError, match="the task any failed: ZeroDivisionError: division by zero"):
        write_prediction(telling(lambda: {"x": 1 / 0}), torch.ones(1))


def batch(model: sw.Model, at: str, count: int, whole: bool) -> list[Job]:
    """Frames that were decoded."""
    halves = sw.split(model, at)
    codec = sw.codec("raw:dtype=float32")
    choice = Choice.shared(halves, [codec] * len(halves.crossings), codec.spec)
    jobs = [
        Job(Agreement(choice, Everything(), whole), b"", inf, lambda _: None) for _ in range(count)
    ]
    for number, job in enumerate(jobs):
        job.tensors = list(halves.edge(pixels(number)))
    return jobs


@pytest.mark.parametrize("count", [1, 2, 5, 8])
def test_a_batch_of_nested_outputs_is_run_at_once_and_each_frame_gets_its_own(
    nested: sw.Model, count: int
) -> None:
    pace = Pace()
    done = run_batch(batch(nested, "body.0", count, whole=True), pace)
    assert list(pace.seconds) == [count]  # not one by one, after a failure
    assert 0 < pace.seconds[count] < inf
    for number, result in enumerate(done):
        assert isinstance(result, Inference)
        assert same(read_output(result.body, nested), nested(pixels(number)), near=1e-5)


def test_the_predictions_of_a_batch_are_each_frame_s_own(nested: sw.Model) -> None:
    for number, result in enumerate(run_batch(batch(nested, "body.1", 4, False), Pace())):
        assert isinstance(result, Inference)
        told = read_prediction(result.body)
        assert told == json.loads(json.dumps(told))
        expected = Everything().predict(nested(pixels(number)))
        assert list(told) == list(expected)
        assert told["0"][0] == pytest.approx(expected["0"][0], abs=1e-5)
        assert told["1"] == expected["1"]
