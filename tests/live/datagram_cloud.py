"""A cloud in this process with a door for datagrams, and a profile that both ends have."""

from collections.abc import Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
from cloud_here import served
from driving import drive, pictures

import splitwire as sw
from splitwire.calibrate.store import ProfileStore
from splitwire.codecs.profile import Provenance
from splitwire.live.access import Access
from splitwire.live.cloud import Cloud
from splitwire.live.drive import Drive
from splitwire.live.library import Library
from splitwire.live.quic_cloud import quic_door
from splitwire.runner.choice import Choice

FTC = "ftc:quality=50"


def learn(model: sw.Model, folder: Path) -> None:
    """A profile of `ftc` at the split 1, in which every error counts alike."""
    halves = sw.split(model, "1")
    with torch.inference_mode():
        features = [halves.start(x)[0][0].numpy() for _, x in pictures(40)]
    made = sw.codec("ftc").calibrate(features)
    assert isinstance(made, sw.CalibratedCodec) and made.profile is not None
    learnt = Provenance(model.name, model.digest, "1", "ftc")
    replace(made.profile, learnt=learnt).save(folder / "1.profile")


@dataclass
class Here:
    """A cloud, its two addresses, and what an edge needs to be its client."""

    cloud: Cloud
    address: str
    quic: str
    certificate: Path
    choice: Choice

    def drive(self, address: str | None = None, **options: Any) -> Drive:
        how = {"authority": self.certificate, "choices": [self.choice], **options}
        return drive(self.choice.split.model, address or self.quic, **how)


def chosen(model: sw.Model, folder: Path) -> Choice:
    halves = sw.split(model, "1")
    codecs = ProfileStore(folder).codecs(halves, sw.codec(FTC), "classification")
    return Choice.shared(halves, codecs, FTC)


@cache
def library(model: sw.Model, folder: Path) -> Library:
    """What such a cloud holds: one for all, since to cut a network takes seconds."""
    return Library([model], ProfileStore(folder))


@contextmanager
def datagram_cloud(
    model: sw.Model, folder: Path, access: Access | None = None, **options: Any
) -> Iterator[Here]:
    """A cloud that holds a network and the profiles of a folder, where its certificate is too."""
    cloud = Cloud(library(model, folder), access or Access(), **options)
    said: list[str] = []

    @asynccontextmanager
    async def beside() -> Any:
        pair = (folder / "cert.pem", folder / "key.pem")
        async with quic_door(cloud, "127.0.0.1", 0, *pair) as where:
            said.append(where)
            yield

    with served(cloud.app((), beside)) as address:
        certificate = folder / "cert.pem"
        yield Here(cloud, address, said[0], certificate, chosen(model, folder))
