"""A network of several inputs, run by an edge and a cloud on files of tensors."""

from pathlib import Path

import numpy as np
import torch
from cloud_here import cloud_here
from driving import RAW, drive, run
from torch import nn

import splitwire as sw
from splitwire.live.supply import supply
from splitwire.models.inputs import Inputs
from splitwire.models.load import assemble
from splitwire.runner.choice import Choice

INPUTS = Inputs({"left": (3, 8, 8), "right": (3, 8, 8), "speed": (1,)})


class Pair(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.eye = nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.Flatten())
        self.head = nn.Linear(4 * 3 * 3 + 1, 5)

    def forward(self, left: torch.Tensor, right: torch.Tensor, speed: torch.Tensor) -> torch.Tensor:
        return self.head(torch.cat([self.eye(left) - self.eye(right), speed], 1))


def test_an_edge_and_a_cloud_give_what_the_network_does(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = assemble("pair", Pair(), INPUTS)
    random = np.random.default_rng(0)
    for number in range(3):
        some = {name: random.normal(size=shape) for name, shape in INPUTS.shapes.items()}
        np.savez(tmp_path / f"{number}.npz", **some)
    del some["speed"]
    np.savez(tmp_path / "lacks.npz", **some)
    _, frames = supply(INPUTS, str(tmp_path), 4)
    with cloud_here(model) as (_, address):
        cut = sw.split(model, "eye")
        codecs = [sw.codec(RAW)] * len(cut.crossings)
        choices = [Choice.shared(cut, codecs, RAW)]
        records = run(drive(model, address, choices=choices), frames)  # type: ignore[arg-type]
    refused = records.pop("lacks.npz")
    assert refused.outcome == "refused" and "speed is none" in str(refused.reason)
    for name, record in records.items():
        x = INPUTS.picture(np.load(tmp_path / name))
        expected = model(torch.from_numpy(x)[None]).softmax(1).max().item()
        assert record.outcome == "answered" and record.prediction
        assert abs(record.prediction["probabilities"][0] - expected) < 1e-5
