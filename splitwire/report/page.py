"""The report of a run: one self-contained page, drawn from its samples."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from splitwire.errors import ExperimentError
from splitwire.eval.results import Result, summarise
from splitwire.eval.samples import Sample, read_run
from splitwire.eval.totals import MAX_DIVERGENCE, Total, envelope, faithful, smallest
from splitwire.report.findings import choices, links, on_bytes, on_live, on_time, rates
from splitwire.report.plot_style import palette_css
from splitwire.report.sections import Features, sections
from splitwire.report.table import bd_rows, blocks, columns, counts, is_labelled, picks, warnings
from splitwire.report.units import significant, size_text, time_text


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
    crossed = dict.fromkeys(s.split for s in samples if s.split not in ("input", "output"))
    for split in crossed:
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
    splits, bd, bd_note = bd_rows(results, anchor)
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template("report.html").render(
        title=f"Splitting {(head.get('model') or {}).get('name', 'a network')}",
        about=_about(head, results),
        findings=[*on_live(samples), on_bytes(results, max_divergence), *on_time(totals)],
        tiles=_tiles(results, totals, max_divergence),
        sections=sections(head, results, totals, features, max_divergence),
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
    tuned = ", fine-tuned cloud" if head.get("experiment", {}).get("cloud_weights") else ""
    codecs = {result.codec for result in results if result.way == "split"}
    return (
        f"{len(codecs)} codec setting{'s' * (len(codecs) != 1)} at {len(splits)} split "
        f"point{'s' * (len(splits) != 1)}{tuned}, {counts(results)}, {head.get('started', '')[:10]}"
    ).rstrip(", ")


def _measured(head: dict[str, Any], results: Sequence[Result]) -> list[tuple[str, str]]:
    """How it was measured, as terms and their values."""
    model, data = head.get("model") or {}, head.get("data") or {}
    machine = dict(head.get("hardware") or {})
    if machine.get("memory"):
        machine["memory"] = f"{machine['memory'] / 2**30:.0f} GiB"
    macs = f"{(model.get('macs') or 0) / 1e6:,.0f} million multiply-accumulates"
    tuned = head.get("experiment", {}).get("cloud_weights")
    rows = [
        ("network", f"{model.get('name')}, {macs}"),
        ("its digest", model.get("digest")),
        (
            "cloud half",
            tuned and f"fine-tuned, of the weights {tuned} (digest {model['deployed']})",
        ),
        ("evaluated on", data.get("evaluation")),
        ("calibrated on", data.get("calibration") or "nothing: no codec here was calibrated"),
        *((f"profile {digest}", _profile(a)) for digest, a in (head.get("profiles") or {}).items()),
        ("pictures", counts(results)),
        *((f"{end} device", _device(d)) for end, d in (head.get("devices") or {}).items()),
        *((f"link {link['name']}", _link(link)) for link in links(head)),
        ("machine", ", ".join(f"{name} {value}" for name, value in machine.items() if value)),
        ("versions", ", ".join(f"{k} {v}" for k, v in (head.get("versions") or {}).items())),
        ("seed", head.get("experiment", {}).get("seed")),
        ("started", head.get("started")),
    ]
    return [(term, str(value)) for term, value in rows if value not in (None, "")]


def _profile(about: dict[str, str]) -> str:
    if "data" not in about:
        return f"{about.get('codec')}, which does not say what it was learnt on"
    said = f"{about['codec']} at {about['split']}, learnt on {about['crops']} crops of"
    return f"{said} {about['data']}, seed {about['seed']}"


def _device(device: dict[str, Any]) -> str:
    factor = f"times measured here × {device.get('factor', 1)}"
    return f"{device.get('name')} ({device['about']}), {factor}" if device.get("about") else factor


def _link(link: dict[str, Any]) -> str:
    said = []
    for name, value in link.items():
        if name == "rate" and value:
            said.append(f"{size_text(value)}/s up")
        elif name == "rtt" and value:
            said.append(f"round trip {time_text(value)}")
        elif name != "name" and value:
            said.append(f"{name} {value}")
    return ", ".join(said)
