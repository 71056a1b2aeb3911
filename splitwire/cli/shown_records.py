"""Running an edge on a terminal: its records, each in a line, and the table below them."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from splitwire.live.connection import Uplink
    from splitwire.live.drive import Drive
    from splitwire.live.record import Record
    from splitwire.live.supply import Taken


async def show(
    drive: "Drive",
    source: "Iterable[Taken]",
    begun: "Callable[[Uplink], None]" = lambda uplink: None,
    *done: "Callable[[Record], object]",
) -> None:
    """Show each record as it comes.

    Args:
        drive: how the edge is to run.
        source: of pictures.
        begun: called when the link is up.
        done: called with each record.
    """
    from splitwire.cli.frame_line import frame_line
    from splitwire.cli.live_table import LiveTable

    with LiveTable() as table:
        async for record in drive.run(source, begun):
            table.add(record, frame_line(record, drive.task))
            for listener in done:
                listener(record)
