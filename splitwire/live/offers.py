"""What the page of the demonstration offers: codecs, their qualities, upload rates, cut points."""

from splitwire.calibrate.store import ProfileStore
from splitwire.codecs.base import Codec
from splitwire.codecs.calibrated import CalibratedCodec
from splitwire.codecs.registry import codec
from splitwire.models.load import Model
from splitwire.models.split import CutPoint, cut_points

CODECS = {
    "ftc": ("quality", (39, 45, 51, 58)),
    "jpeg": ("quality", (20, 50, 80, 95)),
    "hevc": ("qp", (40, 32, 24, 16)),
    "av1": ("qp", (52, 40, 24, 8)),
    "ecsq": ("levels", (4, 8, 16, 32)),
    "rans": ("bits", (3, 4, 5, 6)),
    "raw": ("bits", (2, 4, 6, 8)),
}
"""The codecs on offer: the parameter that is their quality, and its values from coarse to fine."""

SLOWEST, START, FASTEST = 1e4, 450e3, 1e8
"""Upload rates, in bytes a second: the ends of the page's slider, and where it stands at first."""

RTT = 0.005
"""Seconds of a round trip of the slowed link."""

PICTURE = "picture:format=jpeg,quality=90"
"""How the picture itself is sent."""


def codecs_by_split(model: Model, store: ProfileStore, task: str) -> dict[str, list[str]]:
    """Where a person would cut, and the codecs on offer there: those that lack no profile.

    Args:
        model: the network.
        store: of profiles.
        task: of the network, by name.
    """
    made = {name: codec(name) for name in CODECS}
    return {
        point.name: [
            name for name, one in made.items() if _is_ready(model, point, one, store, task)
        ]
        for point in _points(model)
    }


def _is_ready(model: Model, point: CutPoint, codec: Codec, store: ProfileStore, task: str) -> bool:
    if not isinstance(codec, CalibratedCodec) or not codec.needs_profile:
        return True
    return all(
        store.find(model.digest, point.name, codec, task, crossing) is not None
        for crossing in range(len(point.crossings))
    )


def _points(model: Model) -> list[CutPoint]:
    """Outputs of the outer modules that are maps, in order.

    A pyramid's maps cross after the outermost modules, a backbone or a neck. Several maps inside of
    these are those of branches, of which there are too many.
    """
    return [
        point
        for point in cut_points(model)
        if point.module
        and point.name.count(".") <= (1 if len(point.crossings) == 1 else 0)
        and all(len(crossing.shape) == 4 for crossing in point.crossings)
    ]
