"""The task that the page takes for a network, where nobody names one."""

import pytest

import splitwire as sw
from splitwire.calibrate.store import ProfileStore
from splitwire.live.library import Library
from splitwire.tasks.classification import Classification
from splitwire.tasks.registry import tasks


class Own(Classification):
    """A user's, which fits the same outputs as a built-in one."""

    name = "own"


@pytest.mark.parametrize(
    ("name", "task"),
    [
        ("lite0", "classification"),
        ("nanodet", "detection"),
        ("selfie", "segmentation"),
        ("movenet", "keypoints"),
    ],
)
def test_a_network_gets_the_task_that_it_is_for(name: str, task: str) -> None:
    model = sw.load_model(name)
    assert Library([model], ProfileStore()).page_task(model) == task


def test_a_users_task_comes_before_those_built_in() -> None:
    model = sw.load_model("lite0")
    for known in (tasks() | {"own": Own}, {"own": Own} | tasks()):
        assert Library([model], ProfileStore(), known).page_task(model) == "own"
