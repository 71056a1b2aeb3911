"""The report of a run: one self-contained page, drawn from its samples."""

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure
from numpy.typing import NDArray

from splitwire.errors import ExperimentError, SplitwireError
from splitwire.eval import feature_plots, plots
from splitwire.eval.curves import curves
from splitwire.eval.findings import choices, factors, links, on_bytes, on_time, rates, round_trip
from splitwire.eval.plot_style import (
    STAGE_COLOURS,
    key,
    palette_css,
    significant,
    size_text,
    styles,
    svg,
    swatch,
    time_text,
)
from splitwire.eval.results import Result, summarise
from splitwire.eval.samples import Sample, read_run
from splitwire.eval.table import (
    bd_rows,
    blocks,
    columns,
    counts,
    curve_name,
    is_labelled,
    picks,
    warnings,
)
from splitwire.eval.totals import MAX_DIVERGENCE, Total, best, envelope, faithful, smallest

Features = dict[str, NDArray[Any]]


@dataclass
class Section:
    """A titled part of the page: what is seen, the panels that show it, and their legend."""

    anchor: str
    title: str
    caption: str
    panels: list[Markup]
    legend: list[tuple[Markup, str]] = field(default_factory=list)
    stretches: list[tuple[str, str, str]] = field(default_factory=list)


def write_report(run: Path, anchor: str = "h264", max_divergence: float = MAX_DIVERGENCE) -> Path:
    """Write the page of a run into its folder.

    Args:
        run: the folder that `splitwire eval` wrote.
        anchor: the curve that the others are compared with.
        max_divergence: the fidelity at which codecs are chosen, in nats.

    Returns:
        The path of the page, RUN/report.html.

    Raises:
        ExperimentError: there is no run there, or the page cannot be written.
    """
    head, samples = read_run(run)
    page = run / "report.html"
    text = render(head, samples, read_features(run, samples), anchor, max_divergence)
    try:
        page.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ExperimentError(f"cannot write {page} ({error.strerror})") from error
    return page


def read_features(run: Path, samples: Sequence[Sample]) -> Features:
    """The feature tensor of the first picture at each split, where the run kept one."""
    found: Features = {}
    for split in dict.fromkeys(sample.split for sample in samples):
        path = run / "features" / f"{split.replace('/', '_')}.npy"
        if path.is_file():
            try:
                found[split] = np.load(path, allow_pickle=False)
            except (OSError, ValueError) as error:
                raise ExperimentError(f"{path} is no feature tensor ({error})") from error
    return found


def render(
    head: dict[str, Any],
    samples: Sequence[Sample],
    features: Features,
    anchor: str = "h264",
    max_divergence: float = MAX_DIVERGENCE,
) -> str:
    """The page as text; see `write_report`."""
    results = summarise(samples, int(head.get("experiment", {}).get("seed") or 0))
    totals = choices(head, results, max_divergence)
    sections = [
        *_rate_sections(results, max_divergence),
        *_time_sections(head, results, totals, max_divergence),
        *_feature_sections(head, results, features, max_divergence),
    ]
    splits, bd, bd_note = bd_rows(results, anchor)
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template("report.html").render(
        title=f"{(head.get('model') or {}).get('name', 'A network')}, split",
        about=_about(head, results),
        findings=[on_bytes(results, max_divergence), *on_time(totals)],
        tiles=_tiles(results, totals, max_divergence),
        sections=sections,
        columns=columns(is_labelled(results)),
        blocks=blocks(results),
        picks=picks(results, max_divergence),
        warnings=warnings(results),
        failures=_failures(samples),
        anchor=anchor,
        bd_splits=splits,
        bd=bd,
        bd_note=bd_note,
        max_divergence=significant(max_divergence),
        counts=counts(results),
        measured=_measured(head, results),
        light=Markup(palette_css(dark=False)),
        dark=Markup(palette_css(dark=True)),
    )


def _panels(figures: Sequence[Figure], title: str) -> list[Markup]:
    titles = [figure.axes[0].get_title("left") for figure in figures]
    return [
        Markup(svg(figure, f"{title}: {own}" if own else title))
        for figure, own in zip(figures, titles, strict=True)
    ]


