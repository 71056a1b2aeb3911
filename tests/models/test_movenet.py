import numpy as np
import pytest
import tfjs_graph
import torch
from PIL import Image
from skimage import data

import splitwire as sw
from splitwire.models.movenet import KEYPOINTS
from splitwire.tasks.places import Places

HEADS = (
    "kpt_heatmap_0/conv2d_5",
    "center_0/conv2d_4",
    "kpt_regress_0/conv2d_6",
    "kpt_offset_0/conv2d_7",
)


@pytest.fixture(scope="module")
def model() -> sw.Model:
    return sw.load_model("movenet")


def picture(model: sw.Model, name: str) -> torch.Tensor:
    return torch.from_numpy(model.preprocess.picture(Image.fromarray(getattr(data, name)())))[None]


@pytest.mark.parametrize("name", ["astronaut", "camera"])
def test_module_and_decoding_are_the_published_graph(model: sw.Model, name: str) -> None:
    x = picture(model, name)
    given = x.numpy().transpose(0, 2, 3, 1).astype(np.int32)
    # float16 has these two numbers 0.02 and 0.002 % too small.
    graph = tfjs_graph.run("movenet", given, exact=(1 / 48, 1 / 127.5))
    maps = model(x)
    for ours, head in zip(maps, HEADS, strict=True):
        theirs = graph[f"StatefulPartitionedCall/{head}/BiasAdd"].transpose(0, 3, 1, 2)
        assert np.abs(ours.numpy() - theirs).max() < 1e-4 * np.abs(theirs).max()
    found = Places.of(maps).points.numpy()[:, [1, 0, 2]]  # the graph says y first
    assert np.abs(found - graph["Identity"][0]).max() < 1e-5
    assert np.abs(found - tfjs_graph.run("movenet", given)["Identity"]).max() < 1e-3


def test_it_finds_the_astronauts_face_and_shoulders(model: sw.Model) -> None:
    places = Places.of(model(picture(model, "astronaut")))
    found = dict(zip(KEYPOINTS, places.points, strict=True))
    seen = {  # x and y, as an eye sees them
        "nose": (0.44, 0.22),
        "left eye": (0.48, 0.19),
        "right eye": (0.40, 0.19),
        "left shoulder": (0.61, 0.52),
        "right shoulder": (0.21, 0.50),
    }
    for name, place in seen.items():
        assert torch.dist(found[name][:2], torch.tensor(place)) < 0.05
        assert found[name][2] > 0.5
    assert found["left ankle"][2] < 0.2  # it is outside of the picture
    assert model.classes == KEYPOINTS
