"""The session behind a page of the demonstration: selections, pictures, and what is refused."""

import asyncio
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from deployment import start_cloud
from PIL import Image

import splitwire as sw
from splitwire.calibrate.store import ProfileStore
from splitwire.codecs.profile import Provenance
from splitwire.live.address import Address
from splitwire.live.demo import Demo
from splitwire.live.library import Library
from splitwire.live.offers import codecs_by_split
from splitwire.live.session import Session
from splitwire.tasks.classification import Classification

CHOSEN = {"chosen": True}
SELECTION = {"model": "net.py:small", "split": "0", "codec": "raw:bits=8", "link": "not slowed"}


class Page:
    """A page that sends messages one after another, and keeps what it is told."""

    def __init__(self, messages: list[str | bytes]) -> None:
        self._messages = iter(messages)
        self.told: list[dict[str, Any]] = []

    async def receive(self) -> dict[str, Any]:
        message = next(self._messages, None)
        if message is None:
            return {"type": "websocket.disconnect"}
        return {
            "type": "websocket.receive",
            "text" if isinstance(message, str) else "bytes": message,
        }

    async def send_text(self, text: str) -> None:
        self.told.append(json.loads(text))


def photo(seed: int = 0) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (40, 50, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


PHOTO = photo()


def selection(**changes: str) -> str:
    return json.dumps({**SELECTION, **changes})


@pytest.fixture(scope="module")
def address(net: Path) -> Iterator[str]:
    """A cloud that holds one of the edge's two networks; its address."""
    process = start_cloud(net, "--port", "0")
    yield process.event("listening")["address"]
    assert process.stop() == 0


@pytest.fixture(scope="module")
def library(small: sw.Model) -> Library:
    others = [sw.load_model("net.py:negative_is_nan"), sw.load_model("net.py:no_classifier")]
    return Library([small, *others], ProfileStore())


def converse(library: Library, address: str, *messages: str | bytes) -> list[dict[str, Any]]:
    """What a session answers to each message."""
    page = Page(list(messages))

    async def talk() -> None:
        session = Session(Demo(library, Address(address), ProfileStore(), "classification").drive)
        try:
            await session.run(page)  # type: ignore[arg-type]
        finally:
            await session.close()

    asyncio.run(talk())
    assert len(page.told) == len(messages)
    return page.told


def test_a_picture_is_run_in_all_three_ways(
    library: Library, address: str, small: sw.Model
) -> None:
    chosen, first, second = converse(library, address, selection(), PHOTO, PHOTO)
    assert chosen == CHOSEN
    x = small.preprocess.picture(Image.open(io.BytesIO(PHOTO)).convert("RGB"))
    with torch.inference_mode():
        expected = Classification().predict(small(torch.from_numpy(x)[None]))
    assert list(first["strip"]) == ["shared", "edge only", "cloud only"]
    assert first["strip"]["edge only"]["prediction"] == expected
    assert first["strip"]["edge only"]["outcome"] == "local"
    for said in (first, second, first["strip"]["cloud only"]):
        assert said["outcome"] == "answered", said
        assert list(said["stages"]) == ["edge", "encode", "link", "decode", "cloud"]
        assert said["bytes"] > 0
    assert second["prediction"]["classes"][0] == expected["classes"][0]
    assert [mosaic[:22] for mosaic in first["mosaics"]] == ["data:image/png;base64,"]


def test_the_three_ways_are_measured_on_the_same_picture(
    library: Library, address: str, small: sw.Model
) -> None:
    photos = [photo(seed) for seed in range(3)]
    _, *told = converse(library, address, selection(codec="raw:dtype=float32"), *photos)
    expected = []
    for one in photos:
        x = small.preprocess.picture(Image.open(io.BytesIO(one)).convert("RGB"))
        with torch.inference_mode():
            expected.append(Classification().predict(small(torch.from_numpy(x)[None])))
    for way in ("edge only", "shared"):
        assert [said["strip"][way]["prediction"] for said in told] == expected
    sizes = [said["strip"]["cloud only"]["bytes"] for said in told]
    assert len(set(sizes)) == 3


def test_a_codec_is_offered_where_it_has_what_it_needs(
    small: sw.Model, lite0: sw.Model, tmp_path: Path
) -> None:
    offered = codecs_by_split(lite0, ProfileStore(), "classification")
    assert {split for split, names in offered.items() if "ftc" in names} == {
        "blocks.2",
        "blocks.3",
        "blocks.5",
    }
    assert all({"jpeg", "hevc", "raw"} <= set(names) for names in offered.values())
    assert "ftc" not in codecs_by_split(small, ProfileStore(), "classification")["0"]
    features = [np.random.default_rng(n).normal(size=(4, 15, 15)) for n in range(8)]
    made = sw.codec("ftc").calibrate([x.astype(np.float32) for x in features])
    assert isinstance(made, sw.CalibratedCodec) and made.profile is not None
    learnt = Provenance(small.name, small.digest, "0", "ftc")
    replace(made.profile, learnt=learnt).save(tmp_path / "0.profile")
    ready = codecs_by_split(small, ProfileStore(tmp_path), "classification")
    assert ["ftc" in names for names in ready.values()] == [split == "0" for split in ready]


REFUSED = [
    ("nothing", "no selection: Invalid JSON"),
    ("[]", "no selection: Input should be"),
    (selection(extra="1"), "no selection: extra: Unexpected keyword argument"),
    (selection(link="a string and two cups"), "no selection: link: String should match"),
    (selection(model="lite9"), "no model 'lite9' here"),
    (selection(split="blocks"), "no cut point 'blocks'"),
    (selection(codec="jpg"), "unknown codec 'jpg'"),
    (selection(codec="ftc:quality=45"), "no profile of ftc:quality=45"),
    (selection(model="net.py:no_classifier"), "a classifier gives one row of logits"),
    (
        selection(model="net.py:negative_is_nan", split="1"),
        "no model 'net.py:negative_is_nan' here",
    ),
]


@pytest.mark.parametrize(("message", "why"), REFUSED)
def test_a_refused_selection_leaves_the_former_one_running(
    library: Library, address: str, message: str, why: str
) -> None:
    chosen, before, refused, after, again = converse(
        library, address, selection(), PHOTO, message, PHOTO, PHOTO
    )
    assert chosen == CHOSEN
    assert list(refused) == ["error"]
    assert why in refused["error"]
    assert "\n" not in refused["error"]
    for said in (after, again):
        assert said["outcome"] == "answered"
        assert (said["bytes"], said["prediction"]) == (before["bytes"], before["prediction"])


def test_a_selection_replaces_the_former_one(library: Library, address: str) -> None:
    messages = [selection(), PHOTO, selection(codec="raw:bits=4"), PHOTO, selection(), PHOTO]
    told = converse(library, address, *messages)
    assert told[::2] == [CHOSEN] * 3
    sizes = [said["bytes"] for said in told[1::2]]
    assert sizes[0] == sizes[2] > 1.5 * sizes[1]


def test_a_picture_without_a_selection_or_one_that_is_none_is_said(
    library: Library, address: str
) -> None:
    early, _, wrong, right = converse(library, address, PHOTO, selection(), b"no picture", PHOTO)
    assert early == {"error": "choose first"}
    assert "no picture that can be read" in wrong["error"]
    assert right["outcome"] == "answered"


def test_a_frame_that_cannot_be_coded_is_shown_with_its_reason(
    library: Library, address: str
) -> None:
    # What crosses at the last layer is a row, of which a picture codec makes none.
    chosen, said = converse(library, address, selection(split="4", codec="picture"), PHOTO)
    assert chosen == CHOSEN
    assert said["outcome"] == "refused"
    assert said["reason"]
    assert (said["bytes"], said["mosaics"], said["prediction"]) == (0, [], {})
    assert said["strip"]["edge only"]["outcome"] == "local"


def test_a_camera_s_frames_build_on_each_other_and_a_picture_on_none(
    library: Library, address: str
) -> None:
    chosen = {"codec": "h264:qp=20,preset=ultrafast"}
    still = converse(library, address, selection(**chosen), PHOTO, PHOTO, PHOTO)[1:]
    film = json.dumps({**SELECTION, **chosen, "camera": True})
    moving = converse(library, address, film, PHOTO, PHOTO, PHOTO)[1:]
    assert [said["intra"] for said in still] == [True] * 3
    assert [said["intra"] for said in moving] == [True, False, False]
    assert all(said["outcome"] == "answered" for said in (*still, *moving))
    assert max(said["bytes"] for said in moving[1:]) < 0.5 * moving[0]["bytes"]
    assert still[0]["mosaics"] == moving[0]["mosaics"] == still[2]["mosaics"]
    assert moving[1]["mosaics"][0].startswith("data:image/png;base64,")
