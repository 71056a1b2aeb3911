"""Photos kept aside: whole originals, so that no picture of one is on both sides."""

import re
from collections.abc import Sequence
from pathlib import Path

from splitwire.data.photos import Photo

_VIEW = re.compile(r"-\d+$")


def originals(photos: Sequence[Photo]) -> list[list[Photo]]:
    """The photos of each original: names that differ in a last `-NUMBER` are views of one."""
    found: dict[str, list[Photo]] = {}
    for photo in photos:
        found.setdefault(_VIEW.sub("", str(Path(photo.name).with_suffix(""))), []).append(photo)
    return [found[name] for name in sorted(found)]


def hold_out(photos: Sequence[Photo], one_in: int) -> tuple[list[Photo], list[Photo]]:
    """The photos to learn from, and those of one in so many originals, evenly spread by name.

    At least one is kept aside where there are two, and none where there is one.
    """
    known = originals(photos)
    step = min(one_in, len(known))
    sides: tuple[list[Photo], list[Photo]] = ([], [])
    for at, views in enumerate(known):
        sides[step > 1 and at % step == step // 2].extend(views)
    return sides
