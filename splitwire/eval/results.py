"""What a run says: one result a split and codec, summed up from its samples."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from splitwire.codecs.parameter import format_value
from splitwire.codecs.registry import codec
from splitwire.codecs.spec import Spec
from splitwire.errors import SplitwireError
from splitwire.eval.metrics import bootstrap, hits
from splitwire.eval.samples import STAGES, Sample

Way = Literal["edge only", "cloud only", "split"]
NAN = float("nan")


@dataclass(frozen=True)
class Estimate:
    """A mean over samples and its 95 % bootstrap interval over photos (NaN: one photo, or none)."""

    mean: float
    low: float = NAN
    high: float = NAN


@dataclass(frozen=True)
class Spread:
    """The middle and the upper end of a set of times, in seconds."""

    p50: float
    p95: float


@dataclass(frozen=True)
class Result:
    """One split and codec over all pictures that it did not fail on.

    Means are over those pictures only. One that failed on some was judged on other pictures than
    its neighbours: `failed` says so, and neither curves nor recommendations are built on it. Where
    every picture failed, the numbers are NaN.
    """

    split: str
    codec: str
    spec: str  # the codec with the parameter of its curve spelt out, even where it is the default
    curve: str
    photos: int  # distinct, among the samples that succeeded
    samples: int  # that succeeded
    failed: int
    bytes: float  # mean a picture
    bytes_p95: float
    bits_per_element: float  # NaN where no features cross
    divergence: Estimate  # nats
    agreement: Estimate  # top-1 against the uncompressed network, 0 to 1
    top1: Estimate | None  # None: no labels
    top5: Estimate | None
    times: dict[str, Spread]  # by stage, measured here
    links: dict[str, Spread]  # by link

    @property
    def way(self) -> Way:
        """Which of the three ways to run the network this is."""
        baselines: dict[str, Way] = {"output": "edge only", "input": "cloud only"}
        return baselines.get(self.split, "split")

    @property
    def usable(self) -> bool:
        """Whether every picture went through, so that it can be compared with others."""
        return self.samples > 0 and self.failed == 0

    @property
    def name(self) -> str:
        """The codec as a reader calls it: pictures by format and quality, codecs by spec."""
        if self.way == "edge only":
            return "edge only"
        spec = Spec.parse(self.spec)
        if spec.name != "picture":
            return self.spec
        words = ("cloud", (spec.get("format") or "picture").upper(), spec.get("quality") or "")
        return " ".join(words).strip()

    @property
    def label(self) -> str:
        """The same, where it stands away from its table: with the split."""
        return f"{self.name} at {self.split}" if self.way == "split" else self.name


def summarise(samples: Sequence[Sample], seed: int = 0) -> list[Result]:
    """One result for each split and codec, in the order in which the run met them.

    Args:
        samples: of one run.
        seed: of the bootstrap. All results draw the same photos, so their intervals move together.
    """
    groups: dict[tuple[str, str], list[Sample]] = {}
    for sample in samples:
        groups.setdefault((sample.split, sample.codec), []).append(sample)
    specs = spell_out({(sample.codec, sample.curve) for sample in samples})
    return [_result(group, specs[group[0].codec], seed) for group in groups.values()]


def spell_out(codings: Iterable[tuple[str, str]]) -> dict[str, str]:
    """For each codec's spec, the same with the parameter that its curve sweeps.

    A spec leaves defaults out, so that of JPEG's qualities 20, 50 and 80 one is plain "jpeg": as a
    row of a table that says too little. A codec that is not installed keeps the spec that it has.

    Args:
        codings: pairs of a codec's spec and its curve.
    """
    keys: dict[str, dict[str, None]] = {}
    for spec, curve in sorted(codings):
        found = keys.setdefault(curve, {})
        given = (*Spec.parse(curve).settings, *Spec.parse(spec).settings)
        found.update(dict.fromkeys(key for key, _ in given))
    return {spec: _with_defaults(spec, list(keys[curve])) for spec, curve in codings}


def _with_defaults(text: str, keys: list[str]) -> str:
    spec = Spec.parse(text)
    missing = [key for key in keys if spec.get(key) is None]
    if not missing:
        return text
    try:
        made = codec(text)
        defaults = {key: format_value(getattr(made, key)) for key in missing}
    except (SplitwireError, AttributeError):
        return text
    settings = defaults | dict(spec.settings)
    return str(Spec(spec.name, tuple((key, settings[key]) for key in keys)))


def _result(group: list[Sample], spec: str, seed: int) -> Result:
    first, good = group[0], [sample for sample in group if sample.error is None]
    rates = [sample.bytes for sample in good]
    rate = float(np.mean(rates)) if rates else NAN
    elements = max((sample.elements for sample in good), default=0)
    crossing = elements > 0 and first.split not in ("input", "output")
    links = dict.fromkeys(name for sample in good for name in sample.link)
    told = [(s, s.divergence) for s in good if s.divergence is not None]
    labelled = [sample for sample in good if sample.label is not None]
    return Result(
        split=first.split,
        codec=first.codec,
        spec=spec,
        curve=first.curve,
        photos=len({sample.photo for sample in good}),
        samples=len(good),
        failed=len(group) - len(good),
        bytes=rate,
        bytes_p95=float(np.percentile(rates, 95)) if rates else NAN,
        bits_per_element=8 * rate / elements if crossing else NAN,
        divergence=_estimate([value for _, value in told], [s for s, _ in told], seed),
        agreement=_estimate(
            hits([s.reference[0] for s in good], [s.prediction for s in good], 1), good, seed
        ),
        top1=_accuracy(labelled, 1, seed),
        top5=_accuracy(labelled, 5, seed),
        times={stage: _spread([getattr(s, stage) for s in good]) for stage in STAGES},
        links={name: _spread([s.link[name] for s in good if name in s.link]) for name in links},
    )


def _estimate(values: Sequence[float] | np.ndarray, samples: list[Sample], seed: int) -> Estimate:
    if not len(values):
        return Estimate(NAN)
    return Estimate(
        float(np.mean(values)), *bootstrap(values, [sample.photo for sample in samples], seed=seed)
    )


def _accuracy(labelled: list[Sample], k: int, seed: int) -> Estimate | None:
    if not labelled:
        return None
    labels = [sample.label for sample in labelled if sample.label is not None]
    return _estimate(hits(labels, [s.prediction for s in labelled], k), labelled, seed)


def _spread(seconds: list[float]) -> Spread:
    if not seconds:
        return Spread(NAN, NAN)
    middle, upper = np.percentile(seconds, [50, 95])
    return Spread(float(middle), float(upper))
