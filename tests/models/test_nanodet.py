from functools import cache

import numpy as np
import pytest
import tfjs_graph
import torch

import splitwire as sw
from splitwire.data.photos import CALIBRATION, SAMPLES, load_photos
from splitwire.models.nanodet import BINS, SIDE, STRIDES

# The most certain thing of four photos, and its box (left, top, right, bottom) as an eye sees it.
SEEN = {
    (CALIBRATION, "astronaut.png"): ("person", (16, 12, 296, 412)),
    (CALIBRATION, "coffee.png"): ("cup", (120, 16, 296, 328)),
    (SAMPLES, "imagenet_01_559.jpg"): ("chair", (170, 14, 250, 136)),
    (SAMPLES, "imagenet_17_22.jpg"): ("bird", (3, 104, 412, 298)),
}


@cache
def model() -> sw.Model:
    return sw.load_model("nanodet")


def pixels(data: str, name: str) -> torch.Tensor:
    photo = next(photo for photo in load_photos(data) if photo.name == name)
    return torch.from_numpy(model().preprocess.picture(photo.open()))[None]


def test_the_module_is_the_published_graph() -> None:
    x = pixels(CALIBRATION, "astronaut.png")
    bgr = (x.flip(1) - torch.tensor([103.53, 116.28, 123.675]).view(3, 1, 1)) / torch.tensor(
        [57.375, 57.12, 58.395]
    ).view(3, 1, 1)
    graph = tfjs_graph.run("nanodet", bgr.numpy())
    scores, sides = model()(x)
    levels = [
        ("Identity", "Identity_3"),
        ("Identity_1", "Identity_4"),
        ("Identity_2", "Identity_5"),
    ]
    theirs = [
        np.concatenate([graph[name] for name in names], 1) for names in zip(*levels, strict=True)
    ]
    assert np.abs(scores.sigmoid().numpy() - theirs[0]).max() < 1e-4
    assert np.abs(sides.numpy() - theirs[1]).max() < 1e-4
    assert scores.shape == (1, 3549, 80)
    assert sides.shape == (1, 3549, 44)


@pytest.mark.parametrize("photo", SEEN, ids=lambda photo: photo[1])
def test_it_finds_what_is_in_a_photo(photo: tuple[str, str]) -> None:
    name, seen = SEEN[photo]
    scores, sides = model()(pixels(*photo))
    cell, kind = divmod(int(scores.argmax()), len(model().classes))
    assert model().classes[kind] == name
    assert scores.sigmoid().max() > 0.5
    assert overlap(box(cell, sides[0, cell]), seen) > 0.6


def box(cell: int, logits: torch.Tensor) -> list[float]:
    """The box of a cell, counted here as the module's documentation says."""
    for stride in STRIDES:
        across = SIDE // stride
        if cell < across**2:
            break
        cell -= across**2
    row, column = divmod(cell, across)
    chances = logits.view(4, BINS).softmax(1)
    left, top, right, below = (chances @ torch.arange(float(BINS)) * stride).tolist()
    x, y = (column + 0.5) * stride, (row + 0.5) * stride
    return [x - left, y - top, x + right, y + below]


def overlap(one: list[float], other: tuple[int, ...]) -> float:
    """The intersection of two boxes over their union."""

    def area(left: float, top: float, right: float, below: float) -> float:
        return max(0, right - left) * max(0, below - top)

    both = area(*map(max, one[:2], other[:2]), *map(min, one[2:], other[2:]))
    return both / (area(*one) + area(*other) - both)


def test_its_weights_are_the_packages_unless_it_is_to_have_none() -> None:
    bare = sw.load_model("nanodet", None)
    assert not bare.weights.trained
    assert bare.digest != model().digest
    assert model().weights.origin == "pretrained, from the package (splitwire/weights)"
    assert len(set(model().classes)) == 80
