"""What an experiment leaves behind: a head and one sample a picture, as JSON lines.

A run is a folder. Its `samples.jsonl` begins with the head (`"kind": "head"`; see head.py) and goes
on with one line a sample (`"kind": "sample"`), appended as it is measured, so that an interrupted
run can go on; a last one tells how the machine's pace drifted (`"kind": "drift"`). Beside it lie
`profiles/`, what codecs learnt for it; `features/SPLIT.npy`, the feature tensor of the first
picture at each split; `picture.png`, that picture; `pictures/`, those that codecs serve best and
worst (extremes.py); and `.lock`, the number of the process that writes to it, or did last.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from splitwire.errors import ExperimentError
from splitwire.eval.head import FORMAT, Head
from splitwire.runner.choice import Key, Way

SAMPLES, FEATURES, PICTURE = "samples.jsonl", "features", "picture.png"

Done = set[tuple[str, int, Key]]
"""The keys of samples that were measured."""

Outcome = Literal["answered", "local", "fell back", "refused"]
"""How a live frame ended: answered by the cloud, run on the edge by choice or for want of an answer
in time, or without any output."""


@dataclass(frozen=True)
class Sample:
    """One picture through one choice of way, split and codec.

    Times are seconds measured on this machine, not scaled to any device. A sample that failed
    carries the reason in `error`, and what was not reached keeps its default. The choice of a live
    frame is what it was to run with, whatever became of it.
    """

    photo: str  # the picture's name; views of one photo share it
    view: int  # 0: centre crop; see models.preprocess
    way: Way
    split: str = ""  # the cut point; empty where the network is not cut
    codec: str = ""  # the spec that makes the codec; empty where nothing is sent
    curve: str = ""  # the codec's spec without the parameter that the experiment sweeps
    elements: int = 0  # numbers in the crossing tensors
    bytes: int = 0  # every byte of the packet
    streams: list[int] = field(default_factory=list)  # of each tensor, where several cross
    divergence: float | None = None  # from the uncompressed model's output, in the task's unit
    metrics: dict[str, Any] = field(default_factory=dict)  # statistics, by the task's metrics
    prediction: dict[str, Any] = field(default_factory=dict)  # what the task tells of the output
    edge: float = 0.0
    encode: float = 0.0
    decode: float = 0.0
    cloud: float = 0.0
    link: dict[str, float] = field(default_factory=dict)  # seconds, by link
    error: str | None = None
    outcome: Outcome | None = None  # of a live frame; None where it was not run live
    frame: int | None = None  # number, from 1, of a live frame or of one of a clip
    at: float | None = None  # when a live frame began, in Unix time; seconds into a clip
    total: float | None = None  # seconds from picture to prediction
    fallback: str | None = None  # why it was finished on the edge
    clip: str | None = None  # whose frame it is
    intra: bool | None = None  # of a frame that was sent: whether its streams stand alone
    unread: bool = False  # whether the picture itself could not be read

    @property
    def choice(self) -> Key:
        """What it was run with."""
        return (self.way, self.split, self.codec)

    @property
    def tells(self) -> bool:
        """Whether it says anything of its choice.

        A live frame that fell back does not, nor any whose picture could not even be read.
        """
        unread = self.unread or (self.outcome == "refused" and not self.edge)
        return self.outcome != "fell back" and not unread

    @property
    def unit(self) -> str | tuple[str, int]:
        """What it is of, for intervals: its photo, or a frame of its clip; see draws.py."""
        return self.photo if self.clip is None else (self.clip, self.frame or 0)

    @property
    def key(self) -> tuple[str, int, Key]:
        """What makes a sample itself: measured once in a run."""
        return (self.photo, self.view, self.choice)


def head_line(head: Head) -> str:
    """The first line of a run."""
    return json.dumps({"kind": "head", **asdict(head)}) + "\n"


def sample_line(sample: Sample) -> str:
    """One further line of a run."""
    return json.dumps({"kind": "sample", **asdict(sample)}) + "\n"


def drift_line(ratio: float) -> str:
    """A last line: the reference network's time after the run over that before it."""
    return json.dumps({"kind": "drift", "ratio": ratio}) + "\n"


def read_drift(run: Path) -> float | None:
    """What the last such line of a run says; None where its devices hang on no reference."""
    text = (run / SAMPLES).read_text(encoding="utf-8", errors="replace")
    found = [row["ratio"] for row in _rows(run / SAMPLES, text) if row.get("kind") == "drift"]
    return float(found[-1]) if found else None


def read_run(run: Path) -> tuple[Head, list[Sample]]:
    """The head and the samples of a run folder; a last line cut short by a kill is left out.

    Raises:
        ExperimentError: there is no run there, it is one of another version, or a line other than
            the last is damaged.
    """
    path = run / SAMPLES
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise ExperimentError(
            f"{run} holds no run ({error.strerror}): give the folder that `splitwire eval` wrote"
        ) from error
    rows = list(_rows(path, text))
    if not rows or rows[0].pop("kind", None) != "head":
        raise ExperimentError(f"{path} does not begin with a head: it is not a run")
    if rows[0].get("format") != FORMAT:
        raise ExperimentError(
            f"{run} was recorded by another version of Splitwire, whose runs this one does not "
            "read: measure it again, in another folder"
        )
    head = Head.read(rows[0], path)
    try:
        kinds = ((row.pop("kind", "sample"), row) for row in rows[1:])
        return head, [Sample(**row) for kind, row in kinds if kind == "sample"]
    except TypeError as error:
        raise ExperimentError(f"{path} holds a row that is no sample: {error}") from error


def _rows(path: Path, text: str) -> Iterator[dict[str, Any]]:
    *lines, _ = text.split("\n")  # a whole line ends in a newline, so the tail is a cut one
    for number, line in enumerate(lines, 1):
        try:
            yield dict(json.loads(line))
        except (TypeError, ValueError) as error:
            raise ExperimentError(f"{path}, line {number}: damaged ({error})") from error
