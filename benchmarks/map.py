"""The map of a network against coding for real: bytes told and bytes coded, at cuts spread over it.

    splitwire map lite0 --data PHOTOS --out lite0.svg
    python benchmarks/map.py lite0.map --out lite0-coded.jsonl

At each cut `ftc` is calibrated on the map's own crops and codes those that the map told of, of
photos that both held out, at two qualities between which they lose what the map allows: the bytes
there are between those of the two. Other crops (`--seed`) lose more or less, which is no error of
the map's, and says how far it depends on its pictures. It goes on where it stopped.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

import splitwire as sw
from splitwire.calibrate.calibrator import ONE_IN, Calibrator
from splitwire.calibrate.everywhere import HELD
from splitwire.codecs.base import Codec
from splitwire.codecs.calibrated import CalibratedCodec
from splitwire.data.holding import hold_out
from splitwire.data.photos import crops, load_photos
from splitwire.disk import Lines
from splitwire.eval.map_file import Cut, MapHead, read_map
from splitwire.models.split import Split, split
from splitwire.runner.local import decode, encode
from splitwire.runner.threads import limit_threads
from splitwire.tasks.registry import load_task

STEP = 6  # of quality, from one trial to the next


def chosen(cuts: list[Cut], count: int) -> list[Cut]:
    """Cuts spread evenly over the network."""
    return [cuts[at * len(cuts) // count] for at in range(count)]


class Coder:
    """Codes at one cut after another what the map spoke of."""

    def __init__(self, head: MapHead, weights: str, seed: int) -> None:
        self.model = sw.load_model(head.model, None if weights == "none" else weights)
        if self.model.digest != head.digest:
            raise SystemExit(
                f"the map is of {head.model} with other weights: name them (--weights)"
            )
        self.task = load_task(head.task, self.model)
        photos = load_photos(head.data, labelled=False)
        self.calibrator = Calibrator(photos, head.data, self.task, head.seed, head.crops)
        aside = hold_out(photos, ONE_IN)[1]
        self.pictures = list(crops(aside, self.model.preprocess, HELD, seed))

    def code(self, cut: Cut) -> dict[str, float | str]:
        """Bytes where the fidelity is lost, and the divergence at quality 50."""
        halves, ftc = split(self.model, cut.name), sw.codec("ftc:quality=50")
        assert isinstance(ftc, CalibratedCodec)
        codecs = self.calibrator.calibrate(halves, ftc)
        points = {50: self._at(50, halves, codecs)}
        step = STEP if points[50][0] < self.task.fidelity else -STEP
        quality, inside = 50, True
        while inside and 0 < quality - step <= 100:
            quality -= step
            points[quality] = self._at(quality, halves, codecs)
            inside = (points[quality][0] < self.task.fidelity) == (step > 0)
        ends = sorted((points[quality + step], points[quality])) if not inside else [points[50]]
        lost, sizes = np.log(ends).T
        coded = float(np.exp(np.interp(np.log(self.task.fidelity), lost, sizes)))
        return {"name": cut.name, "coded": coded, "lost": points[50][0]}

    def _at(self, quality: int, halves: Split, codecs: Sequence[Codec]) -> tuple[float, float]:
        """Mean divergence and bytes."""
        codecs = [replace(codec, quality=quality) for codec in codecs]
        sizes, lost = [], []
        for x in self.pictures:
            features = halves.start(x.astype(np.float32))
            packet = encode(features, codecs)
            output = halves.finish(decode(packet, codecs, halves.crossings))
            lost.append(self.task.divergence(halves.finish(features), output))
            sizes.append(len(packet))
        return max(float(np.mean(lost)), 1e-9), float(np.mean(sizes))


def main() -> None:
    """Code, and print what the map had told."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("map", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--nodes", type=int, default=20)
    parser.add_argument("--weights", default="pretrained", help="as the map was given")
    parser.add_argument(
        "--seed", type=int, help="of other crops than the map's; with its own --out"
    )
    told = parser.parse_args()
    limit_threads(1)
    head, cuts = read_map(told.map)
    coder = Coder(head, told.weights, head.seed if told.seed is None else told.seed)
    lines = Lines(told.out)
    rows = [json.loads(line) for line in told.out.read_text().splitlines()]
    for cut in chosen(cuts, told.nodes)[len(rows) :]:
        row = coder.code(cut)
        rows.append(row)
        lines.add(json.dumps(row) + "\n")
        print(f"{cut.name}: told {cut.bytes:.0f}, coded {row['coded']:.0f}, lost {row['lost']:.3f}")
    told_of = {cut.name: cut.bytes for cut in cuts}
    pairs = np.array([[told_of[row["name"]], row["coded"]] for row in rows])
    ranks = pairs.argsort(0).argsort(0)
    ratio = pairs[:, 1] / pairs[:, 0]
    errors = np.abs(1 / ratio - 1)
    print(f"rank correlation {np.corrcoef(ranks.T)[0, 1]:.3f}")
    print(f"median error {np.median(errors):.1%}, largest {errors.max():.1%}")
    print(f"coded over told: {np.median(ratio):.3f}")


if __name__ == "__main__":
    with torch.no_grad():
        main()
