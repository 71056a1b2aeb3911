"""The fidelity pass: bytes, divergences and predictions, with no clock running.

    picture ─▶ edge half, once a cut ─▶ each codec, there and back ─▶ cloud half, in batches

What a codec is given is to the bit what it is given when a picture runs alone, and so are its
bytes. The cloud half computes several settings and pictures at once: its outputs are those of
single pictures up to rounding (models/batch.py holds them to 1e-4 of the largest). Where a network
cannot be computed in batches, each runs by itself.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from splitwire.errors import DataError
from splitwire.eval.gauge import Gauge, View, Way
from splitwire.eval.samples import Sample
from splitwire.eval.units import Unit
from splitwire.models.batch import Batched
from splitwire.models.load import Model
from splitwire.models.split import Split
from splitwire.runner.choice import EDGE_ONLY, Choice, Key
from splitwire.runner.local import decode, encode

if TYPE_CHECKING:
    from splitwire.eval.sequences import Sequences
    from splitwire.eval.stills import Stills

_BATCH, _MANY = 16, 64  # on the processor, on an accelerator
# Crossing numbers of a batch on the processor. Behind larger ones come tensors of more than the C
# library keeps (runner/memory.py): lite0 takes 17 ms a whole picture by 4, and 20 to 25 by 16.
_NUMBERS = 600_000


@dataclass
class Coded:
    """A picture on its way to the cloud half, or what kept it from there."""

    way: Way
    view: View
    sent: bytes = b""
    features: Sequence[torch.Tensor] = ()
    fault: Exception | None = None


class Bench:
    """Does units of a run.

    Args:
        choices: of the run, with their curves.
        pictures: those that units speak of.
        model: the whole network, in float32, by which outputs are judged.
        gauge: judges them.
    """

    def __init__(
        self,
        choices: Mapping[Choice, str],
        pictures: "Stills | Sequences",
        model: Model,
        gauge: Gauge,
    ) -> None:
        self._choices = {choice.key: (choice, curve) for choice, curve in choices.items()}
        self._pictures, self._model, self._gauge = pictures, model, gauge
        self._batched: dict[Split, Batched] = {}

    def run(self, unit: Unit) -> Iterator[Sample]:
        """The samples of a unit: choice after choice, of each picture after picture."""
        views: list[View] = []
        for place in unit.places:
            try:
                views += self._pictures.views(place, self._model, self._gauge.task)
            except DataError as error:
                yield from self._unread(self._pictures.unread(place, error), unit.choices)
        cuts: dict[Split, list[Way]] = {}
        for key in unit.choices:
            choice, curve = self._choices[key]
            cuts.setdefault(choice.split, []).append(self._pictures.way(choice, curve))
        for cut, ways in cuts.items():
            waiting: list[Coded] = []
            most = self._most(cut)
            for coded in self._coded(cut, ways, views):
                waiting.append(coded)
                if len(waiting) == most:
                    yield from self._finished(cut, waiting)
                    waiting = []
            yield from self._finished(cut, waiting)

    def _most(self, cut: Split) -> int:
        """How many frames the cloud half takes at once."""
        if self._model.device.name != "cpu":
            return _MANY
        numbers = sum(sent.elements for sent in cut.crossings)
        return max(1, min(_BATCH, _NUMBERS // max(1, numbers)))

    def _unread(self, blank: Sample, choices: Sequence[Key]) -> Iterator[Sample]:
        for way, split, codec in choices:
            _, curve = self._choices[way, split, codec]
            yield replace(blank, way=way, split=split, codec=codec, curve=curve)

    def _coded(self, cut: Split, ways: Sequence[Way], views: Sequence[View]) -> Iterator[Coded]:
        features = [self._started(cut, view) for view in views]
        for way in ways:
            for view, known in zip(views, features, strict=True):
                coded = Coded(way, view)
                try:
                    if isinstance(known, Exception):
                        raise known
                    coded.features = known
                    if way.choice.way != EDGE_ONLY:
                        coded.sent = encode(known, way.coders)
                        coded.features = decode(coded.sent, way.decoders, cut.crossings)
                except Exception as error:  # of any kind: its row says so, and the others go on
                    coded.fault = error
                yield coded

    def _started(self, cut: Split, view: View) -> Sequence[torch.Tensor] | Exception:
        try:
            return cut.start(view.x.astype(np.float32, copy=False))
        except Exception as error:
            return error

    def _finished(self, cut: Split, waiting: Sequence[Coded]) -> Iterator[Sample]:
        good = [coded for coded in waiting if coded.fault is None]
        outputs = iter(self._outputs(cut, good))
        for coded in waiting:
            output = coded.fault or next(outputs)
            yield self._gauge.judged(coded.way, coded.view, coded.sent, output)

    def _outputs(self, cut: Split, good: Sequence[Coded]) -> list[Any]:
        """The output for each, or what went wrong with it."""
        frames = [coded.features for coded in good]
        if len(frames) > 1 and cut.cloud_macs:  # else there is nothing to share
            try:
                if cut not in self._batched:
                    self._batched[cut] = self._made(cut)
                if self._batched[cut].direct:
                    with torch.inference_mode():
                        return self._batched[cut](frames)
            except Exception:  # of any kind: one by one it will be seen whose it is
                pass
        return [self._alone(cut, frame) for frame in frames]

    def _made(self, cut: Split) -> Batched:
        with torch.inference_mode():
            return Batched(cut.edge, cut.cloud, cut.model.input_shape, cut.model.device)

    def _alone(self, cut: Split, frame: Sequence[torch.Tensor]) -> Any:
        try:
            return cut.finish(frame)
        except Exception as error:
            return error
