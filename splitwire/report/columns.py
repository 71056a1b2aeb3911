"""The columns of the results: what each is called, what it holds, and what it means."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from splitwire.eval.results import Estimate, Part, Result, Spread
from splitwire.eval.summary import Summary
from splitwire.report.units import drawn_again, significant
from splitwire.tasks.metric import Metric


@dataclass(frozen=True)
class Column:
    """A heading, and the text of its cell for a result; `wide` ones need a wide terminal."""

    heading: str
    cell: Callable[[Result], str]
    wide: bool = False


_EACH = Column("each", lambda r: " + ".join(map(number, r.streams)) or "–", wide=True)
_EACH_EXPLAINED = "each: bytes of the tensors that cross, in their order"
_STATES_EXPLAINED = (
    "first and then: of the first frame of each clip, and of those after it; intra: frames in % "
    "that were coded without those before"
)


def columns(summary: Summary, wide: bool = True) -> list[Column]:
    """The columns after the codec's name; where not `wide`, without tails and with few metrics."""
    found = [
        Column("bytes", lambda r: number(r.bytes)),
        *(_states(summary.scoring.unit) if summary.clips else ()),
        Column("p95", lambda r: number(r.bytes_p95), wide=True),
        *([_EACH] if any(result.streams for result in summary.results) else ()),
        Column("b/el", lambda r: number(r.bits_per_element, ".2f")),
        Column(summary.scoring.unit, lambda r: divergence(r.divergence.mean)),
        Column("95\u00a0%", lambda r: interval(r.divergence)),
        *(_column(metric) for metric in metrics(summary, wide)),
        Column("encode", lambda r: milliseconds(r.times["encode"], wide)),
        Column("decode", lambda r: milliseconds(r.times["decode"], wide)),
    ]
    return [column for column in found if wide or not column.wide]


def metrics(summary: Summary, wide: bool = True) -> list[Metric]:
    """Those of which something is known; where not `wide`, the first without truth and by truth."""
    told = summary.scoring.told(summary.known)
    firsts = [next((m for m in told if m.by_truth is by), None) for by in (False, True)]
    return [metric for metric in told if wide or metric in firsts]


def explained(summary: Summary, wide: bool = True) -> str:
    """What the columns that tell of the output mean, as a part of a sentence."""
    said = (
        f"{summary.scoring.unit}: divergence from the uncompressed network's output, with its 95 % "
        f"bootstrap interval over {drawn_again(summary.clips)}"
    )
    if summary.clips:
        said = f"{_STATES_EXPLAINED}; {said}"
    if wide and any(result.streams for result in summary.results):
        said = f"{_EACH_EXPLAINED}; {said}"
    told = (f"{m.name}: {m.about}" + " in %" * m.share for m in metrics(summary, wide))
    return "; ".join([said, *told])


def abbreviated(summary: Summary) -> str:
    """Which codecs go by their name, as sentences; empty if none does."""
    return " ".join(f"{name} is {curve}." for name, curve in summary.abbreviations.items())


def metric_text(metric: Metric, value: float) -> str:
    """A value of a metric where it stands away from its table: "75 %", "1.23"."""
    return f"{significant(100 * value)} %" if metric.share else significant(value)


def number(value: float, form: str = ",.0f", scale: float = 1.0) -> str:
    """A number as text, or a dash where there is none."""
    return "–" if math.isnan(value) else format(scale * value, form)


def divergence(value: float) -> str:
    """A divergence in six characters, for any usual size of it."""
    return number(value, ".4f" if value < 1 else ".3f" if value < 10 else ".2f")


def interval(estimate: Estimate) -> str:
    """The 95 % interval of a divergence, with a digit less than its mean."""
    return "–" if math.isnan(estimate.low) else f"{estimate.low:.3f}–{estimate.high:.3f}"


def milliseconds(spread: Spread, tail: bool = True) -> str:
    """The p50 and, in brackets, the p95."""
    if not spread.p95 > 0:  # NaN, or a stage that this way does not have
        return "–"
    p95 = f" ({_milliseconds(spread.p95)})" if tail else ""
    return _milliseconds(spread.p50) + p95


def _milliseconds(seconds: float) -> str:
    form = ".0f" if seconds >= 0.00995 else ".1f" if seconds >= 0.000995 else ".2f"
    return format(1e3 * seconds, form)


def _states(unit: str) -> list[Column]:
    """Cold start and steady state of clips."""
    return [
        Column("first", lambda r: _of(r.cold, lambda part: number(part.bytes))),
        Column("then", lambda r: _of(r.steady, lambda part: number(part.bytes))),
        Column("intra", lambda r: number(r.intra, ".0f", 100), wide=True),
        Column(f"{unit} first", lambda r: _of(r.cold, _divergence_of), wide=True),
        Column(f"{unit} then", lambda r: _of(r.steady, _divergence_of), wide=True),
    ]


def _of(part: Part | None, text: Callable[[Part], str]) -> str:
    return "–" if part is None else text(part)


def _divergence_of(part: Part) -> str:
    return divergence(part.divergence.mean)


def _column(metric: Metric) -> Column:
    def cell(result: Result) -> str:
        found = result.metrics.get(metric.name)
        if found is None or math.isnan(found.mean):
            return "–"
        if not metric.share:
            return significant(found.mean)
        return "100" if found.mean == 1 else number(found.mean, ".1f", 100)

    return Column(metric.name, cell)
