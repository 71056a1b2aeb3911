"""The map of a network: what every one of its cuts would cost, told from one calibration.

    crops ─▶ components of all that crosses anywhere ─▶ the water level of each cut ─▶ bytes
    clock ─▶ time of each operation ─▶ edge and cloud time of each cut
    graph ─▶ weights and live activations of each edge half

A cut's water level is settled by trying: what crosses on held-out crops is rounded to it, the rest
of the network run on that, and the level moved until the output strays as far as is allowed.
"""

from collections.abc import Iterator, Sequence
from math import exp, log
from typing import Any

import numpy as np
import torch

from splitwire.calibrate.calibrator import ONE_IN, Track, silent
from splitwire.calibrate.everywhere import HELD, kept_bytes, watch_all
from splitwire.calibrate.waterfill import Components
from splitwire.codecs.base import Tensor
from splitwire.codecs.layout import from_planes
from splitwire.data.holding import hold_out
from splitwire.data.photos import crops, load_photos
from splitwire.disk import Lines
from splitwire.eval.map_file import Cut, MapHead, cut_line, open_map
from splitwire.models.load import Model
from splitwire.models.split import CutPoint, cut_points
from splitwire.models.walk import Piece, Values, Walker, live_bytes, weight_bytes
from splitwire.runner.local import coded_shape
from splitwire.tasks.base import Task

CROPS = 64
CODER = 0.88
"""Bytes of `ftc` over those that the rate model tells, without headers: measured, docs/map.md."""
HEADER = 17
"""Bytes of a stream of `ftc` that are no payload."""

_MEMORY = 2 << 30  # bytes of pieces that are kept at once
_TRIALS = 3
_NEAR = 0.15  # of a loss's logarithm: not worth another trial
_FURTHEST = 2.5  # powers of e that one trial moves the loss by


