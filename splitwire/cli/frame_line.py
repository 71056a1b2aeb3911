"""What `splitwire edge` prints of each frame, in a line."""

from splitwire.live.record import Record
from splitwire.live.shown import shown
from splitwire.runner.choice import EDGE_ONLY
from splitwire.tasks.base import Task

_LINES = 2  # of a prediction: the likeliest classes, say


def frame_line(record: Record, task: Task) -> str:
    """The number of a frame, what the network says, its way, bytes, kind and milliseconds.

    Args:
        record: of the frame.
        task: in whose words.
    """
    if record.outcome == "refused":
        return f"{record.number:>6}  {shown(record.name)}: refused: {shown(record.reason)}"
    way = str(record.choice)
    if record.outcome == "fell back":
        way = f"{EDGE_ONLY}, fallen back from {way}: {record.reason}"
    size = f"{record.bytes:,} bytes, " if record.bytes else ""
    if record.packets:
        size += f"{record.arrived or 0} of {len(record.packets)} packets, "
    elif record.choice.predicts and record.intra is not None:
        size += "intra, " if record.intra else "inter, "
    told = f"({shown(way)}, {size}{1e3 * record.total:.0f} ms)"
    return f"{record.number:>6}  {shown(_said(record, task))}  {told}"


def _said(record: Record, task: Task) -> str:
    try:
        return "; ".join(task.lines(record.prediction)[:_LINES])
    except Exception:  # of any kind: a cloud may answer what a task has no words for
        return str(record.prediction)
