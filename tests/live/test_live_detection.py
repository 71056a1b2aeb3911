"""Detection live: a video file over a slowed link, and the boxes that the same codecs give offline.

A pyramid of three tensors crosses, each a sequence of its own.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from cloud_here import cloud_here
from driving import drive, outcomes, run
from films import kinds

import splitwire as sw
from splitwire.calibrate.store import ProfileStore
from splitwire.codecs.base import Tensor
from splitwire.codecs.profile import Provenance
from splitwire.data.photos import CALIBRATION, load_photos
from splitwire.live.choosing import open_choice, shared
from splitwire.live.record import Record
from splitwire.live.slowing import Slowed
from splitwire.live.supply import supply
from splitwire.runner import packet
from splitwire.runner.choice import Choice
from splitwire.runner.link import Trace
from splitwire.runner.local import decode, encode
from splitwire.tasks.base import Prediction
from splitwire.tasks.registry import load_task

DETECTOR = """
import torch
from torch import nn
from splitwire import Preprocess

class Neck(nn.Module):
    def __init__(self):
        super().__init__()
        self.levels = nn.ModuleList(nn.Conv2d(3, 6, side, side) for side in (8, 16, 32))

    def forward(self, x):
        return [level(x).relu() for level in self.levels]

class Detector(nn.Module):
    classes = ("cat", "dog")

    def __init__(self):
        super().__init__()
        self.neck, self.head = Neck(), nn.Conv2d(6, 2 + 4 * 8, 1)

    def forward(self, x):
        rows = torch.cat([self.head(level).flatten(2).mT for level in self.neck(x)], 1)
        return rows[..., :2], rows[..., 2:]

def detector():
    torch.manual_seed(0)
    return Detector(), Preprocess(64, None, (127.0,) * 3, (32.0,) * 3, "bilinear")
"""
AT, FTC = "neck", "ftc:quality=60"
LINK = Slowed(Trace.constant(3e6), 0.005)


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> sw.Model:
    file = tmp_path_factory.mktemp("detector") / "detector.py"
    file.write_text(DETECTOR, encoding="utf-8")
    return sw.load_model(f"{file}:detector")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A camera that turns past an astronaut."""
    photo = next(p for p in load_photos(CALIBRATION) if p.name == "astronaut.png").open()
    path = tmp_path_factory.mktemp("clip") / "clip.mkv"
    with av.open(path, "w") as file:
        stream = file.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = 400, 300, "yuv420p"
        for left in range(0, 60, 5):
            seen = photo.crop((left, 0, left + 400, 300))
            file.mux(stream.encode(av.VideoFrame.from_ndarray(np.asarray(seen), "rgb24")))
        file.mux(stream.encode())
    return path


def frames(model: sw.Model, clip: Path, count: int) -> Iterator[tuple[str, Tensor]]:
    """The first frames of a clip, as an edge takes them."""
    for name, x in islice(supply(model.preprocess, str(clip), count)[1], count):
        assert isinstance(x, np.ndarray)
        yield name, x


def learnt(model: sw.Model, clip: Path, folder: Path) -> ProfileStore:
    """Profiles of `ftc` for each level of the pyramid, of a few frames and no gradients."""
    halves = sw.split(model, AT)
    with torch.inference_mode():
        seen = [halves.edge(torch.from_numpy(x)[None]) for _, x in frames(model, clip, 4)]
    for crossing, features in enumerate(zip(*seen, strict=True)):
        made = sw.codec("ftc").calibrate([x[0].numpy() for x in features])
        assert isinstance(made, sw.CalibratedCodec) and made.profile is not None
        where = Provenance(model.name, model.digest, AT, "ftc", crossing=crossing, task="detection")
        replace(made.profile, learnt=where).save(folder / f"{crossing}.profile")
    return ProfileStore(folder)


def live(
    model: sw.Model, clip: Path, count: int, folder: Path, in_flight: int
) -> tuple[Choice, list[Record]]:
    """The choice and the records, in order, of a clip's frames over the link."""
    store = learnt(model, clip, folder)
    choice = open_choice(model, shared(AT, FTC), store, "detection")
    with cloud_here(model, profiles=store) as (_, address):
        how = {"slowed": LINK, "in_flight": in_flight, "whole": False}
        way = drive(model, address, choices=[choice], task=load_task("detection", model), **how)
        records = run(way, frames(model, clip, count))
    assert outcomes(records) == {"answered": count}
    assert all(len(packet.split(record.packet)) == 3 for record in records.values())
    return choice, sorted(records.values(), key=lambda record: record.number)


def as_a_sequence(choice: Choice, clip: Path, count: int) -> list[tuple[int, Prediction]]:
    """Bytes and boxes of the same frames, coded offline one after another."""
    model = choice.split.model
    task = load_task("detection", model)
    encoders = [codec.encoder(acknowledged=True) for codec in choice.codecs]
    decoders = [codec.decoder() for codec in choice.codecs]
    found = []
    with torch.inference_mode():
        for _, x in frames(model, clip, count):
            sent = encode(choice.split.edge(torch.from_numpy(x)[None]), encoders)
            tensors = decode(sent, decoders, choice.split.crossings)
            for encoder, stream in zip(encoders, packet.split(sent), strict=True):
                encoder.acknowledge(stream)
            found.append((len(sent), task.predict(choice.split.cloud(*tensors))))
    return found


def as_sent(choice: Choice, records: list[Record]) -> Iterator[Prediction]:
    """The boxes that the packets of a run hold, decoded offline in their order."""
    task = load_task("detection", choice.split.model)
    decoders = [codec.decoder() for codec in choice.codecs]
    with torch.inference_mode():
        for record in records:
            tensors = decode(record.packet, decoders, choice.split.crossings)
            yield task.predict(choice.split.cloud(*tensors))


def same(told: Prediction, expected: Prediction) -> bool:
    """Whether the boxes are the same, up to how the cloud batches frames."""
    pairs = list(zip(told["objects"], expected["objects"], strict=True))
    return bool(pairs) and all(
        one["class"] == other["class"]
        and [*one["box"], one["score"]] == pytest.approx([*other["box"], other["score"]], abs=1e-3)
        for one, other in pairs
    )


def test_a_video_s_boxes_and_bytes_are_those_of_the_sequence_coded_offline(
    detector: sw.Model, clip: Path, tmp_path: Path
) -> None:
    choice, records = live(detector, clip, 12, tmp_path, in_flight=1)
    assert kinds({record.name: record for record in records}) == "I" + 11 * "p"
    expected = as_a_sequence(choice, clip, 12)
    assert [record.bytes for record in records] == [size for size, _ in expected]
    for record, (_, boxes) in zip(records, expected, strict=True):
        assert same(record.prediction, boxes)
    assert len({str(record.prediction) for record in records}) == 12


def test_with_several_frames_under_way_each_has_the_boxes_that_its_packet_holds(
    detector: sw.Model, clip: Path, tmp_path: Path
) -> None:
    choice, records = live(detector, clip, 12, tmp_path, in_flight=4)
    for record, boxes in zip(records, as_sent(choice, records), strict=True):
        assert same(record.prediction, boxes)


@pytest.mark.full
def test_nanodet_sees_live_what_it_sees_offline(clip: Path, tmp_path: Path) -> None:
    choice, records = live(sw.load_model("nanodet"), clip, 8, tmp_path, in_flight=1)
    expected = as_a_sequence(choice, clip, 8)
    assert [record.bytes for record in records] == [size for size, _ in expected]
    for record, (_, boxes) in zip(records, expected, strict=True):
        assert same(record.prediction, boxes)
        assert record.prediction["objects"][0]["label"] == "person"
