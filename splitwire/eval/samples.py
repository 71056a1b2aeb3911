"""What an experiment leaves behind: a head and one sample a picture, as JSON lines.

A run is a folder. Its `samples.jsonl` begins with the head (`"kind": "head"`; see head.py) and goes
on with one line a sample (`"kind": "sample"`), appended as it is measured, so that an interrupted
run can go on; then one line for each that was timed (`"kind": "time"`); a last one tells how the
machine's pace drifted (`"kind": "drift"`). A run that was extended by more pictures has a second
head, which counts from then on. Beside it lie `profiles/`, what codecs learnt for it;
`features/SPLIT.npy`, the feature tensor of the first picture at each split; `picture.png`, that
picture; `pictures/`, those that codecs serve best and worst (extremes.py); `network.map`, the map
of all cuts, where it was given one; and `.lock`, the number of the process that writes to it, or
did last.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from splitwire.errors import ExperimentError
from splitwire.eval.head import FORMAT, Head
from splitwire.runner.choice import Key, Way

SAMPLES, FEATURES, PICTURE, MAP = "samples.jsonl", "features", "picture.png", "network.map"

Place = tuple[int, int]
"""Where a picture is in a run's data: the number of its photo and of its view, or of its clip."""

Outcome = Literal["answered", "local", "fell back", "refused"]
"""How a live frame ended: answered by the cloud, run on the edge by choice or for want of an answer
in time, or without any output."""


@dataclass(frozen=True)
class Sample:
    """One picture through one choice of way, split and codec.

    Times are seconds measured on this machine, not scaled to any device; a sample has them where it
    was taken live, and otherwise a `Time` of its own where it was timed. A sample that failed
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
    edge: float | None = None
    encode: float | None = None
    decode: float | None = None
    cloud: float | None = None
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


@dataclass(frozen=True)
class Time:
    """How long one picture took through one choice, alone, in seconds by stage.

    None where it failed.
    """

    photo: str
    view: int
    way: Way
    split: str = ""
    codec: str = ""
    edge: float | None = None
    encode: float | None = None
    decode: float | None = None
    cloud: float | None = None

    @property
    def choice(self) -> Key:
        """What it was run with."""
        return (self.way, self.split, self.codec)


@dataclass(frozen=True)
class Drift:
    """How the machine's pace changed during a run: see devices.py."""

    ratio: float


_KINDS: dict[Any, type[Sample | Time | Drift]] = {"time": Time, "drift": Drift}


class Done:
    """The keys of samples that were measured, a bit for each."""

    def __init__(self, keys: Iterable[tuple[str, int, Key]] = ()) -> None:
        self._bits: dict[Key, int] = {}
        self._seen: dict[tuple[str, int], int] = {}
        self._count = 0
        for key in keys:
            self.add(key)

    def add(self, key: tuple[str, int, Key]) -> None:
        """One more was measured."""
        photo, view, choice = key
        bit = self._bits.setdefault(choice, 1 << len(self._bits))
        if key not in self:
            self._seen[photo, view] = self._seen.get((photo, view), 0) | bit
            self._count += 1

    def __contains__(self, key: tuple[str, int, Key]) -> bool:
        photo, view, choice = key
        return bool(self._seen.get((photo, view), 0) & self._bits.get(choice, 0))

    def __len__(self) -> int:
        return self._count


def head_line(head: Head) -> str:
    """The first line of a run."""
    return json.dumps({"kind": "head", **asdict(head)}) + "\n"


def sample_line(sample: Sample) -> str:
    """One further line of a run."""
    return json.dumps({"kind": "sample", **asdict(sample)}) + "\n"


def time_line(time: Time) -> str:
    """A line of the timing pass."""
    return json.dumps({"kind": "time", **asdict(time)}) + "\n"


def drift_line(ratio: float) -> str:
    """A last line: the reference network's time after the run over that before it."""
    return json.dumps({"kind": "drift", "ratio": ratio}) + "\n"


def read_run(run: Path) -> tuple[Head, list[Sample]]:
    """The head and the samples of a run folder; raises as `rows`."""
    samples: list[Sample] = []
    for row in rows(run):
        if isinstance(row, Head):
            head = row
        elif isinstance(row, Sample):
            samples.append(row)
    return head, samples


def rows(run: Path) -> Iterator[Head | Sample | Time | Drift]:
    """A run's lines, one after another; a last one that a kill cut short is left out.

    Raises:
        ExperimentError: there is no run there, it is one of another version, or a line other than
            the last is damaged.
    """
    path = run / SAMPLES
    try:
        file = path.open(encoding="utf-8", errors="replace", newline="\n")
    except OSError as error:
        raise ExperimentError(
            f"{run} holds no run ({error.strerror}): give the folder that `splitwire eval` wrote"
        ) from error
    with file:
        began = False
        for row in _rows(path, file):
            kind = row.pop("kind", None)
            if kind == "head":
                yield _head(row, path)
            elif not began:
                break
            else:
                yield _row(kind, row, path)
            began = True
    if not began:
        raise ExperimentError(f"{path} does not begin with a head: it is not a run")


def _head(row: dict[str, Any], path: Path) -> Head:
    if row.get("format") != FORMAT:
        raise ExperimentError(
            f"{path.parent} was recorded by another version of Splitwire, whose runs this one does "
            "not read: measure it again, in another folder"
        )
    return Head.read(row, path)


def _row(kind: Any, row: dict[str, Any], path: Path) -> Sample | Time | Drift:
    try:
        return _KINDS.get(kind, Sample)(**row)
    except TypeError as error:
        raise ExperimentError(f"{path} holds a row that is no sample: {error}") from error


def _rows(path: Path, lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines, 1):
        if not line.endswith("\n"):  # a whole line ends in a newline, so this is a cut one
            return
        try:
            yield dict(json.loads(line))
        except (TypeError, ValueError) as error:
            raise ExperimentError(f"{path}, line {number}: damaged ({error})") from error
