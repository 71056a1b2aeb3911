"""The map of a network against coding for real: bytes told and bytes coded, at cuts spread over it.

    splitwire map lite0 --data PHOTOS --out lite0.svg
    python benchmarks/map.py lite0.map --out lite0-coded.jsonl

At each cut `ftc` is calibrated on the map's own crops and codes the packaged photos at quality 50,
where the photos that calibration held out lose the fidelity. It goes on where it stopped.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch

import splitwire as sw
from splitwire.calibrate.calibrator import Calibrator
from splitwire.codecs.calibrated import CalibratedCodec
from splitwire.data.photos import load_photos
from splitwire.disk import Lines
from splitwire.eval.map_file import Cut, MapHead, read_map
from splitwire.models.split import split
from splitwire.runner.local import decode, encode
from splitwire.runner.threads import limit_threads
from splitwire.tasks.registry import load_task


def chosen(cuts: list[Cut], count: int) -> list[Cut]:
    """Cuts spread evenly over the network."""
    return [cuts[at * len(cuts) // count] for at in range(count)]


class Coder:
    """Codes at one cut after another what the map spoke of."""

    def __init__(self, head: MapHead, weights: str) -> None:
        self.model = sw.load_model(head.model, None if weights == "none" else weights)
        if self.model.digest != head.digest:
            raise SystemExit(
                f"the map is of {head.model} with other weights: name them (--weights)"
            )
        self.task = load_task(head.task, self.model)
        photos = load_photos(head.data, labelled=False)
        self.calibrator = Calibrator(photos, head.data, self.task, head.seed, head.crops)
        preprocess = self.model.preprocess
        self.pictures = [preprocess.picture(p.open(), 0) for p in load_photos("samples")]

    def code(self, cut: Cut) -> dict[str, float | str]:
        """Mean bytes and divergence there."""
        halves, ftc = split(self.model, cut.name), sw.codec("ftc:quality=50")
        assert isinstance(ftc, CalibratedCodec)
        codecs = self.calibrator.calibrate(halves, ftc)
        sizes, lost = [], []
        for x in self.pictures:
            features = halves.start(x.astype(np.float32))
            packet = encode(features, codecs)
            output = halves.finish(decode(packet, codecs, halves.crossings))
            lost.append(self.task.divergence(halves.finish(features), output))
            sizes.append(len(packet))
        coded, nats = float(np.mean(sizes)), float(np.mean(lost))
        return {"name": cut.name, "told": cut.bytes, "coded": coded, "lost": nats}


def main() -> None:
    """Code, and print what the map had told."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("map", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--nodes", type=int, default=20)
    parser.add_argument("--weights", default="pretrained", help="as the map was given")
    told = parser.parse_args()
    limit_threads(1)
    head, cuts = read_map(told.map)
    coder = Coder(head, told.weights)
    lines = Lines(told.out)
    rows = [json.loads(line) for line in told.out.read_text().splitlines()]
    for cut in chosen(cuts, told.nodes)[len(rows) :]:
        rows.append(coder.code(cut))
        lines.add(json.dumps(rows[-1]) + "\n")
        print("{name}: told {told:.0f}, coded {coded:.0f}, lost {lost:.3f}".format(**rows[-1]))
    pairs = np.array([[row["told"], row["coded"]] for row in rows])
    ranks = pairs.argsort(0).argsort(0)
    ratio = pairs[:, 1] / pairs[:, 0]
    errors = np.abs(1 / ratio - 1)
    print(f"rank correlation {np.corrcoef(ranks.T)[0, 1]:.3f}")
    print(f"median error {np.median(errors):.1%}, largest {errors.max():.1%}")
    print(f"coded over told: {np.median(ratio):.3f}")


if __name__ == "__main__":
    with torch.no_grad():
        main()
