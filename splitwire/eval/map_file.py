"""The file of a map: a line that says of what, then a line a cut, in order."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from splitwire.disk import write_whole, writing
from splitwire.errors import ExperimentError


@dataclass(frozen=True)
class MapHead:
    """Of what a map is.

    Attributes:
        model, digest: the network and its weights.
        trained: whether its weights are; of untrained ones the bytes mean nothing.
        task, unit, fidelity: what the output means, and the divergence at which bytes are told.
        data, photos, crops, seed: what was learnt from.
        seconds: of the operations at each rank, on the machine that began the map.
    """

    model: str
    digest: str
    trained: bool
    task: str
    unit: str
    fidelity: float
    data: str
    photos: int
    crops: int
    seed: int
    seconds: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Cut:
    """What one cut costs.

    Attributes:
        name, node, module: as of a `CutPoint`.
        shapes: of the tensors that cross.
        elements: the numbers in them.
        bytes, spread: told of `ftc` at the map's fidelity, a picture: mean and standard deviation.
        edge, cloud: seconds of the halves on the machine of the map.
        edge_share: of the multiply-accumulates.
        weights, activations: bytes that the edge half holds: its weights, and the most activations
            that live at once.
    """

    name: str
    node: str
    module: str | None
    shapes: list[list[int]]
    elements: int
    bytes: float
    spread: float
    edge: float
    cloud: float
    edge_share: float
    weights: int
    activations: int


def head_line(head: MapHead) -> str:
    """The first line."""
    return json.dumps(asdict(head)) + "\n"


def cut_line(cut: Cut) -> str:
    """The line of a cut."""
    return json.dumps(asdict(cut)) + "\n"


def read_map(path: Path) -> tuple[MapHead, list[Cut]]:
    """A map's head and the cuts that it holds.

    Raises:
        ExperimentError: the file is none.
    """
    try:
        with writing(path):
            text = path.read_text(encoding="utf-8")
        whole = text[: text.rfind("\n") + 1].splitlines()
        return MapHead(**json.loads(whole[0])), [Cut(**json.loads(line)) for line in whole[1:]]
    except (ValueError, TypeError, IndexError) as error:
        raise ExperimentError(f"{path} holds no map of a network: {error}") from error


def open_map(
    path: Path, asked: MapHead, clock: Callable[[], list[float]]
) -> tuple[MapHead, list[Cut]]:
    """The map in a file, begun there if it is not there yet.

    Args:
        path: of the file.
        asked: its head, but for times.
        clock: measures the times of a map that begins.

    Raises:
        ExperimentError: it holds another map.
        StorageError: it cannot be written.
    """
    if path.exists():
        head, cuts = read_map(path)
        if replace(head, seconds=[]) != asked:
            raise ExperimentError(
                f"{path} holds another map: give another --out, or delete the file"
            )
        return head, cuts
    head = replace(asked, seconds=clock())
    write_whole(path, head_line(head).encode())
    return head, []
