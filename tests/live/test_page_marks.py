"""Boxes, masks and limbs on the page: where the network finds them, on a wide screen or not."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from browsing import DESK, PHONE, seen, status
from cloud_here import cloud_here, served
from PIL import Image
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute

import splitwire as sw
from splitwire.calibrate.store import ProfileStore
from splitwire.data.photos import CALIBRATION, load_photos
from splitwire.live.address import Address
from splitwire.live.demo import Demo
from splitwire.live.library import Library
from splitwire.live.pages import pages
from splitwire.tasks.base import Prediction
from splitwire.tasks.keypoints import BONES, SHOWN
from splitwire.tasks.registry import load_task
from splitwire.tasks.segmentation import unrolled

NAMES = ("nanodet", "selfie", "movenet")
PLACES = """(parts) => {
    const whole = document.getElementById("picture").getBoundingClientRect();
    return parts.map((part) => {
        const { left, top, right, bottom } = part.getBoundingClientRect();
        const x = (at) => (at - whole.left) / whole.width;
        const y = (at) => (at - whole.top) / whole.height;
        return [x(left), y(top), x(right), y(bottom)];
    });
}"""
MASK = """(mask) => {
    const { data } = mask.getContext("2d").getImageData(0, 0, mask.width, mask.height);
    return [mask.width, mask.height, [...data].filter((_, at) => at % 4 === 3)];
}"""
ENDS = """(lines) => {
    const end = (line) => (side) => Number(line.getAttribute(side));
    return lines.map((line) => ["x1", "y1", "x2", "y2"].map(end(line)));
}"""


@pytest.fixture(scope="module")
def models() -> dict[str, sw.Model]:
    return {name: sw.load_model(name) for name in NAMES}


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that is wider than high, with somebody at its left."""
    path = tmp_path_factory.mktemp("photo") / "astronaut.png"
    whole = next(p for p in load_photos(CALIBRATION) if p.name == "astronaut.png").open()
    whole.crop((0, 0, 512, 400)).save(path)
    return path


@pytest.fixture(scope="module")
def cloud(models: dict[str, sw.Model]) -> Iterator[str]:
    with cloud_here(*models.values()) as (_, address):
        yield address


@pytest.fixture(scope="module")
def demo(models: dict[str, sw.Model], cloud: str) -> Iterator[str]:
    """The demonstration, with NanoDet at the edge."""
    store = ProfileStore()
    demo = Demo(Library([models["nanodet"]], store), Address(cloud), store)
    shown = pages(demo.access, demo.about())
    routes = [WebSocketRoute("/edge", demo.serve), Route("/metrics", demo.metrics), *shown]
    with served(Starlette(routes=routes)) as address:
        yield address


def found(model: sw.Model, photo: Path) -> Prediction:
    """What the network says of a photo, asked here."""
    x = model.preprocess.picture(Image.open(photo))
    with torch.inference_mode():
        return load_task(None, model).predict(model(torch.from_numpy(x)[None]))


def shown(page: Any, address: str, model: str, photo: Path, screen: dict[str, int]) -> None:
    """Have a page show a photo by one network."""
    page.set_viewport_size(screen)
    page.goto(address)
    status(page, "Ready")
    page.set_input_files("#file", str(photo))
    seen(page, 1)
    if model != page.locator("#model").input_value():
        page.locator("#model").select_option(model)
        seen(page, 2)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


@pytest.mark.parametrize("screen", [DESK, PHONE], ids=["desk", "phone"])
def test_boxes_are_where_the_network_finds_objects(
    page: Any, cloud: str, models: dict[str, sw.Model], photo: Path, screen: dict[str, int]
) -> None:
    shown(page, cloud, "nanodet", photo, screen)
    person = found(models["nanodet"], photo)["objects"][0]
    boxes = page.locator("#marks rect").evaluate_all(PLACES)
    assert np.abs(np.array(boxes[-1]) - person["box"]).max() < 0.02  # the best is drawn last
    words = page.locator("#marks span")
    assert words.count() == len(boxes)
    assert words.last.inner_text().startswith("person ")
    for left, top, right, bottom in words.evaluate_all(PLACES):
        assert min(left, top, 1 - right, 1 - bottom) > -0.01  # none is cut off
    whole = page.locator("#picture").bounding_box()
    assert whole["width"] / whole["height"] == pytest.approx(512 / 400, rel=0.01)
    assert whole["width"] > 0.8 * min(screen["width"], 600)
    assert page.locator("#classes li").first.inner_text().startswith("person")


def test_a_mask_lies_over_whom_the_network_finds(
    page: Any, cloud: str, models: dict[str, sw.Model], photo: Path
) -> None:
    shown(page, cloud, "selfie", photo, PHONE)
    expected = unrolled(found(models["selfie"], photo)) > 0
    width, height, opaque = page.locator("#marks canvas").evaluate(MASK)
    drawn = np.array(opaque).reshape(height, width)
    assert set(np.unique(drawn)) == {0, 255}
    assert np.mean((drawn > 0) == expected) > 0.99
    place = page.locator("#marks canvas").evaluate_all(PLACES)[0]
    assert place == pytest.approx([0, 0, 1, 1], abs=0.01)
    said = page.locator("#classes li").all_inner_texts()
    assert f"person\n{100 * (drawn > 0).mean():.0f} %" in said


def test_limbs_join_the_points_that_the_network_finds(
    page: Any, cloud: str, models: dict[str, sw.Model], photo: Path
) -> None:
    shown(page, cloud, "movenet", photo, PHONE)
    points = np.array(found(models["movenet"], photo)["points"])
    sure = points[:, 2] >= SHOWN
    dots = page.locator("#marks .point").evaluate_all(ENDS)
    assert np.abs(np.array(dots)[:, :2] - points[sure, :2]).max() < 0.03
    limbs = [np.r_[points[a, :2], points[b, :2]] for a, b in BONES if sure[a] and sure[b]]
    assert np.abs(np.array(page.locator("#marks .limb").evaluate_all(ENDS)) - limbs).max() < 0.03
    assert page.locator("#classes").inner_text() == f"{sure.sum()} of 17 points"


def test_the_demonstration_shows_a_pyramid_and_the_uncompressed_network(
    page: Any, demo: str, models: dict[str, sw.Model], photo: Path
) -> None:
    shown(page, demo, "nanodet", photo, DESK)
    assert page.locator("#split option").all_inner_texts()[-2:] == ["backbone", "neck"]
    page.get_by_label("Split point").select_option("neck")
    seen(page, 2)
    assert page.locator("#mosaic img").count() == 3
    assert page.locator("#c-bytes").inner_text().endswith(" of 3 tensors.")
    coded = page.locator("#marks rect").evaluate_all(PLACES)
    whole = page.get_by_role("button", name="Uncompressed network")
    whole.click()
    objects = found(models["nanodet"], photo)["objects"]
    boxes = page.locator("#marks rect").evaluate_all(PLACES)
    assert coded != boxes
    assert np.abs(np.array(boxes[::-1]) - [one["box"] for one in objects]).max() < 0.02
    assert "uncompressed" in page.locator("#c-seen").inner_text()
    whole.click()
    again = page.locator("#marks rect").evaluate_all(PLACES)
    assert np.abs(np.array(again) - coded).max() < 1e-4
