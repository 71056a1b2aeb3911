"""Curves of codecs on clips, measured once and kept; and what a curve is against another."""

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from clips import Footage, Studio
from rich.console import Console
from rich.progress import track

from splitwire.calibrate.store import ProfileStore
from splitwire.codecs.registry import codec
from splitwire.eval.delta_rates import Delta, delta_of
from splitwire.eval.draws import draws
from splitwire.eval.experiment import sweep

RESAMPLES = 200
_PROGRESS = Console(stderr=True)  # tables alone go to the standard output

Curve = np.ndarray  # (points, 2, frames): bytes and divergence of each frame


class Bench:
    """Measures curves, and keeps what it measured: a line a clip, split, stride and setting."""

    def __init__(self, studio: Studio, path: Path) -> None:
        self._studio, self._path = studio, path
        self._rows: dict[str, list[list[float]]] = {}
        self.footage = lru_cache(2)(studio.footage)
        if path.exists():
            self._rows = dict(map(json.loads, path.read_text().splitlines()))

    def forget(self, names: Sequence[str]) -> None:
        """Of these codecs, everything."""
        kept = {k: v for k, v in self._rows.items() if k.split()[3].partition(":")[0] not in names}
        if len(kept) < len(self._rows):
            self._rows = kept
            self._path.write_text("".join(json.dumps(row) + "\n" for row in kept.items()))

    def curve(
        self, clip: str, at: str, stride: int, swept: str, alone: bool = False, turns: int = 0
    ) -> Curve:
        """Of a swept spec.

        Args:
            clip: its name.
            at: the split.
            stride: one frame in so many.
            swept: the spec.
            alone: frame by frame, each stream by itself.
            turns: how often the clip is played back and forth again.
        """
        points = []
        told = f"{clip} {at} {swept}"
        for coding in track(sweep([swept]), told, transient=True, console=_PROGRESS):
            key = f"{clip} {at} {stride} {codec(coding.codec).spec}{' alone' * alone}"
            key += f" {turns} turns" * (turns > 0)
            if key not in self._rows:
                footage = self.footage(clip, at)
                self._rows[key] = measure(footage, stride, coding.codec, alone, turns).tolist()
                with self._path.open("a") as file:
                    file.write(json.dumps([key, self._rows[key]]) + "\n")
            points.append(self._rows[key])
        return np.array(points)


def measure(footage: Footage, stride: int, spec: str, alone: bool, turns: int = 0) -> np.ndarray:
    """(2, frames): the bytes and the divergence of each frame."""
    frames = range(0, len(footage.features), stride)
    shown = [*frames, *[*frames[-2::-1], *frames[1:]] * turns]
    (made,) = ProfileStore().codecs(footage.halves, codec(spec), "classification")
    encoder, decoder = (made, made) if alone else (made.encoder(), made.decoder())
    sizes, decoded = [], []
    for x in footage.features[shown]:
        stream = encoder.encode(x)
        sizes.append(len(stream))
        decoded.append(decoder.decode(stream))
    return np.stack((sizes, footage.divergences(np.array(decoded), shown)))


def delta(anchor: Curve, test: Curve) -> Delta:
    """The rate with its interval over stretches."""
    whole = delta_of(points(anchor), points(test))
    if whole.percent is None:
        return whole
    weights = draws([("", at) for at in range(anchor.shape[2])], RESAMPLES, seed=0)
    told = [delta_of(points(anchor, w), points(test, w)).percent for w in weights]
    low, high = np.nanpercentile([np.nan if t is None else t for t in told], (2.5, 97.5))
    return Delta(whole.percent, float(low), float(high))


def points(curve: Curve, weights: np.ndarray | None = None) -> list[tuple[float, float]]:
    """Mean bytes and mean divergence of each point."""
    return [tuple(np.average(point, 1, weights).tolist()) for point in curve]


def size_at(curve: Curve, nats: float) -> float:
    """Mean bytes a frame at a mean divergence, between the points of the curve.

    NaN where it stays above; the fewest where it stays below, which is at most what is needed.
    """
    front: list[tuple[float, float]] = []
    for point in sorted(points(curve)):
        if not front or point[1] < front[-1][1]:
            front.append(point)
    sizes, far = np.log(front[::-1]).T
    return float(np.exp(np.interp(np.log(nats), far, sizes, left=np.nan)))


def bytes_at(curve: Curve, nats: float) -> str:
    size = size_at(curve, nats)
    return f"{size:,.0f}" if np.isfinite(size) else "–"


def shown(rate: Delta) -> str:
    if rate.percent is None:
        return f"– ({rate.reason})"
    return f"{rate.percent:+.1f} % ({rate.low:+.0f} to {rate.high:+.0f})"
