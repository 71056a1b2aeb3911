"""Running an edge on a terminal: its records, each in a line, and the table below them."""

import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from splitwire.cli.edge_options import Frames
from splitwire.cli.terminal import console

if TYPE_CHECKING:
    from splitwire.live.connection import Uplink
    from splitwire.live.drive import Drive
    from splitwire.live.record import Record
    from splitwire.live.recording import Recording
    from splitwire.live.supply import Taken


def run_shown(
    drive: "Drive",
    source: "Iterable[Taken]",
    frames: Frames,
    recording: "Recording | None",
    *done: "Callable[[Record], object]",
) -> None:
    """Run an edge, show each record as it comes, and write it where a recording is wanted.

    Args:
        drive: how the edge is to run.
        source: of pictures.
        frames: as the user asked for them.
        recording: what to write to.
        done: called with each record.
    """
    from splitwire.live import loops
    from splitwire.live.slowing import link_plan

    def begun(uplink: "Uplink") -> None:
        if recording:
            from splitwire.live.recording import LINK

            link = link_plan(LINK, uplink, drive.slowed)
            recording.begin(drive.choices, frames.source, link)

    listeners = (*done, recording.add) if recording else done
    loops.run(_show(drive, source, begun, *listeners), emulated=drive.slowed is not None)
    if recording:
        _conclude(recording)
        drawn = "" if "torch" in sys.modules else ' where "splitwire[torch]" is installed'
        print(f"Run: {frames.out} (splitwire report {frames.out}{drawn})")


async def _show(
    drive: "Drive",
    source: "Iterable[Taken]",
    begun: "Callable[[Uplink], None]",
    *done: "Callable[[Record], object]",
) -> None:
    """Show each record as it comes; `begun` is called when the link is up."""
    from splitwire.cli.frame_line import frame_line
    from splitwire.cli.live_table import LiveTable

    with LiveTable() as table:
        async for record in drive.run(source, begun):
            table.add(record, frame_line(record, drive.task))
            for listener in done:
                listener(record)


def _conclude(recording: "Recording") -> None:
    """Say what became of the frames."""
    from splitwire.report.findings import on_live

    for sentence in on_live(recording.close()):
        console.print(sentence, highlight=False)
