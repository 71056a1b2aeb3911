"""What an attack got, a row a split and codec, with intervals over pictures."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from splitwire.attack.lines import ATTACKS, Line
from splitwire.attack.scores import decibels
from splitwire.eval.bootstrap import bootstrap
from splitwire.eval.results import Estimate

MEASURES = ("psnr", "ssim", "distance", "top1", "top5")


@dataclass(frozen=True)
class Row:
    """What was got at one split through one codec.

    Attributes:
        split, codec: which.
        pictures: how many.
        bytes: of a packet, the mean.
        bound: PSNR (dB) that no unbiased estimator exceeds, the mean over pictures.
        scores: by attack or baseline, and then by measure. A baseline that there is not for every
            picture (no JPEG is so small) is left out.
        ahead: by how much SSIM inversion beats the nearest picture, picture by picture.
    """

    split: str
    codec: str
    pictures: int
    bytes: float
    bound: float
    scores: dict[str, dict[str, Estimate]]
    ahead: Estimate


def rows(lines: Sequence[Line]) -> list[Row]:
    """Of the lines of an attack, in the order of splits and codecs."""
    found: dict[tuple[str, str], list[Line]] = {}
    for line in lines:
        found.setdefault((line.split, line.codec), []).append(line)
    return [_row(split, codec, some) for (split, codec), some in found.items()]


def _row(split: str, codec: str, lines: Sequence[Line]) -> Row:
    whole = [name for name in ATTACKS if all(name in line.scores for line in lines)]
    return Row(
        split,
        codec,
        len(lines),
        float(np.mean([line.bytes for line in lines])),
        float(np.mean([decibels(line.bound) for line in lines])),
        {name: {m: _estimate(lines, name, m) for m in MEASURES} for name in whole},
        _interval(lines, [_ssim(line, "inversion") - _ssim(line, "nearest") for line in lines]),
    )


def _estimate(lines: Sequence[Line], attack: str, measure: str) -> Estimate:
    return _interval(lines, [line.scores[attack][measure] for line in lines])


def _ssim(line: Line, attack: str) -> float:
    return line.scores[attack]["ssim"]


def _interval(lines: Sequence[Line], values: Sequence[float]) -> Estimate:
    low, high = bootstrap(values, [line.picture for line in lines])
    return Estimate(float(np.mean(values)), low, high)
