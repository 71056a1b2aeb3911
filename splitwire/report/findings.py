"""What a run found, in sentences."""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import isfinite

import numpy as np

from splitwire.codecs.profile import Provenance
from splitwire.eval.head import Head
from splitwire.eval.headline import Headline, headline
from splitwire.eval.paired import shown
from splitwire.eval.results import Result
from splitwire.eval.samples import Sample
from splitwire.eval.summary import Summary
from splitwire.eval.totals import (
    FASTEST,
    SLOWEST,
    Total,
    envelope,
    merge,
)
from splitwire.report.units import each, sentence, significant, size_text, time_text
from splitwire.runner.choice import CLOUD_ONLY, EDGE_ONLY, SHARED, Way
from splitwire.runner.local import COMPUTED

_WORDS: dict[Way, str] = {EDGE_ONLY: EDGE_ONLY, CLOUD_ONLY: CLOUD_ONLY, SHARED: "splitting"}


def untrained(head: Head) -> str:
    """What a reader of a run has to know before anything else; empty of trained weights."""
    if head.trained:
        return ""
    return (
        f"The weights of {head.model.name} are untrained, so bytes, divergences and agreement say "
        "nothing of the network that will be deployed, and nothing is recommended. Measure "
        "trained weights: --weights PATH."
    )


def findings(summary: Summary, totals: Sequence[Total]) -> list[str]:
    """What a run found: a live one, what became of its frames; any other, what to deploy.

    Args:
        summary: of the run.
        totals: the total times of what holds the fidelity.
    """
    return on_live(summary.samples) or [*on_bytes(summary), *on_time(totals)]


def on_bytes(summary: Summary) -> list[str]:
    """Which codec at which split needs the fewest bytes at the fidelity, and against what.

    In a sentence; in none of untrained weights.
    """
    return [_on_bytes(summary)] if summary.head.trained else []


def _on_bytes(summary: Summary) -> str:
    unit, found = summary.scoring.unit, headline(summary)
    within = f"within {significant(summary.fidelity)} {unit} of the uncompressed network"
    if found is None:
        rest = [result for result in summary.results if result.way == SHARED and result.usable]
        if not rest:
            return "No codec carried the features of every picture, so there is nothing to compare."
        near = min(rest, key=lambda result: result.divergence.mean)
        far = significant(near.divergence.mean)
        return f"No codec stays {within}; {near.label} comes closest, with {far}."
    chosen, picture = found.chosen, found.picture
    cost = (
        f"{size_text(chosen.bytes)} a {each(chosen.clips)} at "
        f"{significant(chosen.divergence.mean)} {unit}{_surety(found)}"
    )
    if not found.established:
        return f"No codec is shown to stay {within}; {chosen.label} may: {cost}."
    said = f"{sentence(within)}, {chosen.label} needs the fewest bytes: {cost}"
    if picture:
        said += _against(found, picture)
    return f"{said}.{_rivals(found.rivals)}"


def _against(found: Headline, picture: Result) -> str:
    """What a headline comes to beside the picture itself; what the photos do not show is said so.

    Of one photo there is no interval, and the numbers stand alone.
    """
    chosen, saved = found.chosen, found.saved
    itself = "video" if chosen.clips else "picture"
    how = picture.name.removeprefix("cloud ")
    other = f"the {size_text(picture.bytes)} of the {itself} itself as {how}"
    if saved is None or not shown(saved):
        return f"; no difference from {other} is shown"
    if saved.mean < 0:
        return f", {-saved.mean:.0f} % below {other}"
    return f". Splitting loses here: that is more than {other}"


def _rivals(rivals: Sequence[Result]) -> str:
    """Which codecs the photos do not tell from the one with the fewest bytes."""
    if not rivals:
        return ""
    first, *more = (rival.label for rival in sorted(rivals, key=lambda rival: rival.bytes))
    others = f" and {len(more)} more" if len(more) > 1 else "".join(f" and {one}" for one in more)
    return f" These photos do not tell {first}{others} from it."


def _surety(found: Headline) -> str:
    """How sure a headline is, in brackets."""
    far, said = found.chosen.divergence, []
    if isfinite(far.low):
        said.append(f"95 % interval {significant(far.low)} to {significant(far.high)}")
    kind = "frames" if found.chosen.clips else "photos"
    told = f"over {found.chosen.photos} {kind} that it was not chosen on"
    said.append(told if found.others else f"chosen on the same {kind}")
    return f" ({'; '.join(said)})"


