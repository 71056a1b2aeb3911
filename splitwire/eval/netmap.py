"""The map of a network: what every one of its cuts would cost, told from one calibration.

crops ─▶ components of all that crosses anywhere ─▶ the water level of each cut ─▶ bytes
clock ─▶ time of each operation ─▶ edge and cloud time of each cut
graph ─▶ weights and live activations of each edge half
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from splitwire.calibrate.calibrator import ONE_IN, Track, silent
from splitwire.calibrate.everywhere import HELD, kept_bytes, watch_all
from splitwire.data.holding import hold_out
from splitwire.data.photos import crops, load_photos
from splitwire.disk import Lines
from splitwire.eval.map_file import Cut, MapHead, cut_line, open_map
from splitwire.eval.map_levels import Levels
from splitwire.models.load import Model
from splitwire.models.split import cut_points
from splitwire.models.walk import Piece, Walker, live_bytes, weight_bytes
from splitwire.runner.local import coded_shape
from splitwire.tasks.base import Task

CROPS = 64

_MEMORY = 2 << 30  # bytes of pieces that are kept at once


class NetMap:
    """Maps a network; iterating yields each cut once it is in the file, those there before first.

    Args:
        model: the network.
        task: what its output means.
        data: pictures to learn from, as `load_photos` takes it; one original in five is held out.
        path: of the file, which may hold some cuts of this map already.
        count: how many random crops to learn from.
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
        path: Path,
        count: int = CROPS,
        seed: int = 0,
        track: Track = silent,
    ) -> None:
        self._walker, self._task, self._track, self._path = Walker(model), task, track, path
        photos, aside = hold_out(load_photos(data, labelled=False), ONE_IN)
        self._photos, self._aside = photos, aside or photos
        self.points = cut_points(model)[:-1]  # the last is the one before, by another name
        asked = MapHead(
            model=model.name,
            digest=model.digest,
            trained=model.weights.trained,
            task=task.name,
            unit=task.unit,
            fidelity=task.fidelity,
            data=data,
            photos=len(photos),
            crops=count,
            seed=seed,
        )
        self.head, self.found = open_map(path, asked, self._walker.seconds)
        graph = self._walker.graph
        self._memory = list(zip(weight_bytes(graph), live_bytes(graph), strict=True))

    def __iter__(self) -> Iterator[Cut]:
        yield from list(self.found)
        left = range(len(self.found), len(self.points))
        if not left:
            return
        size = (self._walker.model.preprocess, HELD, self.head.seed)
        held = list(crops(self._aside, *size))
        levels = Levels(self._walker, self._task, held)
        with closing(Lines(self._path)) as lines:
            for group in self._groups(left):
                for cut, sizes in self._told(group, held, levels):
                    self.found.append(self._cut(cut, sizes))
                    lines.add(cut_line(self.found[-1]))
                    yield self.found[-1]

    def _groups(self, left: Sequence[int]) -> Iterator[list[int]]:
        """Cuts in order, so many at a time as memory allows."""
        group: list[int] = []
        pieces: set[Piece] = set()
        for cut in left:
            pieces |= set(self._walker.pieces(cut))
            if group and sum(kept_bytes(p, self.head.crops) for p in pieces) > _MEMORY:
                yield group
                group, pieces = [], set(self._walker.pieces(cut))
            group.append(cut)
        yield group

    def _told(
        self, group: list[int], held: Sequence[NDArray[np.float32]], levels: Levels
    ) -> Iterator[tuple[int, NDArray[np.float64]]]:
        """The bytes of held-out crops at each of some cuts."""
        fresh = [cut for cut in group if cut == group[0] or not self._echoes(cut)]
        pieces = list(dict.fromkeys(p for cut in fresh for p in self._walker.pieces(cut)))
        name, count, seed = f"cuts {group[0]} to {group[-1]}", self.head.crops, self.head.seed
        shown = crops(self._photos, self._walker.model.preprocess, count, seed)
        seen = self._track(shown, total=count, description=f"{name}: watching")
        told = watch_all(self._walker, pieces, seen, held, self._task, seed)
        nats, sizes = self._task.fidelity, np.zeros(len(held))
        for cut in self._track(group, total=len(group), description=f"{name}: levels"):
            if cut in fresh:
                nats, sizes = levels.settle(cut, told, nats)
            yield cut, sizes

    def _echoes(self, cut: int) -> bool:
        """Whether a cut sends what the one before did, scaled: behind a normalisation at rest."""
        made = {node for node, rank in self._walker.graph.rank.items() if rank == cut}
        before, now = (set(self._walker.graph.crossings(at)) for at in (cut - 1, cut))
        normalised = any("batch_norm" in str(node.target) for node in made)
        return normalised and len(before) == len(now) and now - before <= made

    def _cut(self, cut: int, sizes: NDArray[np.float64]) -> Cut:
        point, seconds = self.points[cut], self.head.seconds
        weights, activations = self._memory[cut]
        return Cut(
            name=point.name,
            node=point.node,
            module=point.module,
            shapes=[list(coded_shape(crossing.shape)) for crossing in point.crossings],
            elements=point.elements,
            bytes=float(sizes.mean()),
            spread=float(sizes.std(ddof=1)),
            edge=sum(seconds[: cut + 1]),
            cloud=sum(seconds[cut + 1 :]),
            edge_share=point.edge_share,
            weights=weights,
            activations=activations,
        )