class NetMap:
    """Maps a network; iterating yields each cut once it is in the file, those there before first.

    Args:
        model: the network.
        task: what its output means.
        data: pictures to learn from, as `load_photos` takes it; one original in five is held out.
        lines: the file, which may hold some cuts of this map already.
        crops_wanted: how many random crops to learn from.
        seed: of the crops and labels.
        track: shows how far it is.

    Raises:
        SplitwireError: pictures that cannot be had, a file that holds another map.
    """

    def __init__(
        self,
        model: Model,
        task: Task,
        data: str,
        path: Any,
        crops_wanted: int = CROPS,
        seed: int = 0,
        track: Track = silent,
    ) -> None:
        self._walker, self._task, self._track = Walker(model), task, track
        self._count, self._seed = crops_wanted, seed
        photos, aside = hold_out(load_photos(data, labelled=False), ONE_IN)
        self._photos = photos
        size = (model.preprocess, HELD, seed)
        self._held = [crop.copy() for crop in crops(aside or photos, *size)]
        self.points = cut_points(model)[:-1]  # the last is the one before, by another name
        asked = MapHead(
            model.name, model.digest, model.weights.trained, task.name, task.unit,
            task.fidelity, data, len(photos), crops_wanted, seed,
        )  # fmt: skip
        self.head, self.found = open_map(path, asked, self._walker.seconds)
        self._path = path

    def __iter__(self) -> Iterator[Cut]:
        yield from self.found
        left = range(len(self.found), len(self.points))
        with torch.inference_mode():
            self._wanted = [self._task.checked(self._run({}, 0, x)) for x in self._held]
        lines = Lines(self._path)
        try:
            for group in self._groups(left):
                for cut in self._measure(group):
                    lines.add(cut_line(cut))
                    self.found.append(cut)
                    yield cut
        finally:
            lines.close()

    def _groups(self, left: Sequence[int]) -> Iterator[list[int]]:
        """Cuts in order, so many at a time as memory allows."""
        group: list[int] = []
        pieces: set[Piece] = set()
        for cut in left:
            more = pieces | set(self._walker.pieces(cut))
            if group and sum(kept_bytes(p, self._count) for p in more) > _MEMORY:
                yield group
                group, more = [], set(self._walker.pieces(cut))
            group.append(cut)
            pieces = more
        if group:
            yield group

    def _measure(self, group: list[int]) -> Iterator[Cut]:
        first, last = group[0], group[-1]
        fresh = [cut for cut in group if not self._echoes(cut) or cut == first]
        pieces = list(dict.fromkeys(p for cut in fresh for p in self._walker.pieces(cut)))
        name = f"cuts {first} to {last}"
        shown = crops(self._photos, self._walker.model.preprocess, self._count, self._seed)
        told = watch_all(
            self._walker,
            pieces,
            self._track(shown, total=self._count, description=f"{name}: watching"),
            self._held,
            self._task,
            self._seed,
            self._count,
        )
        level, sizes = 1.0, np.zeros(1)
        for cut in self._track(group, total=len(group), description=f"{name}: levels"):
            if cut in fresh:
                level, sizes = self._settled(cut, told, level)
            yield self._cut(cut, sizes)

    def _settled(
        self, cut: int, told: dict[Piece, Components], level: float
    ) -> tuple[float, np.ndarray]:
        """The loss that second order says where the fidelity is really lost, as a factor; bytes."""
        pieces = self._walker.pieces(cut)
        share = self._task.fidelity / max(1, sum(piece in told for piece in pieces))
        for _ in range(_TRIALS):
            steps = {p: told[p].step(level * share) for p in pieces if p in told}
            excess = log(max(self._lost(cut, told, steps), 1e-9) / self._task.fidelity)
            if abs(excess) < _NEAR:
                break
            level *= exp(min(max(-excess, -_FURTHEST), _FURTHEST))
        sizes = np.zeros(len(self._held))
        for piece in pieces:
            if piece in told:
                sizes += CODER * told[piece].bits(told[piece].step(level * share)) / 8
            else:
                value = piece[0].meta["val"]
                sizes += value.numel() * value.element_size()
            sizes += HEADER
        return level, sizes

    def _lost(self, cut: int, told: dict[Piece, Components], steps: dict[Piece, float]) -> float:
        """What the held-out crops really lose with what crosses rounded: the mean."""
        lost = []
        for at, (x, wanted) in enumerate(zip(self._held, self._wanted, strict=True)):
            values: Values = {}
            for piece in self._walker.pieces(cut):
                node = piece[0]
                if piece in told:
                    planes = told[piece].decoded(at, steps[piece])
                    like = node.meta["val"]
                    array = from_planes(planes, coded_shape(tuple(like.shape)))
                    values[node] = torch.from_numpy(array).reshape(like.shape).to(like.dtype)
            with torch.inference_mode():
                output = self._run(values, cut, x)
            lost.append(self._task.divergence(wanted, output))
        return float(np.mean(lost))

    def _run(self, values: Values, cut: int, x: Tensor) -> Any:
        """The output, with some of what crosses at a cut replaced."""
        graph = self._walker.graph
        if any(node not in values for node in graph.crossings(cut)):
            kept = dict(values)
            values = {graph.picture: torch.from_numpy(x)[None]}
            for _, rank in self._walker.walk(values):
                if rank >= cut > 0:
                    break
            values |= kept
        return self._walker.finish(values, cut)

    def _echoes(self, cut: int) -> bool:
        """Whether a cut sends what the one before did, scaled: behind a normalisation at rest."""
        made = [node for node, rank in self._walker.graph.rank.items() if rank == cut]
        if "batch_norm" not in str(made[0].target):
            return False
        before, now = (set(self._walker.graph.crossings(at)) for at in (cut - 1, cut))
        return len(before) == len(now) and now - before <= set(made)

    def _cut(self, cut: int, sizes: np.ndarray) -> Cut:
        point: CutPoint = self.points[cut]
        graph = self._walker.graph
        return Cut(
            point.name,
            point.node,
            point.module,
            [list(coded_shape(c.shape)) for c in point.crossings],
            point.elements,
            float(sizes.mean()),
            float(sizes.std(ddof=1)),
            sum(self.head.seconds[: cut + 1]),
            sum(self.head.seconds[cut + 1 :]),
            point.edge_share,
            weight_bytes(graph)[cut],
            live_bytes(graph)[cut],
        )
