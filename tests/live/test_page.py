"""The page in a browser without a screen: served by a cloud alone, and by the demonstration."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from browsing import PHONE, seen, status
from deployment import PATIENCE, start_cloud
from forked import Forked

import splitwire as sw
from splitwire.data.photos import load_photos
from splitwire.tasks.classification import class_names

PARTS = ("picture", "marks", "classes", "strip", "mosaic")


@pytest.fixture(scope="module")
def photo() -> Path:
    return load_photos("samples")[3].path


@pytest.fixture(scope="module")
def best(lite0: sw.Model, photo: Path) -> str:
    """What the whole network sees in the photo."""
    from PIL import Image

    x = lite0.preprocess.picture(Image.open(photo))
    with torch.inference_mode():
        return class_names(lite0)[int(lite0(torch.from_numpy(x)[None]).argmax())]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("cloud")
    (folder / "token").write_text("0123456789abcdef", encoding="utf-8")
    process = start_cloud(folder, "--port", "0", "--token-file", "token", models=["lite0"])
    yield process.event("listening")["address"]
    process.stop()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One that stands for a device faster than this machine, as far as it can."""
    devices = tmp_path_factory.mktemp("demo") / "devices.toml"
    devices.write_text("[fast]\nfactor = 0.9")
    process = Forked(["demo", "--port", "0", "--device", f"{devices}:fast"], devices.parent)
    line = process.stdout.readline()
    assert line.startswith("Open "), line
    yield line.split()[1]
    process.terminate()
    assert process.wait(PATIENCE) == 0


def test_the_page_of_a_cloud_wants_its_token_and_then_sees_what_the_network_sees(
    page: Any, cloud: str, photo: Path, best: str
) -> None:
    page.goto(cloud)
    status(page, "Refused: no token")
    page.get_by_label("Token of this cloud").fill("wrong-wrong-wrong")
    page.get_by_role("button", name="Connect").click()
    status(page, "Refused: wrong token")
    page.get_by_label("Token of this cloud").fill("0123456789abcdef")
    page.keyboard.press("Enter")
    status(page, "Ready")
    page.set_input_files("#file", str(photo))
    status(page, "Frame 1 answered by the cloud")
    assert best in page.locator("#classes li").first.inner_text()
    assert page.locator("#times .stage").count() > 0
    assert not page.locator("#strip").is_visible()


def test_a_network_of_whole_photos_is_shown_them_whole(page: Any, tmp_path: Path) -> None:
    from PIL import ExifTags, Image

    wide = Image.new("RGB", (160, 40), "red")
    wide.paste("lime", (0, 0, 30, 40))
    wide.paste("blue", (130, 0, 160, 40))
    wide.save(tmp_path / "wide.png")
    process = start_cloud(tmp_path, "--port", "0", models=["net.py:whole"])
    page.goto(process.event("listening")["address"])
    status(page, "Ready")
    page.set_input_files("#file", str(tmp_path / "wide.png"))
    status(page, "Frame 1 answered by the cloud")
    pixel = "(c, x) => [...c.getContext('2d').getImageData(x, 16, 1, 1).data.slice(0, 3)]"
    row = [page.locator("#picture").evaluate(pixel, x) for x in (1, 16, 30)]
    assert row == [[0, 255, 0], [255, 0, 0], [0, 0, 255]]
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # the camera was held sideways
    wide.putalpha(0)
    wide.paste((255, 0, 0, 255), (0, 0, 30, 40))
    wide.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "sideways.png", exif=exif)
    page.set_input_files("#file", str(tmp_path / "sideways.png"))
    status(page, "Frame 2 answered by the cloud")
    row = [page.locator("#picture").evaluate(pixel, x) for x in (1, 16, 30)]
    assert row == [[255, 0, 0], [255, 255, 255], [255, 255, 255]]
    page.goto("about:blank")  # or its monitor finds nobody
    process.stop()


def opened(page: Any, demo: str) -> None:
    """The demonstration, which begins with a picture of its own."""
    page.goto(demo)
    status(page, "Frame 1 answered by the cloud")


