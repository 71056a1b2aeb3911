"""The session behind a page of the demonstration: selections, pictures, and what is refused."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
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
from splitwire.live.drive import Drive
from splitwire.live.edge import Edge
from splitwire.live.library import Library
from splitwire.live.offers import codecs_by_split
from splitwire.live.session import EVERY, IN_FLIGHT, Selection, Session
from splitwire.tasks.classification import Classification

CHOSEN = {"chosen": True}
SELECTION = {"model": "net.py:small", "split": "0", "codec": "raw:bits=8", "rate": 1e9}


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


def photo(seed: int = 0, size: tuple[int, int] = (40, 50)) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


PHOTO = photo()


def selection(**changes: object) -> str:
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
    (selection(rate=0), "no selection: rate: Input should be greater than 0"),
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


def test_no_frame_overtakes_one_whose_picture_takes_longer_to_open(
    library: Library, address: str
) -> None:
    film = selection(codec="h264:qp=20,preset=ultrafast", camera=True)
    messages = [film, PHOTO, *[photo(1, (1500, 2000)), PHOTO] * 3]
    _, *told = converse(library, address, *messages)
    assert [said.get("outcome", said) for said in told] == ["answered"] * 7


def test_another_rate_alone_changes_the_link_and_nothing_else(
    library: Library, address: str
) -> None:
    film = {"codec": "h264:qp=20,preset=ultrafast", "camera": True}
    messages = [selection(**film), PHOTO, PHOTO, selection(**film, rate=5e3), photo(1)]
    chosen, first, fast, again, slow = converse(library, address, *messages)
    assert chosen == again == CHOSEN and slow["outcome"] == "answered"
    assert first["intra"] and not fast["intra"] and not slow["intra"]  # the session goes on
    assert slow["bytes"] > 100 and slow["stages"]["link"] > 1000 * slow["bytes"] / 5e3


def test_the_divergence_of_each_way_is_told(
    library: Library, address: str, small: sw.Model
) -> None:
    _, coarse, _, fine = converse(
        library, address, selection(codec="raw:bits=1"), PHOTO,
        selection(codec="raw:dtype=float32"), PHOTO,
    )  # fmt: skip
    assert coarse["strip"]["edge only"]["divergence"] == 0
    assert coarse["divergence"] == coarse["strip"]["shared"]["divergence"] > 1e-6
    assert fine["divergence"] == pytest.approx(0, abs=1e-9)
    x = small.preprocess.picture(Image.open(io.BytesIO(PHOTO)).convert("RGB"))
    cut, codec = sw.split(small, "0"), sw.codec("raw:bits=1")
    with torch.inference_mode():
        (feature,) = cut.edge(torch.from_numpy(x)[None])
        whole = cut.cloud(feature)
        lost = cut.cloud(torch.from_numpy(sw.decode(codec.encode(feature[0].numpy())))[None])
    assert coarse["divergence"] == pytest.approx(Classification().divergence(whole, lost), rel=1e-3)


class Slow:
    """An edge's link as a page's session sees it, which counts how many frames are on it."""

    def __init__(self, drive: Drive) -> None:
        self.drive, self.most, self._now = drive, 0, 0

    @asynccontextmanager
    async def edge(self) -> AsyncIterator[Edge]:
        async with self.drive.edge() as edge:
            send = edge.uplink.ask

            async def ask(*words: Any) -> Any:
                self._now += 1
                self.most = max(self.most, self._now)
                try:
                    return await send(*words)
                finally:
                    self._now -= 1

            edge.uplink.ask = ask  # type: ignore[method-assign]
            yield edge

    def __getattr__(self, name: str) -> Any:
        return getattr(self.drive, name)


def test_a_camera_s_pictures_are_under_way_together_and_answered_in_order(
    library: Library, address: str
) -> None:
    photos = [photo(seed) for seed in range(EVERY + 4)]
    made: list[Slow] = []

    def drive(selected: Selection) -> Any:
        demo = Demo(library, Address(address), ProfileStore(), "classification")
        made.append(Slow(demo.drive(selected)))
        return made[-1]

    def told(*messages: str | bytes) -> list[dict[str, Any]]:
        page = Page(list(messages))

        async def talk() -> None:
            session = Session(drive)
            await session.run(page)  # type: ignore[arg-type]
            await session.close()

        asyncio.run(talk())
        return page.told[1:]

    film = told(selection(codec="raw:bits=2", camera=True, rate=2e4), *photos)
    still = told(selection(codec="raw:bits=2", rate=2e4), *photos)
    assert [made[0].most, made[1].most] == [IN_FLIGHT, 1]
    assert [said["prediction"] for said in film] == [said["prediction"] for said in still]
    assert [at for at, said in enumerate(film) if "strip" in said] == [0, EVERY]
