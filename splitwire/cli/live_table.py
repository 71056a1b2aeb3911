"""The table that `splitwire edge` keeps on the screen while frames go by."""

from collections import Counter, deque
from collections.abc import Sequence
from time import monotonic

from rich.live import Live
from rich.table import Table

from splitwire.cli.terminal import console
from splitwire.live.record import Record
from splitwire.runner.local import STAGES


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
        if self._records:
            self._live.update(self._table(), refresh=True)
        self._live.stop()

    def add(self, record: Record, line: str) -> None:
        """One more frame is done: its line is printed, and below all lines the table stays.

        That is drawn anew a few times a second at most.
        """
        self._live.console.print(line, markup=False, highlight=False, soft_wrap=True)
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
        return f"{record.choice}{pace}{rate}; {ends}"


def _percentile(values: Sequence[float], percent: float) -> float:
    return sorted(values)[round(percent / 100 * (len(values) - 1))]