def _rate_sections(results: Sequence[Result], max_divergence: float) -> list[Section]:
    legend = [
        (Markup(key(style)), curve_name(curve))
        for curve, style in styles(curve for _, curve in curves(results)).items()
    ]
    limit = significant(max_divergence)
    chosen = [pick for pick in picks(results, max_divergence) if pick.way == "split"]
    cheapest = "; ".join(f"{p.codec} at {p.split} ({size_text(p.bytes)})" for p in chosen)
    far = plots.rate_divergence(results, max_divergence)
    if not far:
        return []
    said = (
        "Down and to the left is better: fewer bytes, an output nearer to that of the uncompressed "
        "network. The dashed curve is the picture itself as JPEG (cloud only), the same in every "
        f"panel; bars are 95 % bootstrap intervals over photos; the dotted line is {limit} nats. "
    )
    said += f"Fewest bytes below it: {cheapest}." if cheapest else "No codec comes below it."
    sections = [Section("rate", "Rate against divergence", said, _panels(far, "Rate"), legend)]
    near = plots.rate_accuracy(results)
    whole = next((r.top1.mean for r in results if r.way == "edge only" and r.top1), None)
    photos = max(result.photos for result in results)
    one = f" With {photos} photo{'s' * (photos != 1)}, one photo is {significant(100 / photos)} %."
    if is_labelled(results):
        dotted = f"; the dotted line is its own {significant(100 * whole)} %" if whole else ""
        said = f"Up and to the left is better. Top-1 accuracy of the split network{dotted}."
        title = "Rate against accuracy"
    else:
        said = "Without labels: how often the best class is that of the uncompressed network."
        title = "Rate against agreement"
    sections.append(Section("accuracy", title, said + one, _panels(near, title), legend))
    return sections


def _time_sections(
    head: dict[str, Any], results: Sequence[Result], totals: Sequence[Total], limit: float
) -> list[Section]:
    if not totals:
        return []
    edge, cloud = factors(head)
    names = {end: (head.get("devices") or {}).get(end, {}).get("name", end) for end in _ENDS}
    where = f"{names['edge']} (times here × {significant(edge)}) and {names['cloud']} "
    where += f"(× {significant(cloud)})"
    said = (
        f"From picture to prediction on {where}, round trip {time_text(round_trip(head))}, each "
        f"way at its best choice within {significant(limit)} nats. Break-even rates are marked. "
        + " ".join(on_time(totals))
    )
    table = [
        (rates(piece.slowest, piece.fastest), piece.total.result.label, _ends(piece.total, piece))
        for piece in envelope(totals)
    ]
    figure = plots.total_time(totals)
    title = "Total time against upload rate"
    sections = [Section("time", title, said, _panels([figure], title), stretches=table)]
    bars = [
        plots.stage_times(
            _fastest_of_each(totals, link),
            link["name"],
            _rate(link),
            link.get("rtt", 0),
            edge,
            cloud,
        )
        for link in links(head)
    ]
    legend = [(Markup(swatch(colour)), stage) for stage, colour in STAGE_COLOURS.items()]
    said = (
        f"Median time of each stage on {where}: the baselines, then each codec at the split and "
        f"quality that are fastest within {significant(limit)} nats, in order of total time."
    )
    if bars:
        sections.append(
            Section("stages", "Where the time goes", said, _panels(bars, "Stage times"), legend)
        )
    return sections


_ENDS = ("edge", "cloud")


def _rate(link: dict[str, Any]) -> float:
    return float(link.get("rate") or math.inf)


def _ends(total: Total, piece: Any) -> str:
    slow, fast = time_text(total.seconds(piece.slowest)), time_text(total.seconds(piece.fastest))
    return slow if slow == fast else f"{slow} to {fast}"


def _fastest_of_each(totals: Sequence[Total], link: dict[str, Any]) -> list[Result]:
    """Edge only, cloud only, then the best of each curve, the fastest first."""
    rate = _rate(link)
    groups: dict[str, list[Total]] = {}
    for total in totals:
        way = total.result.way
        groups.setdefault(total.result.curve if way == "split" else way, []).append(total)
    winners = [best(group, rate) for group in groups.values()]
    order = {"edge only": 0, "cloud only": 1, "split": 2}
    winners.sort(key=lambda total: (order[total.result.way], total.seconds(rate)))
    return [total.result for total in winners]


def _feature_sections(
    head: dict[str, Any], results: Sequence[Result], features: Features, max_divergence: float
) -> list[Section]:
    sections = []
    if features:
        figures = [feature_plots.histogram(x, split) for split, x in features.items()]
        said = (
            "The features of the first picture, with the normal distribution of the same mean and "
            "deviation. Shaded: mean ± 3 deviations, the default clip range of the codecs that "
            "quantise; what lies outside is clipped to its ends."
        )
        title = "What the features look like"
        sections.append(Section("features", title, said, _panels(figures, title)))
    sections += _mosaic_section(results, features, max_divergence)
    model = head.get("model") or {}
    figure = feature_plots.depth(model, list(features) or [r.split for r in results])
    if figure:
        title = "Along the depth of the network"
        sections.append(Section("depth", title, _depth_words(model), _panels([figure], title)))
    return sections


