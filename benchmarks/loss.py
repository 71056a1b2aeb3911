"""Packets that are lost: `ftc` against tiles with the literature's concealment, at equal bytes.

    python benchmarks/loss.py loss.jsonl --figure loss.svg

At each split the packaged photos are coded for each channel, and lost and decoded with every seed.
Channels are those of DFTS2 (arXiv:2112.00794): a share that is lost, and a mean burst. `ftc` has as
many packets and bytes as the peer beside it: `tiles` are 8-bit codes, `jpeg` the same as
pictures. What tiles need to know of their features is learnt on crops of --data. It goes on where
it stopped; more seeds are a run with a higher --seeds. The completions of low rank are slow and
take the first seed alone, and the shortest and longest bursts. `--told` measures nothing and
shows what is there.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from loss_table import figure, table
from numpy.typing import NDArray

import splitwire as sw
from splitwire.codecs import clip
from splitwire.codecs.ftc import Ftc
from splitwire.codecs.packets.conceal import CONCEALMENTS
from splitwire.codecs.packets.ftc import FtcPackets
from splitwire.codecs.packets.loss import GilbertElliott
from splitwire.codecs.packets.spread import Protection
from splitwire.codecs.packets.tiles import JpegPackets, TilePackets
from splitwire.codecs.profile import Profile
from splitwire.data.photos import crops, load_photos
from splitwire.disk import Lines
from splitwire.models.split import Split, split
from splitwire.runner.threads import limit_threads
from splitwire.tasks.registry import load_task

SPLITS = ("blocks.3", "blocks.5")
LOSSES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3)
BURSTS = (1, 7, 3, 2, 5)  # in the order of measuring
SLOW, ENDS = ("silrtc", "halrtc"), (1, 7)
TILES = {"blocks.3": (7, 4), "blocks.5": (4, 14)}  # rows and channels of a packet
JPEGS = {"blocks.3": (7, 8), "blocks.5": (7, 16)}
JPEG_QUALITY = 75
CROPS = 60

Planes = NDArray[np.float32]


class Place:
    """A split, its codecs, and the photos there.

    Attributes:
        halves: of the network.
        features: of each photo, float32 (C, H, W).
        outputs: of the network for each, uncompressed.
    """

    def __init__(self, at: str, data: str) -> None:
        model = sw.load_model("lite0")
        self.halves: Split = split(model, at)
        self.task = load_task("classification", model)
        cut = crops(load_photos(data, labelled=False), model.preprocess, CROPS, seed=0)
        learnt = np.stack([self._crossing(x) for x in cut])
        photos = load_photos("samples")
        pictures = [model.preprocess.picture(photo.open(), 0) for photo in photos]
        self.features = [self._crossing(x.astype(np.float32)) for x in pictures]
        self.outputs = [self._finished(x) for x in self.features]
        profile = Path(str(files("splitwire"))) / "profiles" / "lite0" / f"{at}-ftc.profile"
        self.ftc = FtcPackets(Ftc(profile=Profile.load(profile)), self.features[0].shape)
        self.coded = [self.ftc.coded(x) for x in self.features]
        told: dict[str, Any] = {"mean": learnt.mean((0, 2, 3)), "shape": self.features[0].shape}
        rows, channels = TILES[at]
        pooled = learnt.reshape(-1, *learnt.shape[2:])
        bounds = clip.choose("minmax", pooled, 1)
        self.tiles = TilePackets(bounds=bounds, rows=rows, channels=channels, **told)
        rows, channels = JPEGS[at]
        bounds = clip.choose("4sd", pooled, 1)
        told |= {"bounds": bounds, "rows": rows, "channels": channels, "quality": JPEG_QUALITY}
        self.jpeg = JpegPackets(**told)

    def decoded(
        self, photo: int, channel: GilbertElliott, seed: int
    ) -> Iterator[tuple[str, int, Planes]]:
        """Each way's name, its bytes, and a photo's features as they come through a channel."""
        x, coded = self.features[photo], self.coded[photo]
        for name, peer in (("tiles", self.tiles), ("jpeg", self.jpeg)):
            packets = peer.packets(x)
            size = sum(map(len, packets))
            lost = channel.lost(len(packets), np.random.default_rng((seed, photo)))
            known = peer.arrived(p for p, gone in zip(packets, lost, strict=True) if not gone)
            for conceal in CONCEALMENTS:
                if conceal not in SLOW or (name == "tiles" and not seed and channel.burst in ENDS):
                    yield (
                        f"{name} {conceal}",
                        size,
                        replace(peer, conceal=conceal).concealed(*known),
                    )
            for part in (1, 4) if name == "tiles" else (1,):
                wanted = Protection(size // part, len(packets), channel)
                codec = replace(self.ftc, protection=wanted)
                ours = codec.sealed(coded)
                arrived = [p for p, gone in zip(ours, lost, strict=True) if not gone]
                way = f"ftc as {name}" if part == 1 else f"ftc as {name} / {part}"
                yield way, sum(map(len, ours)), codec.assemble(arrived)

    def judged(self, photo: int, y: Planes) -> tuple[float, bool]:
        """Divergence in nats, and whether the likeliest class stays."""
        output, whole = self._finished(y), self.outputs[photo]
        return self.task.divergence(whole, output), bool(output.argmax() == whole.argmax())

    def _crossing(self, picture: Planes) -> Planes:
        return np.ascontiguousarray(self.halves.start(picture)[0][0].numpy())

    def _finished(self, x: Planes) -> Any:
        return self.halves.finish([torch.from_numpy(x)[None]])


def measured(place: Place, at: str, channel: GilbertElliott, seed: int) -> dict[str, Any]:
    """All photos through a channel: of each way its mean bytes, and what each photo lost."""
    ways: dict[str, list[tuple[int, float, bool]]] = {}
    for photo in range(len(place.features)):
        for name, size, y in place.decoded(photo, channel, seed):
            ways.setdefault(name, []).append((size, *place.judged(photo, y)))
    told = {
        name: {
            "bytes": float(np.mean([size for size, _, _ in each])),
            "nats": [round(nats, 6) for _, nats, _ in each],
            "agree": [int(same) for _, _, same in each],
        }
        for name, each in ways.items()
    }
    where = {"split": at, "loss": channel.loss, "burst": channel.burst, "seed": seed}
    return where | {"ways": told}


def channels() -> list[GilbertElliott]:
    """DFTS2's grid, and a network that loses nothing."""
    lossy = [GilbertElliott(loss, burst) for burst, loss in product(BURSTS, LOSSES)]
    return [GilbertElliott(0.0, 1.0), *lossy]


def main() -> None:
    """Measure what is not there yet, and show all."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", default="scikit-image")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--splits", nargs="+", default=SPLITS)
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--told", action="store_true")
    given = parser.parse_args()
    limit_threads(1)
    lines = Lines(given.out)
    rows = [json.loads(line) for line in given.out.read_text().splitlines()]
    done = {(row["split"], row["loss"], row["burst"], row["seed"]) for row in rows}
    places: dict[str, Place] = {}
    for seed, channel, at in product(range(given.seeds), channels(), given.splits):
        if given.told or (at, channel.loss, channel.burst, seed) in done:
            continue
        if at not in places:
            places[at] = Place(at, given.data)
        rows.append(measured(places[at], at, channel, seed))
        lines.add(json.dumps(rows[-1]) + "\n")
        print(f"{at}, {channel}, seed {seed}", flush=True)
    print(table(rows))
    if given.figure:
        given.figure.write_bytes(figure(rows, given.figure.suffix))


if __name__ == "__main__":
    main()
