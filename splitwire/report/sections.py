"""The figures of the report, each with a title, a legend and a caption that says what is seen."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup
from matplotlib.figure import Figure
from numpy.typing import NDArray

from splitwire.errors import SplitwireError
from splitwire.eval.results import Result
from splitwire.eval.totals import Link, Stretch, Total, envelope, faithful, smallest, stage_seconds
from splitwire.report import feature_plots, plots
from splitwire.report.findings import factors, links, rates, round_trip
from splitwire.report.plot_style import STAGE_COLOURS, key, styles, svg, swatch
from splitwire.report.table import curve_name, is_labelled, picks
from splitwire.report.units import significant, size_text, time_text

Features = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Section:
    """A titled part of the page.

    Attributes:
        anchor: its id in the page.
        title: its heading.
        caption: what is seen, in sentences.
        panels: SVG elements.
        legend: a mark, as SVG, and its words.
        stretches: rows of upload rate, fastest choice and total time, set beside the panels.
    """

    anchor: str
    title: str
    caption: str
    panels: list[Markup]
    legend: list[tuple[Markup, str]] = field(default_factory=list)
    stretches: list[tuple[str, str, str]] = field(default_factory=list)


def sections(
    head: dict[str, Any],
    results: Sequence[Result],
    totals: Sequence[Total],
    features: Features,
    max_divergence: float,
) -> list[Section]:
    """All that the run has something to show for, in the order of the page.

    Args:
        head: of the run.
        results: of the run.
        totals: the total times of what holds the fidelity.
        features: the tensor of the first picture at each split.
        max_divergence: the fidelity, in nats.
    """
    found = (
        _rate(results, max_divergence),
        _accuracy(results),
        _time(head, totals, max_divergence),
        _stages(head, totals, max_divergence),
        _histograms(features),
        _mosaic(head.get("model") or {}, results, features, max_divergence),
        _depth(head.get("model") or {}, results),
    )
    return [section for section in found if section]


def _panels(figures: Sequence[Figure], title: str) -> list[Markup]:
    names = [figure.axes[0].get_title("left") for figure in figures]
    spoken = [f"{title}: {name}" if name else title for name in names]
    return [Markup(svg(f, words)) for f, words in zip(figures, spoken, strict=True)]


def _legend(results: Sequence[Result]) -> list[tuple[Markup, str]]:
    looks = styles(result.curve for result in plots.visible(results))
    return [(Markup(key(style)), curve_name(curve)) for curve, style in looks.items()]


def _rate(results: Sequence[Result], max_divergence: float) -> Section | None:
    figures = plots.rate_divergence(results, max_divergence)
    if not figures:
        return None
    chosen = [pick for pick in picks(results, max_divergence) if pick.way == "split"]
    cheapest = "; ".join(f"{p.name} at {p.split} ({size_text(p.bytes)})" for p in chosen)
    said = "Down and to the left is better: fewer bytes, and an output nearer to the network's own."
    if any(result.way == "cloud only" for result in plots.visible(results)):
        said += " The dashed curve is the picture itself (cloud only), the same in every panel."
    if any(math.isfinite(result.divergence.low) for result in results):
        said += " Bars are 95 % bootstrap intervals over photos."
    said += f" The dotted line is {significant(max_divergence)} nats. " + (
        f"Fewest bytes below it: {cheapest}." if cheapest else "No codec comes below it."
    )
    title = "Rate against divergence"
    return Section("rate", title, said, _panels(figures, title), _legend(results))


def _accuracy(results: Sequence[Result]) -> Section | None:
    figures = plots.rate_accuracy(results)
    if not figures:
        return None
    whole = next((r.top1.mean for r in results if r.way == "edge only" and r.top1), None)
    if is_labelled(results):
        title, said = "Rate against accuracy", "Top-1 accuracy; up and to the left is better."
        if whole is not None:
            said += f" The dotted line is the uncompressed network's {significant(100 * whole)} %."
    else:
        title = "Rate against agreement"
        said = "Without labels: how often the best class is that of the uncompressed network."
    photos = max(result.photos for result in results)
    said += f" Over {photos} photos, one is {significant(100 / photos)} %." if photos > 1 else ""
    return Section("accuracy", title, said, _panels(figures, title), _legend(results))


def _devices(head: dict[str, Any]) -> str:
    devices = head.get("devices") or {}
    names = ((devices.get(end) or {}).get("name", end) for end in ("edge", "cloud"))
    pairs = zip(names, factors(head), strict=True)
    return " and ".join(f"{name} (times here × {significant(factor)})" for name, factor in pairs)


def _time(head: dict[str, Any], totals: Sequence[Total], max_divergence: float) -> Section | None:
    if not totals:
        return None
    said = (
        f"From picture to prediction on {_devices(head)}, with a round trip of "
        f"{time_text(round_trip(head))}: each way at its best choice within "
        f"{significant(max_divergence)} nats. The background has the colour of the fastest way, "
        "and break-even rates are marked."
    )
    rows = [
        (rates(piece.slowest, piece.fastest), piece.total.result.label, _span(piece))
        for piece in envelope(totals)
    ]
    title = "Total time against upload rate"
    return Section("time", title, said, _panels([plots.total_time(totals)], title), [], rows)


def _span(piece: Stretch) -> str:
    ends = (time_text(piece.total.seconds(rate)) for rate in (piece.slowest, piece.fastest))
    return " to ".join(dict.fromkeys(ends))


def _stages(head: dict[str, Any], totals: Sequence[Total], max_divergence: float) -> Section | None:
    if not totals or not links(head):
        return None
    edge, cloud = factors(head)
    figures = [
        plots.stage_times(_fastest_of_each(totals, link, edge, cloud), link, edge, cloud)
        for link in links(head)
    ]
    said = (
        f"Median time of each stage on {_devices(head)}: the baselines, then each codec at the "
        f"split and quality that are fastest within {significant(max_divergence)} nats."
    )
    legend = [(Markup(swatch(colour)), stage) for stage, colour in STAGE_COLOURS.items()]
    title = "Where the time goes"
    return Section("stages", title, said, _panels(figures, title), legend)


def _fastest_of_each(
    totals: Sequence[Total], link: Link, edge: float, cloud: float
) -> list[Result]:
    """Edge only, cloud only, then the best of each curve, the fastest first."""
    groups: dict[str, list[tuple[float, Result]]] = {}
    for result in (total.result for total in totals):
        seconds = sum(stage_seconds(result, link, edge, cloud).values())
        name = result.curve if result.way == "split" else result.way
        groups.setdefault(name, []).append((seconds, result))
    winners = [min(group, key=lambda pair: pair[0]) for group in groups.values()]
    order = ("edge only", "cloud only", "split")
    winners.sort(key=lambda pair: (order.index(pair[1].way), pair[0]))
    return [result for _, result in winners]


def _histograms(features: Features) -> Section | None:
    if not features:
        return None
    figures = [feature_plots.histogram(x, split) for split, x in features.items()]
    said = (
        "The features of the first picture, and the normal distribution of the same mean and "
        "deviation. Shaded: mean ± 3 deviations, the default clip range of the codecs that "
        "quantise; what lies outside is clipped to its ends."
    )
    title = "What the features look like"
    return Section("features", title, said, _panels(figures, title))


def _mosaic(
    model: dict[str, Any], results: Sequence[Result], features: Features, max_divergence: float
) -> Section | None:
    """The cheapest faithful codec on the features kept; nothing where it does not take them."""
    here = [result for result in results if result.split in features]
    chosen = smallest(faithful(here, max_divergence), "split")
    if chosen is None:
        return None
    from splitwire.calibrate.packaged import with_shipped_profile
    from splitwire.codecs.registry import codec, decode

    x, names = features[chosen.split], (model.get("name", ""), model.get("digest", ""))
    try:
        coder = with_shipped_profile(codec(chosen.codec), *names, chosen.split)
        stream = coder.encode(x)
        figures = feature_plots.mosaic(x, decode(stream, coder.profile))
    except SplitwireError:  # such as a profile that was moved since: the page stands without it
        return None
    said = (
        f"All channels of {chosen.split} ({' × '.join(map(str, x.shape))}) for the first picture, "
        f"side by side, through {chosen.name}: {len(stream):,} bytes."
    )
    title = "One feature tensor, as sent and as decoded"
    return Section("mosaic", title, said, _panels(figures, title))


def _depth(model: dict[str, Any], results: Sequence[Result]) -> Section | None:
    figures = feature_plots.depth(model, [r.split for r in results if r.way == "split"])
    if not figures:
        return None
    said = "What would cross uncoded, and the multiply-accumulates done by then, at each cut point."
    picture = model.get("picture_bytes") or 0
    below = [point for point in model["points"] if point["elements"] < picture]
    if below:
        said += (
            f" The features are first smaller than the picture ({size_text(picture)}) at "
            f"{below[0]['name']}, after {significant(100 * below[0]['share'])} % of the "
            "computation."
        )
    title = "Along the depth of the network"
    return Section("depth", title, said, _panels(figures, title))
