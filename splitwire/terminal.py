"""What the command line shows: tables and the progress bar."""

import math
from collections import Counter, deque
from collections.abc import Callable, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from splitwire.codecs.bitstream import Header

if TYPE_CHECKING:  # which loads torch
    from splitwire.eval.plan import Row
    from splitwire.eval.totals import Stretch
    from splitwire.live.edge import Record
    from splitwire.models.split import CutPoint

STAGES = ("edge", "encode", "link", "decode", "cloud")

console = Console()


def progress_bar() -> Progress:
    """How far a sweep is; gone from the screen when it is done."""
    return Progress(
        TextColumn("{task.description:<32.32}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )


def training(progress: Progress, steps: int) -> Callable[[dict[str, Any]], None]:
    """Shows each line of a training's history: bits an element, nats lost, time left."""
    bar = progress.add_task("Training", total=steps)

    def tell(line: dict[str, Any]) -> None:
        progress.update(bar, completed=line["step"])
        if "bits" in line:
            said = f"{line['bits']:.3f} bits, {line['divergence']:.4f} nats"
            progress.update(bar, description=said)

    return tell


def codec_table() -> Table:
    """Every codec that is installed, with its parameters."""
    from splitwire.codecs.parameter import expectation, format_value
    from splitwire.codecs.registry import codec_class, codec_names

    table = Table("codec", "parameter", "default", "takes", box=None)
    for name in codec_names():
        cls = codec_class(name)
        about = (cls.__doc__ or "").strip().split("\n")[0]
        table.add_row(Text(name, "bold"), "", "", Text(about))
        for field in cls.parameters():
            about = field.metadata["about"]
            if type(field.default) is not str or field.metadata["choices"]:
                about += f": {expectation(field)}"
            table.add_row("", field.name, Text(format_value(field.default)), Text(about))
    return table


def cut_table(points: "Sequence[CutPoint]", picture: int, seconds: Sequence[float] = ()) -> Table:
    """Where a network can be cut; `picture` is how many numbers the picture has."""
    from splitwire.runner.local import coded_shape

    table = Table(
        box=None,
        title="× picture: bytes at 8 bits over the picture's. MACs: multiply-accumulates before.",
        title_justify="left",
        title_style="dim",
    )
    table.add_column("cut point", min_width=max(len(p.name) for p in points))  # to be copied whole
    table.add_column("crossing shapes")
    headings = ["elements", "× picture", "MACs"]
    for heading in [*headings, "ms"] if seconds else headings:
        table.add_column(heading, justify="right")
    for at, point in enumerate(points):
        shapes = ["×".join(map(str, coded_shape(c.shape))) for c in point.crossings]
        table.add_row(
            Text(point.name),
            ", ".join(shapes),
            f"{point.elements:,}",
            f"{point.elements / picture:.3f}",
            f"{point.edge_share:.1%}",
            *[f"{1e3 * time:.2f}" for time in seconds[at : at + 1]],
        )
    return table


class LiveTable:
    """What the latest frames of an edge took: p50 and p95 of each stage, bytes, frames a second."""

    def __enter__(self) -> "LiveTable":
        self._records: deque[tuple[float, Record]] = deque(maxlen=200)
        self._outcomes: Counter[str] = Counter()
        self._live = Live(console=console, auto_refresh=False)
        self._live.start()
        self._shown = monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.update(self._table(), refresh=True)
        self._live.stop()

    def add(self, record: "Record") -> None:
        """One more frame is done; the table is drawn anew a few times a second at most."""
        self._records.append((monotonic(), record))
        self._outcomes[record.outcome] += 1
        if console.is_terminal and monotonic() - self._shown > 0.25:
            self._shown = monotonic()
            self._live.update(self._table(), refresh=True)

    def _table(self) -> Table:
        table = Table(box=None, title=self._title(), title_justify="left")
        for heading in ("ms", *STAGES, "total"):
            table.add_column(heading, justify="left" if heading == "ms" else "right")
        records = [record for _, record in self._records]
        columns = [[r.seconds[s] for r in records if s in r.seconds] for s in STAGES]
        columns.append([r.total for r in records])
        for name, percent in (("p50", 50), ("p95", 95)):
            cells = (f"{1e3 * _percentile(c, percent):.1f}" if c else "–" for c in columns)
            table.add_row(name, *cells)
        return table

    def _title(self) -> str:
        if not self._records:
            return "no frame yet"
        (first, _), (last, record) = self._records[0], self._records[-1]
        span = last - first
        pace = f", {(len(self._records) - 1) / span:.1f} frames/s" if span else ""
        sizes = [r.bytes for _, r in self._records if r.bytes]
        rate = f", {sum(sizes) / len(sizes):,.0f} bytes a frame" if sizes else ""
        ends = ", ".join(f"{count:,} {how}" for how, count in self._outcomes.items())
        where = f"{record.setting.split.at} {record.setting.codec}"
        return f"{where}{pace}{rate}; {ends}"


def _percentile(values: Sequence[float], percent: float) -> float:
    return sorted(values)[round(percent / 100 * (len(values) - 1))]


def plan_table(rows: "Sequence[Row]", max_divergence: float, radio: str) -> Table:
    """The fastest choice at each upload rate."""
    table = Table(
        box=None,
        title=f"Fastest within {max_divergence} nats; radio energy over {radio}, edge energy.",
        title_justify="left",
        title_style="dim",
    )
    table.add_column("KB/s up", justify="right")
    table.add_column("choice")
    for heading in ("bytes", "total ms", "radio mJ", "compute mJ"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(
            f"{row.rate / 1e3:,.0f}",
            Text(row.total.result.label),
            f"{row.total.bytes:,.0f}",
            f"{1e3 * row.seconds:.1f}",
            f"{1e3 * row.radio:.2f}",
            "–" if row.compute is None else f"{1e3 * row.compute:.1f}",
        )
    return table


def break_even_table(stretches: "Sequence[Stretch]") -> Table:
    """Over which upload rates each choice is the fastest; where they meet is the break-even."""
    table = Table(box=None, title="Break-even rates", title_justify="left", title_style="dim")
    table.add_column("from KB/s", justify="right")
    table.add_column("to KB/s", justify="right")
    table.add_column("fastest")
    for stretch in stretches:
        table.add_row(
            f"{stretch.slowest / 1e3:,.0f}",
            f"{stretch.fastest / 1e3:,.0f}",
            Text(stretch.total.result.label),
        )
    return table


def stream_table(header: Header, payload: int, stream: int) -> Table:
    """What a stream's header says, in words, and its lengths in bytes."""
    table = Table(box=None, show_header=False)
    table.add_row("codec", Text(repr(header.spec)[1:-1]))  # whoever wrote it may mean no good
    table.add_row("shape", "×".join(map(str, header.shape)))
    table.add_row("profile", header.digest or "none")
    table.add_row("payload", f"{payload:,} bytes")
    table.add_row("stream", f"{stream:,} bytes, CRC-32 correct")
    table.add_row("rate", f"{8 * stream / math.prod(header.shape):.3f} bits an element")
    return table
