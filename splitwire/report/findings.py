"""What a run found, in sentences."""

from collections import Counter
from collections.abc import Sequence
from math import isfinite
from typing import Any

import numpy as np

from splitwire.eval.results import Result
from splitwire.eval.samples import STAGES, Sample
from splitwire.eval.totals import (
    FASTEST,
    MAX_DIVERGENCE,
    SLOWEST,
    Total,
    envelope,
    faithful,
    merge,
    smallest,
    total,
)
from splitwire.report.units import significant, size_text, time_text


def factors(head: dict[str, Any]) -> tuple[float, float]:
    """The factors from times measured here to those of the edge and of the cloud device."""
    devices = head.get("devices") or {}
    edge, cloud = (float((devices.get(end) or {}).get("factor", 1.0)) for end in ("edge", "cloud"))
    return edge, cloud


def links(head: dict[str, Any]) -> list[dict[str, Any]]:
    """The links of the experiment: name, rate in bytes a second, round trip in seconds."""
    return list(head.get("experiment", {}).get("links") or [])


def round_trip(head: dict[str, Any]) -> float:
    """The round trip of the first link, in seconds, for the totals over all upload rates."""
    return float(next((link["rtt"] for link in links(head) if link.get("rtt")), 0.0))


def choices(
    head: dict[str, Any], results: Sequence[Result], max_divergence: float = MAX_DIVERGENCE
) -> list[Total]:
    """The total time of every result within the divergence (nats), on the run's devices."""
    edge, cloud = factors(head)
    rtt = round_trip(head)
    return [total(result, edge, cloud, rtt) for result in faithful(results, max_divergence)]


def on_bytes(results: Sequence[Result], max_divergence: float = MAX_DIVERGENCE) -> str:
    """Which codec at which split needs the fewest bytes at the fidelity, and against what."""
    good = faithful(results, max_divergence)
    within = f"within {significant(max_divergence)} nats of the uncompressed network"
    chosen, picture = smallest(good, "split"), smallest(good, "cloud only")
    if chosen is None:
        rest = [result for result in results if result.way == "split" and result.usable]
        if not rest:
            return "No codec carried the features of every picture, so there is nothing to compare."
        near = min(rest, key=lambda result: result.divergence.mean)
        far = significant(near.divergence.mean)
        return f"No codec stays {within}; {near.label} comes closest, with {far}."
    said = (
        f"{within[0].upper()}{within[1:]}, {chosen.label} needs the fewest bytes: "
        f"{size_text(chosen.bytes)} a picture at {significant(chosen.divergence.mean)} nats"
    )
    if isfinite(chosen.divergence.low):
        low, high = significant(chosen.divergence.low), significant(chosen.divergence.high)
        said += f" (95 % interval {low} to {high})"
    if picture is None:
        return said + "."
    other = f"{size_text(picture.bytes)} of the picture itself as {picture.name[6:]}"
    if chosen.bytes < picture.bytes:
        return f"{said}, {100 - 100 * chosen.bytes / picture.bytes:.0f} % below the {other}."
    return f"{said}. Splitting loses here: that is more than the {other}."


def on_time(totals: Sequence[Total]) -> list[str]:
    """Over which upload rates splitting is the fastest way, and where it loses."""
    ways = dict.fromkeys(total.result.way for total in totals)
    if "split" not in ways or len(ways) < 2:
        return []
    pieces = merge(envelope(totals))
    spans = [f"{_WORDS[way]} {rates(slow, fast)}" for way, slow, fast in pieces]
    said = [f"The fastest way is {'; '.join(spans)}."]
    wins = any(way == "split" for way, _, _ in pieces)
    if not wins:
        said.append("Splitting loses: at none of these upload rates is it the fastest way.")
    known = {end for _, *ends in pieces for end in ends}
    for rival in ("edge only", "cloud only"):
        pair = [total for total in totals if total.result.way in ("split", rival)]
        duel = [(slow, fast) for way, slow, fast in merge(envelope(pair)) if way == "split"]
        told = wins and duel and known.issuperset(end for ends in duel for end in ends)
        if rival not in ways or len(ways) < 3 or told:
            continue
        won = " and ".join(rates(slow, fast) for slow, fast in duel)
        said.append(
            f"Against {rival} alone, splitting {'wins ' + won if duel else 'always loses'}."
        )
    return said


_WORDS = {"edge only": "edge only", "cloud only": "cloud only", "split": "splitting"}


def rates(slow: float, fast: float) -> str:
    """A range of upload rates in words, open at the ends of what was looked at."""
    if slow <= SLOWEST and fast >= FASTEST:
        return f"at every upload rate from {size_text(slow)}/s to {size_text(fast)}/s"
    if slow <= SLOWEST:
        return f"below {size_text(fast)}/s"
    if fast >= FASTEST:
        return f"above {size_text(slow)}/s"
    return f"from {size_text(slow)}/s to {size_text(fast)}/s"


def on_live(samples: Sequence[Sample]) -> list[str]:
    """What became of a run's live frames, in a sentence; none where it was not run live."""
    live = [sample for sample in samples if sample.total is not None]
    if not live:
        return []
    answered = [s for s in live if s.error is None and s.split != "output"]
    why = Counter(s.fallback for s in live if s.fallback)
    here = sum(s.split == "output" and not s.fallback for s in live)
    refused = sum(s.error is not None for s in live)
    said = [f"{len(live):,} frames ran live: {len(answered):,} answered by the cloud"]
    said += [f"{here:,} run on the edge by choice"] * bool(here)
    said += [f"{why.total():,} fallen back ({'; '.join(list(why)[:2])})"] * bool(why)
    said += [f"{refused:,} refused"] * bool(refused)
    totals = [float(s.total or 0) for s in live if s.error is None]
    if not totals:
        return [", ".join(said) + "."]
    middle, tail = np.percentile(totals, [50, 95])
    words = f"{', '.join(said)}. From picture to prediction: p50 {time_text(middle)}, "
    return [words + f"p95 {time_text(tail)}{_overhead(answered)}."]


def _overhead(answered: Sequence[Sample]) -> str:
    """What the stages do not account for."""
    if not answered:
        return ""
    beyond = [
        (s.total or 0) - sum(getattr(s, stage) for stage in STAGES) - sum(s.link.values())
        for s in answered
    ]
    return f", of which p50 {time_text(float(np.median(beyond)))} beyond the stages"
