"""One picture through one choice of way, split and codec: how it is judged, and how it is timed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from splitwire.codecs.base import Decoder, Encoder, Tensor
from splitwire.eval.experiment import Experiment, LinkPlan
from splitwire.eval.samples import Sample, Time
from splitwire.eval.scoring import Scoring
from splitwire.runner import packet
from splitwire.runner.choice import EDGE_ONLY, Choice
from splitwire.runner.link import SimulatedLink, Trace, Wire
from splitwire.runner.local import COMPUTED, Outcome, infer, infer_on_edge
from splitwire.tasks.base import Output, Task


@dataclass(frozen=True)
class View:
    """One picture to measure on, and the uncompressed network's output for it.

    Attributes:
        blank: the sample of it, without what a choice adds.
        x: the picture, (3, H, W) of whole numbers 0 to 255.
        reference: the output.
        clock: when it comes, in seconds.
        truth: what is known of it, where it is known.
    """

    blank: Sample
    x: NDArray[np.number[Any]]
    reference: Output
    clock: float
    truth: Any = None


@dataclass(frozen=True)
class Way:
    """A choice, with what codes and decodes each tensor that crosses.

    Attributes:
        choice: of way, split and codec.
        curve: that it belongs to.
        coders: the codecs themselves, or what codes sequences with them.
        decoders: the same.
    """

    choice: Choice
    curve: str
    coders: Sequence[Encoder]
    decoders: Sequence[Decoder]

    @classmethod
    def alone(cls, choice: Choice, curve: str) -> "Way":
        """Every picture by itself."""
        return cls(choice, curve, choice.codecs, choice.codecs)

    @classmethod
    def sequence(cls, choice: Choice, curve: str) -> "Way":
        """Frame after frame of one clip, from its first."""
        coders = [codec.encoder() for codec in choice.codecs]
        return cls(choice, curve, coders, [codec.decoder() for codec in choice.codecs])


class Gauge:
    """Measures pictures as an experiment says.

    Args:
        experiment: with its links, whose traces are read now.
        task: what outputs mean.
        scoring: how they are judged.
    """

    def __init__(self, experiment: Experiment, task: Task, scoring: Scoring) -> None:
        self._seed, self.task, self._scoring = experiment.seed, task, scoring
        self._traces = {link: link.load() for link in experiment.links}

    def judged(self, way: Way, view: View, sent: bytes, output: Output | Exception) -> Sample:
        """The sample of a picture, of its packet and the output; one that failed says why."""
        choice = way.choice
        how, split, codec = choice.key
        blank = replace(
            view.blank, way=how, split=split, codec=codec, curve=way.curve, elements=choice.elements
        )
        try:
            if isinstance(output, Exception):
                raise output
            output = self.task.checked(output)
            return replace(
                blank,
                bytes=len(sent),
                streams=_lengths(sent) if len(choice.codecs) > 1 else [],
                divergence=self.task.divergence(view.reference, output),
                metrics=self._scoring.measure(self.task, view.reference, output, view.truth),
                prediction=self.task.predict(output),
                link=self._link_seconds(sent, blank, view.clock) if sent else {},
                intra=packet.is_intra(sent) if sent and blank.clip is not None else None,
            )
        except Exception as error:  # of any kind: the row says which, and the sweep goes on
            return replace(blank, error=f"{type(error).__name__}: {error}")

    def timed(self, way: Way, view: View) -> Time:
        """How long each stage takes; no time where it fails, of which its sample tells."""
        blank = Time(view.blank.photo, view.blank.view, *way.choice.key)
        try:
            outcome = _run(way, view.x.astype(np.float32, copy=False))
        except Exception:
            return blank
        stages: dict[str, Any] = dict.fromkeys(COMPUTED, 0.0) | outcome.seconds
        return replace(blank, **stages)

    def _link_seconds(self, sent: bytes, sample: Sample, clock: float) -> dict[str, float]:
        return {
            plan.name: self._over(plan, trace, sent, sample, clock)
            for plan, trace in self._traces.items()
        }

    def _over(
        self, plan: LinkPlan, trace: Trace, sent: bytes, sample: Sample, clock: float
    ) -> float:
        """The time on one link."""
        seed = crc32(f"{self._seed} {plan.name} {sample.key}".encode())
        link = SimulatedLink(trace, plan.rtt, plan.loss, seed)
        link.clock = clock
        return link.send(sent).seconds


def _lengths(sent: bytes) -> list[int]:
    """Of each stream in a packet."""
    return [len(stream) for stream in packet.split(sent)]


def _run(way: Way, x: Tensor) -> Outcome:
    """One picture all the way, over a wire: links are simulated from the packet's size."""
    if way.choice.way == EDGE_ONLY:
        return infer_on_edge(way.choice.split, x)
    return infer(way.choice.split, way.coders, way.decoders, Wire(), x)