def on_time(totals: Sequence[Total]) -> list[str]:
    """Over which upload rates splitting is the fastest way, and where it loses."""
    ways = dict.fromkeys(total.result.way for total in totals)
    if SHARED not in ways or len(ways) < 2:
        return []
    pieces = merge(envelope(totals))
    spans = [f"{_WORDS[way]} {rates(slow, fast)}" for way, slow, fast in pieces]
    said = [f"The fastest way is {'; '.join(spans)}."]
    wins = any(way == SHARED for way, _, _ in pieces)
    if not wins:
        said.append("Splitting loses: at none of these upload rates is it the fastest way.")
    known = {end for _, *ends in pieces for end in ends}
    for rival in (EDGE_ONLY, CLOUD_ONLY):
        pair = [total for total in totals if total.result.way in (SHARED, rival)]
        duel = [(slow, fast) for way, slow, fast in merge(envelope(pair)) if way == SHARED]
        told = wins and duel and known.issuperset(end for ends in duel for end in ends)
        if rival not in ways or len(ways) < 3 or told:
            continue
        won = " and ".join(rates(slow, fast) for slow, fast in duel)
        said.append(
            f"Against {rival} alone, splitting {'wins ' + won if duel else 'always loses'}."
        )
    return said


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
    live = [sample for sample in samples if sample.outcome is not None]
    if not live:
        return []
    ends = Counter(sample.outcome for sample in live)
    inter = sum(sample.intra is False for sample in live)
    said = [f"{len(live):,} frames ran live: {ends['answered']:,} answered by the cloud"]
    said += [f"{ends['local']:,} run on the edge by choice"] * bool(ends["local"])
    said += [f"{ends['fell back']:,} fallen back{_reasons(live)}"] * bool(ends["fell back"])
    said += [f"{ends['refused']:,} refused"] * bool(ends["refused"])
    said += [f"{inter:,} predicted from frames before"] * bool(inter)
    said += _missing(live)
    totals = [float(s.total or 0) for s in live if s.outcome != "refused"]
    if not totals:
        return [", ".join(said) + "."]
    middle, tail = np.percentile(totals, [50, 95])
    words = f"{', '.join(said)}. From picture to prediction: p50 {time_text(middle)}, "
    answered = [sample for sample in live if sample.outcome == "answered"]
    return [words + f"p95 {time_text(tail)}{_overhead(answered)}."]


def _missing(live: Sequence[Sample]) -> list[str]:
    """What answers lacked of frames that went as datagrams, where any did."""
    pairs = [(s.packets, s.arrived) for s in live if s.packets and s.arrived is not None]
    packets = sum(sent for sent, _ in pairs)
    if not packets:
        return []
    share = 1 - sum(arrived for _, arrived in pairs) / packets
    return [f"answered from packets of which {share:.1%} did not arrive in time"]


def _reasons(live: Sequence[Sample]) -> str:
    """Why frames fell back, the commonest reasons first."""
    why = Counter(sample.fallback for sample in live if sample.fallback)
    return f" ({'; '.join(str(reason) for reason, _ in why.most_common(2))})"


def _overhead(answered: Sequence[Sample]) -> str:
    """What the stages do not account for."""
    if not answered:
        return ""
    beyond = [
        (s.total or 0) - sum(getattr(s, stage) or 0 for stage in COMPUTED) - sum(s.link.values())
        for s in answered
    ]
    return f", of which p50 {time_text(float(np.median(beyond)))} beyond the stages"


def warnings(
    results: Sequence[Result], profiles: Mapping[str, Provenance | None] | None = None
) -> list[str]:
    """What failed, and what is unknown of profiles (by digest), in at most a few sentences."""
    said = []
    some = [result for result in results if result.failed and result.samples]
    for result in some[:3]:
        where = f"{result.label} failed on {result.failed} of {result.failed + result.samples}"
        said.append(f"{where} pictures: its row is over the others, so compare it with nothing.")
    if len(some) > 3:
        said.append(f"The same goes for {len(some) - 3} more rows.")
    dead = [result.label for result in results if result.failed and not result.samples]
    if dead:
        rest = f" and {len(dead) - 3} more" if len(dead) > 3 else ""
        said.append(f"Failed on every picture: {', '.join(dead[:3])}{rest}.")
    silent = [digest for digest, p in (profiles or {}).items() if p is None or not p.pictures]
    if silent:
        said.append(
            f"It is unknown which pictures the profile{'s' * (len(silent) > 1)} "
            f"{', '.join(silent[:3])}{' and more' * (len(silent) > 3)} learnt from: some may be "
            "measured on here."
        )
    return said


def counts(results: Sequence[Result]) -> str:
    """How much was measured, in words."""
    photos = max((result.photos for result in results), default=0)
    if not photos:
        return "no picture"
    if clips := max(result.clips for result in results):
        return f"{clips} clip{'s' * (clips != 1)}, {photos} frames"
    pictures = max((result.samples for result in results), default=0)
    views = f", {pictures} views" if pictures > photos else ""
    return f"{photos} photo{'s' * (photos != 1)}{views}"
