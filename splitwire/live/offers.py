"""What the page of the demonstration offers: codecs and their qualities, links, and cut points."""

from splitwire.calibrate.store import ProfileStore
from splitwire.codecs.base import Codec
from splitwire.codecs.calibrated import CalibratedCodec
from splitwire.codecs.registry import codec
from splitwire.models.load import Model
from splitwire.models.split import cut_points

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

LINKS = {
    "3 MB/s, 5 ms": (3e6, 0.005),
    "450 KB/s, 5 ms": (450e3, 0.005),
    "100 KB/s, 40 ms": (100e3, 0.04),
    "not slowed": (1e9, 0.0),
}
"""Upload rate (bytes a second) and round trip (s)."""

PICTURE = "picture:format=jpeg,quality=90"
"""How the picture itself is sent."""


def codecs_by_split(model: Model, store: ProfileStore) -> dict[str, list[str]]:
    """Where a person would cut, and the codecs on offer there: those that lack no profile.

    Args:
        model: the network.
        store: of profiles.
    """
    made = {name: codec(name) for name in CODECS}
    return {
        split: [name for name, one in made.items() if _is_ready(model, split, one, store)]
        for split in _split_names(model)
    }


def _is_ready(model: Model, split: str, codec: Codec, store: ProfileStore) -> bool:
    if not isinstance(codec, CalibratedCodec) or not codec.needs_profile:
        return True
    return store.find(model.digest, split, codec) is not None


def _split_names(model: Model) -> list[str]:
    """Outputs of outer modules that are one map, in order."""
    points = cut_points(model)
    return [
        point.name
        for point in points
        if point.module
        and point.name.count(".") <= 1
        and len(point.crossings) == 1
        and len(point.crossings[0].shape) == 4
    ]
