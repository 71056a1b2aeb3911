"""What a run says: one result a split and codec, summed up from its samples."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from splitwire.codecs.spec import Spec
from splitwire.eval.bootstrap import bootstrap
from splitwire.eval.samples import Sample, Time
from splitwire.eval.scoring import Scoring
from splitwire.eval.spelling import PICTURES, picture_format, shorten, spell_out, stands_for
from splitwire.runner.choice import EDGE_ONLY, SHARED, Key, Way, label
from splitwire.runner.local import COMPUTED
from splitwire.tasks.metric import Estimator, mean

NAN = float("nan")


@dataclass(frozen=True)
class Estimate:
    """A number over samples and its 95 % bootstrap interval over photos, or stretches of clips.

    The interval is NaN where there is one photo, or none.

    It is a mean, unless the metric has an estimate of its own.
    """

    mean: float
    low: float = NAN
    high: float = NAN


@dataclass(frozen=True)
class Spread:
    """The middle and the upper end of a set of times, in seconds."""

    p50: float
    p95: float


@dataclass(frozen=True)
class Part:
    """Some frames of clips: their mean bytes and divergence."""

    bytes: float
    divergence: Estimate


@dataclass(frozen=True)
class Result:
    """One choice over all pictures that it did not fail on.

    Means are over those pictures only. One that failed on some was judged on other pictures than
    its neighbours: `failed` says so, and neither curves nor recommendations are built on it. Where
    every picture failed, the numbers are NaN.
    """

    way: Way
    split: str  # empty where the network is not cut
    codec: str  # empty where nothing is sent
    spec: str  # the codec with the parameter of its curve spelt out, even where it is the default
    short: str  # the same without what is so all along the one curve of its codec
    curve: str
    photos: int  # distinct, among the samples that succeeded
    samples: int  # that succeeded
    failed: int
    bytes: float  # mean a picture
    bytes_p95: float
    bits_per_element: float  # NaN where no features cross
    divergence: Estimate  # in the task's unit
    metrics: dict[str, Estimate]  # by name; those that nothing is known of are left out
    times: dict[str, Spread]  # by stage, measured here
    links: dict[str, Spread]  # by link
    clips: int = 0  # distinct, among those samples; 0 for photos
    streams: tuple[float, ...] = ()  # mean bytes of each tensor, where several cross
    intra: float = NAN  # share of frames that were coded without those before
    cold: Part | None = None  # the first frame of each clip
    steady: Part | None = None  # all others

    @property
    def choice(self) -> Key:
        """What it is the result of."""
        return (self.way, self.split, self.codec)

    @property
    def usable(self) -> bool:
        """Whether every picture went through, so that it can be compared with others."""
        return self.samples > 0 and self.failed == 0

    @property
    def name(self) -> str:
        """The codec as a reader calls it: pictures by format and quality, codecs by short spec."""
        if self.way == EDGE_ONLY:
            return EDGE_ONLY
        spec = Spec.parse(self.spec)
        if spec.name not in PICTURES:
            return self.short
        told = (spec.get("quality"), spec.get("qp") and f"qp {spec.get('qp')}")
        return " ".join(filter(None, ("cloud", picture_format(spec), *told)))

    @property
    def label(self) -> str:
        """The same, where it stands away from its table: with the split."""
        return label(self.way, self.split, self.name) if self.way == SHARED else self.name


def summarise(
    samples: Sequence[Sample],
    scoring: Scoring | None = None,
    seed: int = 0,
    times: Iterable[Time] = (),
) -> list[Result]:
    """One result for each choice, in the order in which the run met them.

    Live frames that fell back, or could not be read, are no part of it.

    Args:
        samples: of one run.
        scoring: how its metrics are estimated; without it, there is the divergence alone.
        times: those of the timing pass, beside what samples have of their own.
        seed: of the bootstrap. All results draw the same photos, so their intervals move together.
    """
    groups: dict[Key, list[Sample]] = {}
    for sample in (sample for sample in samples if sample.tells):
        groups.setdefault(sample.choice, []).append(sample)
    codings = {(sample.codec, sample.curve) for sample in samples}
    specs, whole = spell_out(codings), stands_for(codings)
    names = {codec: (spec, shorten(spec, whole)) for codec, spec in specs.items()}
    timed: dict[Key, list[Time]] = {}
    for time in times:
        timed.setdefault(time.choice, []).append(time)
    return [
        _result(group, names[group[0].codec], scoring, seed, timed.get(key, ()))
        for key, group in groups.items()
    ]


def _result(
    group: list[Sample],
    names: tuple[str, str],
    scoring: Scoring | None,
    seed: int,
    timed: Sequence[Time],
) -> Result:
    first, good = group[0], [sample for sample in group if sample.error is None]
    rates = [sample.bytes for sample in good]
    rate = float(np.mean(rates)) if rates else NAN
    elements = max((sample.elements for sample in good), default=0)
    links = dict.fromkeys(name for sample in good for name in sample.link)
    alone = [sample.intra for sample in good if sample.intra is not None]
    return Result(
        way=first.way,
        split=first.split,
        codec=first.codec,
        spec=names[0],
        short=names[1],
        curve=first.curve,
        photos=len({sample.photo for sample in good}),
        samples=len(good),
        failed=len(group) - len(good),
        bytes=rate,
        bytes_p95=float(np.percentile(rates, 95)) if rates else NAN,
        bits_per_element=8 * rate / elements if elements and first.way == SHARED else NAN,
        divergence=_estimate([(s, s.divergence) for s in good], mean, seed),
        metrics=_metrics(good, scoring, seed),
        times={stage: _stage(stage, (*good, *timed)) for stage in COMPUTED},
        links={name: _spread([s.link[name] for s in good if name in s.link]) for name in links},
        clips=len({sample.clip for sample in good} - {None}),
        streams=tuple(np.mean([s.streams for s in good], 0).tolist()) if good else (),
        intra=float(np.mean(alone)) if alone else NAN,
        cold=_part([s for s in good if s.clip is not None and s.frame == 1], seed),
        steady=_part([s for s in good if s.clip is not None and s.frame != 1], seed),
    )


def _part(frames: list[Sample], seed: int) -> Part | None:
    if not frames:
        return None
    rate = float(np.mean([sample.bytes for sample in frames]))
    return Part(rate, _estimate([(s, s.divergence) for s in frames], mean, seed))


def _metrics(good: list[Sample], scoring: Scoring | None, seed: int) -> dict[str, Estimate]:
    found = {}
    for metric in scoring.metrics if scoring else ():
        pairs = [(sample, sample.metrics.get(metric.name)) for sample in good]
        if any(value is not None for _, value in pairs):
            found[metric.name] = _estimate(pairs, metric.estimate, seed)
    return found


def _estimate(pairs: Sequence[tuple[Sample, Any]], estimate: Estimator, seed: int) -> Estimate:
    """Over the samples of which something is known."""
    told = [(sample.unit, value) for sample, value in pairs if value is not None]
    if not told:
        return Estimate(NAN)
    units, values = zip(*told, strict=True)
    (whole,) = estimate(values, np.ones((1, len(values))))
    return Estimate(float(whole), *bootstrap(values, units, estimate, seed))


def _stage(stage: str, rows: Iterable[Sample | Time]) -> Spread:
    told = (getattr(row, stage) for row in rows)
    return _spread([seconds for seconds in told if seconds is not None])


def _spread(seconds: list[float]) -> Spread:
    if not seconds:
        return Spread(NAN, NAN)
    middle, upper = np.percentile(seconds, [50, 95])
    return Spread(float(middle), float(upper))
