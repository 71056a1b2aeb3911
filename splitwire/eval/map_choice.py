"""What a map says: the best cut for a device and a link, and the cuts that no other beats.

Beside the coded bytes stand the raw ones that Neurosurgeon (Y. Kang et al., ASPLOS 2017) and its
successors choose by: float32, or 8 bits an element.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, prod
from pathlib import Path
from typing import Literal

from splitwire.errors import ExperimentError
from splitwire.eval.map_file import Cut, read_map
from splitwire.eval.radio import Radio

Form = Literal["coded", "8-bit", "float32"]
"""How features cross."""

FORMS: tuple[Form, ...] = ("coded", "8-bit", "float32")


@dataclass(frozen=True)
class Conditions:
    """Where the halves run, and what lies between.

    Attributes:
        rate: of upload, bytes a second.
        rtt: round trip, seconds.
        edge, cloud: factors from the times of the map to those of the devices.
        radio: of the edge; None leaves its energy out.
        watts: of the edge's processor at work; None leaves its energy out.
        every: seconds from one picture to the next.
    """

    rate: float = 1e6
    rtt: float = 0.0
    edge: float = 1.0
    cloud: float = 1.0
    radio: Radio | None = None
    watts: float | None = None
    every: float = 1.0

    def __post_init__(self) -> None:
        for figure, name in ((self.rate, "an upload rate"), (self.every, "a picture's time")):
            if not 0 < figure < inf:
                raise ExperimentError(f"{name} is a number above 0, not {figure:g}")

    def seconds(self, cut: Cut, form: Form = "coded") -> float:
        """From picture to output. Coding itself takes some milliseconds more."""
        link = self.rtt + size(cut, form) / self.rate
        return self.edge * cut.edge + link + self.cloud * cut.cloud

    def joules(self, cut: Cut, form: Form = "coded") -> float:
        """What the edge takes for a picture; 0 where neither radio nor watts are known."""
        wait = self.rtt + self.cloud * cut.cloud
        sent = size(cut, form)
        radio = self.radio.joules(sent, self.rate, wait, self.every).total if self.radio else 0.0
        return radio + (self.watts or 0.0) * self.edge * cut.edge


def size(cut: Cut, form: Form = "coded") -> float:
    """Bytes that cross; of the picture at most one for each of its numbers."""
    whole = 1 if cut.name == "input" or form == "8-bit" else 4
    return cut.bytes if form == "coded" else float(whole * cut.elements)


def best(cuts: Sequence[Cut], at: Conditions, form: Form = "coded") -> Cut:
    """The fastest cut; of equally fast ones that of the fewest bytes."""
    return min(cuts, key=lambda cut: (at.seconds(cut, form), size(cut, form)))


def front(cuts: Sequence[Cut], at: Conditions) -> list[Cut]:
    """The cuts that no other beats in bytes, time and energy at once."""
    rows = [(cut.bytes, at.seconds(cut), at.joules(cut)) for cut in cuts]
    return [cut for cut, row in zip(cuts, rows, strict=True) if not _beaten(row, rows)]


def shallow_front(cuts: Sequence[Cut]) -> list[Cut]:
    """The cuts that send fewer bytes than every one before them: whatever the link, the rest lose.

    An edge that is no faster than the cloud never gains by cutting later and sending more.
    """
    found: list[Cut] = []
    for cut in cuts:
        if not found or cut.bytes < found[-1].bytes:
            found.append(cut)
    return found


def worth(path: Path, digest: str) -> set[str]:
    """The nodes of that front, of the map in a file.

    Args:
        path: of the map.
        digest: of the network that it is to be of.

    Raises:
        ExperimentError: it is no map, or one of another network or of other weights.
    """
    head, cuts = read_map(path)
    if head.digest != digest:
        raise ExperimentError(
            f"{path} is a map of {head.model}, and not of this experiment's network with its "
            "weights: make one of that with `splitwire map`"
        )
    return {cut.node for cut in shallow_front(cuts)}


def behind_strides(cuts: Sequence[Cut]) -> list[int]:
    """Where what crosses has smaller maps than at the cut before."""
    areas = [max(prod(shape[1:]) for shape in cut.shapes) for cut in cuts]
    return [at for at in range(1, len(cuts)) if areas[at] < areas[at - 1]]


def _beaten(row: tuple[float, ...], rows: Sequence[tuple[float, ...]]) -> bool:
    return any(
        other != row and all(o <= r for o, r in zip(other, row, strict=True)) for other in rows
    )
