"""The file of an attack: a line that says of what, then a line a picture, split and codec."""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from splitwire.disk import write_whole, writing
from splitwire.errors import ExperimentError

LINES = "attack.jsonl"

ATTACKS = ("inversion", "optimisation", "nearest", "mean", "jpeg")
"""Two attacks; then what they have to beat, and what as many bytes show of the picture itself."""


@dataclass(frozen=True)
class Head:
    """What all lines of a file have in common.

    Attributes:
        model, digest: the network and its weights.
        trained: whether its weights are.
        data, own: the eavesdropper's pictures, and how many photos they are.
        on: the pictures that were attacked.
        judge, judge_digest: the network that looks at reconstructions.
        crops, steps: of these pictures, and of training a decoder.
        optimise: steps of the second attack; none, if 0.
        seed: of crops, order and weights.
    """

    model: str
    digest: str
    trained: bool
    data: str
    own: int
    on: str
    judge: str
    judge_digest: str
    crops: int
    steps: int
    optimise: int
    seed: int


@dataclass(frozen=True)
class Line:
    """What was got of one picture.

    Attributes:
        split, codec, picture: which, as they were asked for.
        bytes: of the packet.
        bound: mean squared error a pixel of unbiased estimators, at least; see bound.py.
        scores: of each attack and baseline by its name: psnr (dB), ssim, and what `judge.compare`
            gives. A baseline that there is none of is not in it.
    """

    split: str
    codec: str
    picture: str
    bytes: int
    bound: float
    scores: dict[str, dict[str, float]]


def line_text(line: Head | Line) -> str:
    """A line with its end."""
    return json.dumps(asdict(line)) + "\n"


def read_lines(path: Path) -> tuple[Head, list[Line]]:
    """A file's head and the lines that are whole.

    Raises:
        ExperimentError: the file is none of an attack.
    """
    try:
        with writing(path):
            text = path.read_text(encoding="utf-8")
        head, *lines = (json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines())
        return Head(**head), [Line(**line) for line in lines]
    except (ValueError, TypeError) as error:
        raise ExperimentError(f"{path} holds no attack: {error}") from error


def open_lines(path: Path, asked: Head) -> list[Line]:
    """The lines in a file of the same head, which is begun if it is not there yet.

    Raises:
        ExperimentError: it holds another attack.
        StorageError: it cannot be written.
    """
    if not path.exists():
        write_whole(path, line_text(asked).encode())
        return []
    head, lines = read_lines(path)
    if other := [f.name for f in fields(Head) if getattr(head, f.name) != getattr(asked, f.name)]:
        raise ExperimentError(
            f"{path} holds another attack (other {', '.join(other)}): give another --out, or "
            "delete it"
        )
    return lines
