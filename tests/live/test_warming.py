"""First runs that outlast a frame's deadline: they are over before one counts."""

from pathlib import Path
from threading import Lock
from time import sleep

import pytest
import torch
from cloud_here import cloud_here
from driving import drive, outcomes, pictures, run, shared
from torch import nn

import splitwire as sw
from splitwire.models.preprocess import Preprocess

COLD, DEADLINE = 4.0, 3.0  # seconds
_left = {"first": 0, "second": 0}  # runs of each half that are still slow
_counting = Lock()


@torch.library.custom_op("splitwire_tests::cold", mutates_args=())
def cold(x: torch.Tensor, half: str) -> torch.Tensor:
    """The same numbers, late the first times."""
    with _counting:
        slow, _left[half] = _left[half] > 0, max(_left[half] - 1, 0)
    sleep(COLD * slow)
    return x.clone()


@cold.register_fake
def _(x: torch.Tensor, half: str) -> torch.Tensor:
    return torch.empty_like(x)


class Cold(nn.Module):
    """A network whose halves are slow at first."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.Conv2d(3, 4, 3, 4), nn.Linear(256, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.body(cold(x, "first"))
        return self.head(cold(x.flatten(1), "second"))


def cold_network() -> tuple[nn.Module, Preprocess]:
    torch.manual_seed(0)
    return Cold().eval(), Preprocess(32, 36, (127.0,) * 3, (128.0,) * 3, "bilinear")


def test_a_cloud_and_an_edge_that_are_slow_at_first_keep_the_first_deadline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second half runs on either side, so that it is slow twice."""
    (tmp_path / "net.py").write_text(f"from {__name__} import cold_network\n")
    model = sw.load_model(f"{tmp_path / 'net.py'}:cold_network")
    choice = shared(model, "body")
    monkeypatch.setitem(_left, "first", 1)
    monkeypatch.setitem(_left, "second", 2)
    with cloud_here(model) as (_, address):
        way = drive(model, address, choices=[choice], deadline=DEADLINE)
        records = run(way, pictures(3))
    assert outcomes(records) == {"answered": 3}
    assert _left == {"first": 0, "second": 0}
