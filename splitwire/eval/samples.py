"""What an experiment leaves behind: a head and one sample a picture, as JSON lines.

A run is a folder. Its `samples.jsonl` begins with the head (`"kind": "head"`: the experiment,
versions, hardware, devices and the model's cut points) and goes on with one line a sample
(`"kind": "sample"`), appended as it is measured, so that an interrupted run can go on. Beside it,
`features/SPLIT.npy` holds the feature tensor of the first picture at each split, for the report.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from splitwire.errors import ExperimentError

SAMPLES = "samples.jsonl"
STAGES = ("edge", "encode", "decode", "cloud")


@dataclass(frozen=True)
class Sample:
    """One picture through one split and one codec.

    Times are seconds measured on this machine, not scaled to any device. A sample that failed
    carries the reason in `error`, and what was not reached keeps its default.
    """

    photo: str  # the picture's name; views of one photo share it
    view: int  # 0: centre crop; see models.preprocess
    split: str  # "input": cloud only; "output": edge only
    codec: str  # the spec that makes the codec; "none" where nothing is sent
    curve: str  # the codec's spec without the parameter that the experiment sweeps
    label: int | None = None  # the class by the data set; None: unlabelled
    elements: int = 0  # numbers in the crossing tensors
    bytes: int = 0  # every byte of the packet
    divergence: float | None = None  # Kullback-Leibler, nats, from the uncompressed model's output
    prediction: list[int] = field(default_factory=list)  # five best classes, best first
    reference: list[int] = field(default_factory=list)  # the same of the uncompressed model
    edge: float = 0.0
    encode: float = 0.0
    decode: float = 0.0
    cloud: float = 0.0
    link: dict[str, float] = field(default_factory=dict)  # seconds, by link; none where it is lost
    error: str | None = None
    total: float | None = None  # seconds from picture to prediction; None where it was not run live
    fallback: str | None = None  # why a live frame was finished on the edge

    @property
    def key(self) -> tuple[str, int, str, str]:
        """What makes a sample itself: measured once in a run."""
        return (self.photo, self.view, self.split, self.codec)


def head_line(head: dict[str, Any]) -> str:
    """The first line of a run."""
    return json.dumps({"kind": "head", **head}) + "\n"


def sample_line(sample: Sample) -> str:
    """One further line of a run."""
    return json.dumps({"kind": "sample", **asdict(sample)}) + "\n"


def read_run(run: Path) -> tuple[dict[str, Any], list[Sample]]:
    """The head and the samples of a run folder; a last line cut short by a kill is left out.

    Raises:
        ExperimentError: there is no run there, or a line other than the last is damaged.
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
    head = rows[0]
    try:
        for row in rows[1:]:
            row.pop("kind", None)
        return head, [Sample(**row) for row in rows[1:]]
    except TypeError as error:
        raise ExperimentError(f"{path} holds a row that is no sample: {error}") from error


def _rows(path: Path, text: str) -> Iterator[dict[str, Any]]:
    *lines, _ = text.split("\n")  # a whole line ends in a newline, so the tail is a cut one
    for number, line in enumerate(lines, 1):
        try:
            yield dict(json.loads(line))
        except (TypeError, ValueError) as error:
            raise ExperimentError(f"{path}, line {number}: damaged ({error})") from error