def _mosaic_section(
    results: Sequence[Result], features: Features, max_divergence: float
) -> list[Section]:
    """The cheapest faithful codec on the features kept; nothing where it does not take them."""
    here = [result for result in results if result.split in features]
    chosen = smallest(faithful(here, max_divergence), "split")
    if chosen is None:
        return []
    from splitwire.codecs.base import decode
    from splitwire.codecs.registry import codec

    x = features[chosen.split]
    try:
        stream = codec(chosen.codec).encode(x)
        figures = feature_plots.mosaic(x, decode(stream))
    except SplitwireError:  # such as a profile that was moved since: the page stands without it
        return []
    said = (
        f"All channels of {chosen.split} ({' × '.join(map(str, x.shape))}) for the first picture, "
        f"side by side, through {chosen.codec}: {len(stream):,} bytes."
    )
    title = "One feature tensor, as sent and as decoded"
    return [Section("mosaic", title, said, _panels(figures, title))]


def _depth_words(model: dict[str, Any]) -> str:
    said = (
        "Above, the bytes that would cross at 8 bits an element, uncoded; below, the share of the "
        "multiply-accumulates that the edge has done by then."
    )
    picture = model.get("picture_bytes") or 0
    points = model["points"]
    below = [index for index, point in enumerate(points) if point["elements"] < picture]
    if below:
        point = points[below[0]]
        share = significant(100 * point["share"])
        said += (
            f" The features are first smaller than the picture ({size_text(picture)}) at "
            f"{point['name']}, after {share} % of the computation."
        )
    return said


def _tiles(
    results: Sequence[Result], totals: Sequence[Total], max_divergence: float
) -> list[tuple[str, str]]:
    """The few numbers that a reader takes away, each with its words."""
    good = faithful(results, max_divergence)
    chosen, picture = smallest(good, "split"), smallest(good, "cloud only")
    tiles = []
    if chosen:
        tiles.append((size_text(chosen.bytes), f"a picture: {chosen.label}"))
    if chosen and picture:
        change = 100 * chosen.bytes / picture.bytes - 100
        tiles.append((f"{change:+.0f} %".replace("-", "−"), f"bytes against {picture.name}"))
    wins = [piece for piece in envelope(totals) if piece.way == "split"]
    if wins and len({total.result.way for total in totals}) > 1:
        low, high = min(w.slowest for w in wins), max(w.fastest for w in wins)
        tiles.append((rates(low, high), "splitting is the fastest way"))
    tiles.append((counts(results), "measured"))
    return tiles


def _failures(samples: Sequence[Sample]) -> list[tuple[str, str, int, str]]:
    """Split, codec, number of pictures, and the error, for each kind of failure."""
    seen = Counter((s.split, s.codec, s.error) for s in samples if s.error is not None)
    return [(split, codec, count, error or "") for (split, codec, error), count in seen.items()]


def _about(head: dict[str, Any], results: Sequence[Result]) -> str:
    splits = {result.split for result in results if result.way == "split"}
    codecs = {result.codec for result in results if result.way == "split"}
    return (
        f"{len(codecs)} codec setting{'s' * (len(codecs) != 1)} at {len(splits)} split "
        f"point{'s' * (len(splits) != 1)}, {counts(results)}, {head.get('started', '')[:10]}"
    ).rstrip(", ")


def _measured(head: dict[str, Any], results: Sequence[Result]) -> list[tuple[str, str]]:
    """How it was measured, as terms and their values."""
    model, data = head.get("model") or {}, head.get("data") or {}
    machine, devices = head.get("hardware") or {}, head.get("devices") or {}
    memory = machine.get("memory")
    rows = [
        (
            "network",
            f"{model.get('name')}, {model.get('macs', 0) / 1e6:,.0f} M multiply-accumulates",
        ),
        ("weights", model.get("digest")),
        ("evaluated on", data.get("evaluation")),
        ("calibrated on", data.get("calibration") or "nothing: no codec here was calibrated"),
        ("pictures", counts(results)),
        *[
            (f"{end} device", f"{d.get('name')}: {d.get('about')}; times here × {d.get('factor')}")
            for end, d in devices.items()
        ],
        *[
            (f"link {link['name']}", json.dumps({k: v for k, v in link.items() if k != "name"}))
            for link in links(head)
        ],
        (
            "machine",
            ", ".join(f"{k} {v}" for k, v in machine.items() if k != "memory")
            + (f", {memory / 2**30:.0f} GiB" if memory else ""),
        ),
        ("versions", ", ".join(f"{k} {v}" for k, v in (head.get("versions") or {}).items())),
        ("seed", str(head.get("experiment", {}).get("seed"))),
        ("started", head.get("started")),
    ]
    return [(term, str(value)) for term, value in rows if value]
