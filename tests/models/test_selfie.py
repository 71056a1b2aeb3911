import numpy as np
import pytest
import tfjs_graph
import torch

import splitwire as sw
from splitwire.data.photos import CALIBRATION, load_photos


@pytest.fixture(scope="module")
def model() -> sw.Model:
    return sw.load_model("selfie")


@pytest.fixture(scope="module")
def astronaut(model: sw.Model) -> torch.Tensor:
    photo = next(p for p in load_photos(CALIBRATION) if p.name == "astronaut.png")
    return torch.from_numpy(model.preprocess.picture(photo.open()))[None]


def test_the_module_is_the_published_graph(model: sw.Model, astronaut: torch.Tensor) -> None:
    given = (astronaut / 255).numpy().transpose(0, 2, 3, 1)
    ours = model(astronaut)
    # Its hard swishes divide by six, which float16 has as a number 0.02 % too small.
    graph = tfjs_graph.run("selfie", given, exact=(1 / 6,))
    assert far(ours.sigmoid(), graph["activation_10"]) < 1e-4
    assert far(ours, graph["segment_add"]) < 1e-4 * np.abs(graph["segment_add"]).max()
    assert 1e-4 < far(ours.sigmoid(), tfjs_graph.run("selfie", given)["activation_10"]) < 0.02


def far(ours: torch.Tensor, theirs: np.ndarray) -> float:
    assert ours.shape == (1, 1, 256, 256)
    return float(np.abs(ours[0, 0].numpy() - theirs[0, :, :, 0]).max())


def test_it_finds_the_person(model: sw.Model, astronaut: torch.Tensor) -> None:
    mask = model(astronaut)[0, 0] > 0
    assert model.classes == ("person",)
    for x, y in [(112, 50), (60, 160), (150, 140), (100, 120)]:  # face, arms, chest
        assert mask[y, x]
    for x, y in [(15, 20), (220, 60), (170, 20), (215, 150)]:  # flag, rocket, wall
        assert not mask[y, x]