def test_the_demonstration_begins_with_a_picture_and_compares_the_three_ways(
    page: Any, demo: str, best: str
) -> None:
    opened(page, demo)
    page.get_by_label("Codec").select_option("rans")
    status(page, "Frame 2 answered by the cloud")
    page.get_by_label("Split point").select_option("blocks.5")
    status(page, "Frame 3 answered by the cloud")
    rows = page.locator("#strip tbody tr").all_inner_texts()
    assert [row.split("\t")[0].replace(" (fastest)", "") for row in rows] == [
        "edge only",
        "cloud only",
        "shared",
    ]
    assert all(best in row for row in rows)
    assert page.locator("#mosaic img").get_attribute("src").startswith("data:image/png;base64,")
    assert page.locator("#bytes .stage").count() == 3


def test_on_a_phone_nothing_is_cut_off_and_targets_are_large(page: Any, demo: str) -> None:
    page.set_viewport_size(PHONE)
    opened(page, demo)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    for control in page.locator("select:visible, button:visible, .button:visible, #rate").all():
        assert control.bounding_box()["height"] >= 44


def test_the_keyboard_reaches_everything_and_everything_has_a_name(page: Any, demo: str) -> None:
    opened(page, demo)
    reached = []
    for _ in range(9):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id"))
    chosen = ["model", "split", "codec", "quality", "file", "camera", "again"]
    assert reached == [*chosen, "rate", "whole"]
    named = (("combobox", "Split point"), ("slider", "Upload rate"), ("button", "Camera"))
    for role, name in named:
        assert page.get_by_role(role, name=name).count() == 1
    for region in ("Choose", "Prediction", "Time of each frame", "Three ways", "The cloud"):
        assert page.get_by_role("region", name=region).count() == 1


def test_what_is_no_picture_is_said_and_harms_nothing(
    page: Any, demo: str, photo: Path, tmp_path: Path
) -> None:
    (tmp_path / "no.jpg").write_text("no picture", encoding="utf-8")
    opened(page, demo)
    page.set_input_files("#file", str(tmp_path / "no.jpg"))
    status(page, "That is no picture")
    page.set_input_files("#file", str(photo))
    status(page, "answered by the cloud")


def test_a_codec_without_a_profile_is_not_on_offer(page: Any, demo: str) -> None:
    opened(page, demo)
    offered = {}
    for split in ("blocks.3", "blocks.4"):
        page.get_by_label("Split point").select_option(split)
        offered[split] = page.locator("#codec option").all_inner_texts()
        assert page.locator("#quality option").count() == 4
    assert set(offered["blocks.3"]) - set(offered["blocks.4"]) == {"ftc"}
    assert page.get_by_label("Codec").input_value() == "jpeg"


def test_an_error_stays_until_the_next_choice(page: Any, demo: str, photo: Path) -> None:
    opened(page, demo)
    page.set_input_files("#file", str(photo))
    status(page, "Frame 2 answered by the cloud")
    page.evaluate("""() => {
        const quality = document.getElementById("quality");
        quality.add(new Option("none", "jpg:quality=50"));
        quality.value = "jpg:quality=50";
        quality.dispatchEvent(new Event("change"));
    }""")
    seen(page, 3)  # with the choice before, which goes on
    status(page, "unknown codec 'jpg'")
    page.get_by_label("Codec").select_option("raw")
    status(page, "Frame 4 answered by the cloud")


def test_no_prediction_is_seen_beside_another_picture(page: Any, demo: str, photo: Path) -> None:
    opened(page, demo)
    page.evaluate("""() => {
        window.states = new Set();
        const look = () => {
            const text = (id) => document.getElementById(id).textContent;
            const picture = document.getElementById("picture").toDataURL();
            window.states.add(JSON.stringify([picture, text("classes"), text("strip")]));
            requestAnimationFrame(look);
        };
        look();
    }""")
    page.set_input_files("#file", str(load_photos("samples")[5].path))
    seen(page, 2)
    page.set_input_files("#file", str(load_photos("samples")[7].path))
    seen(page, 3)
    page.evaluate("new Promise(requestAnimationFrame)")
    states = page.evaluate("[...window.states].map((state) => JSON.parse(state))")
    assert len(states) == 3  # its own, the first, the second: nothing in between
    assert all(len({state[part] for state in states}) == 3 for part in range(3))
    numbers = [page.locator(f"#{part}").get_attribute("data-frame") for part in PARTS]
    assert numbers == ["3"] * 5
