"""What loss.py measured, as tables and as a picture.

Means are over photos and seeds; intervals are 95 % of a bootstrap over photos.
"""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from splitwire.report.plot_style import LIGHT, log_ticks, styled
from splitwire.report.units import significant

Floats = NDArray[np.float64]
Row = dict[str, Any]

PANELS = (1, 3, 7)  # bursts that are drawn
PAIRS = (("ftc as tiles", "tiles"), ("ftc as tiles / 4", "tiles"), ("ftc as jpeg", "jpeg"))
FLOOR = 1e-5  # nats, below which nothing is drawn
LOOKS = {  # colour, marker, dashes
    "ftc as tiles": ("crimson", "*", "-"),
    "ftc as tiles / 4": ("crimson", "*", ":"),
    "ftc as jpeg": ("crimson", "o", "--"),
    "jpeg mean": ("blue", "o", "-"),
    "jpeg nearest": ("blue", "o", "--"),
    "jpeg caltec": ("blue", "o", ":"),
    "tiles mean": ("amber", "D", "-"),
    "tiles nearest": ("amber", "D", "--"),
    "tiles caltec": ("amber", "D", ":"),
    "tiles silrtc": ("brown", "<", "--"),
    "tiles halrtc": ("brown", "<", "-"),
}


@dataclass(frozen=True)
class Point:
    """A way through a channel: (photos,) each, means over seeds."""

    nats: Floats
    agree: Floats
    bytes: float


def points(rows: Sequence[Row], split: str, loss: float, burst: float) -> dict[str, Point]:
    """Each way's; where nothing is lost, bursts are all one."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        same = row["split"] == split and row["loss"] == loss
        if same and (row["burst"] == burst or not loss):
            for way, told in row["ways"].items():
                found.setdefault(way, []).append(told)
    return {
        way: Point(
            np.mean([one["nats"] for one in told], 0),
            np.mean([one["agree"] for one in told], 0),
            float(np.mean([one["bytes"] for one in told])),
        )
        for way, told in found.items()
    }


def interval(each: Floats) -> tuple[float, float]:
    """Of the mean over photos."""
    drawn = np.random.default_rng(0).integers(0, len(each), (2000, len(each)))
    low, high = np.percentile(each[drawn].mean(1), (2.5, 97.5))
    return float(low), float(high)


def channels(rows: Sequence[Row]) -> list[tuple[str, float, float]]:
    """Those that were measured, in order."""
    return sorted({(row["split"], row["burst"], row["loss"]) for row in rows})


def table(rows: Sequence[Row]) -> str:
    """Divergence and agreement of all, then where `ftc` is ahead."""
    lines = []
    for split in sorted({row["split"] for row in rows}):
        ways = [way for way in LOOKS if any(way in row["ways"] for row in rows)]
        lines += [f"\n## {split}\n", "| burst | loss | " + " | ".join(ways) + " |"]
        lines.append("|--:|--:|" + "--:|" * len(ways))
        for at, burst, loss in channels(rows):
            if at == split:
                found = points(rows, split, loss, burst)
                told = [said(found[way]) if way in found else "–" for way in ways]
                lines.append(f"| {burst:.0f} | {loss:.0%} | " + " | ".join(told) + " |")
    return "\n".join([*lines, "", *ahead(rows)])


def said(point: Point) -> str:
    """Nats with their interval, and the share that agrees."""
    low, high = interval(point.nats)
    return f"{point.nats.mean():.4f} ({low:.4f} to {high:.4f}), {point.agree.mean():.1%}"


def ahead(rows: Sequence[Row]) -> Iterator[str]:
    """At how many channels `ftc` loses less than each peer at equal bytes, and how much less."""
    for ours, peer in PAIRS:
        ratios, sure, agreeing = [], 0, 0
        for split, burst, loss in channels(rows):
            found = points(rows, split, loss, burst)
            own, peers = found[ours], {w: p for w, p in found.items() if w.startswith(peer)}
            best = min(peers, key=lambda way: peers[way].nats.mean())
            where = f"{split}, bursts of {burst:.0f}, {loss:.0%}, {best}"
            ratios.append((peers[best].nats.mean() / own.nats.mean(), where))
            sure += interval(peers[best].nats - own.nats)[0] > 0
            agreeing += own.agree.mean() >= max(p.agree.mean() for p in peers.values())
        ratios.sort()
        yield (
            f"{ours}: ahead of the best of {peer} at {sum(r > 1 for r, _ in ratios)} of "
            f"{len(ratios)} channels, by its interval at {sure}; agrees as often or more at "
            f"{agreeing}. The best of {peer} loses {ratios[len(ratios) // 2][0]:.1f} times as much "
            f"in the median, and at least {ratios[0][0]:.2f} times ({ratios[0][1]})"
        )


@styled
def figure(rows: Sequence[Row], kind: str) -> bytes:
    """Divergence and agreement against loss, a column a burst."""
    splits = sorted({row["split"] for row in rows})
    drawn = Figure(figsize=(9.6, 5.4 * len(splits)), layout="constrained")
    grid = drawn.subplots(2 * len(splits), len(PANELS), sharex=True, sharey="row")
    for index, split in enumerate(splits):
        for column, burst in enumerate(PANELS):
            upper, lower = grid[2 * index][column], grid[2 * index + 1][column]
            _draw(upper, lower, rows, split, burst)
            upper.set(yscale="log", ylim=(FLOOR / 2, 5), title=f"{split}, bursts of {burst}")
        log_ticks(grid[2 * index][0].yaxis, significant)
        grid[2 * index][0].set_ylabel("divergence in nats")
        grid[2 * index + 1][0].set_ylabel("top-1 that agrees, %")
    for axes in grid[-1]:
        axes.set_xlabel("packets lost, %")
    handles, labels = grid[0][0].get_legend_handles_labels()
    drawn.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    buffer = io.BytesIO()
    told = {"Date": None} if kind == ".svg" else None
    drawn.savefig(buffer, format=kind.lstrip("."), dpi=144, metadata=told)
    return buffer.getvalue()


def _draw(upper: Axes, lower: Axes, rows: Sequence[Row], split: str, burst: float) -> None:
    losses = sorted({loss for at, b, loss in channels(rows) if at == split and b in (burst, 1)})
    measured = {loss: points(rows, split, loss, burst) for loss in losses}
    for way, (colour, marker, dashes) in LOOKS.items():
        at = [loss for loss in losses if way in measured[loss]]
        if not at:
            continue
        nats = [max(FLOOR, measured[loss][way].nats.mean()) for loss in at]
        agree = [100 * measured[loss][way].agree.mean() for loss in at]
        places = [losses.index(loss) for loss in at]
        look = {"color": LIGHT[colour], "marker": marker, "linestyle": dashes, "markersize": 4.5}
        upper.plot(places, nats, label=way, **look)
        lower.plot(places, agree, **look)
        if way.startswith("ftc"):
            ends = np.array([interval(measured[loss][way].nats) for loss in at]).clip(FLOOR)
            upper.vlines(places, *ends.T, color=LIGHT[colour], alpha=0.35)
    lower.set_xticks(range(len(losses)), [f"{100 * loss:.0f}" for loss in losses])
