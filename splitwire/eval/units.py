"""Units of the fidelity pass: a few pictures and the choices that they are to go through.

A unit is small and can be pickled, and any process can do it, in any order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from splitwire.eval.samples import Place
from splitwire.runner.choice import Key


@dataclass(frozen=True)
class Unit:
    """Some pictures, or a clip, and the choices that each of them goes through."""

    places: tuple[Place, ...]
    choices: tuple[Key, ...]


def units(
    chunks: Sequence[Sequence[Place]],
    missing: Mapping[Place, tuple[Key, ...]],
) -> list[Unit]:
    """Units of chunks of pictures, given what each picture has still to go through."""
    made = []
    for chunk in chunks:
        groups: dict[tuple[Key, ...], list[Place]] = {}
        for place in chunk:
            if missing[place]:
                groups.setdefault(missing[place], []).append(place)
        made += [Unit(tuple(places), choices) for choices, places in groups.items()]
    return made
