"""A training's history on the disk: JSON lines, a picture, and TensorBoard's events."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from splitwire.disk import Lines, write_whole, writing

Line = dict[str, Any]


class History:
    """Writes each line of a training as it comes, to a folder's history.jsonl.

    Where TensorBoard is installed its events are written beside it.

    Args:
        folder: of the training.
        before: the lines up to where training goes on; what a kill left behind them is dropped.

    Raises:
        StorageError: the folder cannot be written to.
    """

    def __init__(self, folder: Path, before: Sequence[Line] = ()) -> None:
        path = folder / "history.jsonl"
        write_whole(path, "".join(map(_text, before)).encode())
        self._lines, self._folder = Lines(path), folder / "events"
        with writing(self._folder):
            self._events = _event_writer(self._folder, before[-1]["step"] if before else 0)

    def write(self, line: Line) -> None:
        """Add a line.

        Raises:
            StorageError: it cannot be written.
        """
        self._lines.add(_text(line))
        if self._events is not None:
            with writing(self._folder):
                for name, value in line.items():
                    if isinstance(value, float):
                        self._events.add_scalar(name, value, line["step"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._lines.close()
        if self._events is not None:
            with writing(self._folder):
                self._events.close()


def draw(lines: Sequence[Line], elements: int, path: Path) -> None:
    """Draw the loss over steps, and the first and the last curve on validation pictures.

    Args:
        lines: of a training.
        elements: numbers in a feature tensor.
        path: of the picture, .svg or .png.
    """
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    over_time, rates = figure.subplots(1, 2)
    told = [line for line in lines if "loss" in line]
    over_time.plot([line["step"] for line in told], [line["loss"] for line in told])
    over_time.set(xlabel="step", ylabel="loss, relative to the start")
    curves = [line for line in lines if "validation" in line]
    for line in (curves[0], curves[-1]):
        points = line["validation"]
        bits = [point["bits"] / elements for point in points]
        lost = [point["divergence"] for point in points]
        rates.plot(bits, lost, marker="o", label=f"step {line['step']}")
    rates.set(xlabel="bits an element", ylabel="divergence (nats), validation", yscale="log")
    rates.legend(frameon=False)
    written = io.BytesIO()
    figure.savefig(written, format=path.suffix[1:])
    write_whole(path, written.getvalue())


def _text(line: Line) -> str:
    return json.dumps(line) + "\n"


def _event_writer(folder: Path, step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=step + 1)
