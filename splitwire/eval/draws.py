"""What intervals draw again: photos; or clips, and the stretches that each is made of.

Frames that follow each other resemble each other, so drawing frames would make intervals too
narrow. A clip is cut into ten stretches, and these are drawn (the block bootstrap of Carlstein,
1986); where there are several clips, clips are drawn first. A clip's first frame is no part of any
stretch and stays: every clip has one cold start, neither none nor three.
"""

from collections.abc import Hashable, Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

STRETCHES = 10
"""Of a clip. The frames of one are taken as one observation."""


def draws(units: Sequence[Hashable], resamples: int, seed: int) -> NDArray[np.float64] | None:
    """How often each of some samples is in each draw (resamples, samples).

    Args:
        units: what each sample is of: a photo, or the pair of a clip and a frame's number.
        resamples: how many draws.
        seed: of the draws. The same units and seed draw the same.

    Returns None where there are no two photos, or stretches, to draw from.
    """
    random = np.random.default_rng(seed)
    if not isinstance(next(iter(units), None), tuple):
        names = list(dict.fromkeys(units))
        if len(names) < 2:
            return None
        place = {name: index for index, name in enumerate(names)}
        fair = np.full(len(names), 1 / len(names))
        counts = random.multinomial(len(names), fair, size=resamples)
        return counts[:, [place[unit] for unit in units]].astype(np.float64)
    clips = _clips(units)
    if len(clips) < 2 and len(units) < 3:  # a first frame, and one stretch
        return None
    weights = np.empty((resamples, len(units)))
    fair = np.full(len(clips), 1 / len(clips))
    times = random.multinomial(len(clips), fair, resamples)  # a single clip: always once
    for often, clip in zip(times.T, clips, strict=True):
        weights[:, clip] = _draw(random, often, _stretch(len(clip)))
    return weights


def blocks(units: Sequence[Hashable]) -> list[Hashable]:
    """What each sample is drawn with: its photo, or the pair of its clip and stretch."""
    if not isinstance(next(iter(units), None), tuple):
        return list(units)
    found: list[Hashable] = [None] * len(units)
    for clip in _clips(units):
        for at, stretch in zip(clip, _stretch(len(clip)), strict=True):
            found[at] = (units[at][0], max(int(stretch), 0))  # type: ignore[index]
    return found


def _clips(units: Sequence[Hashable]) -> list[list[int]]:
    """Of each clip, where its frames stand among the samples, in their order."""
    order = sorted(range(len(units)), key=lambda at: units[at])  # type: ignore[arg-type, return-value]
    return [list(clip) for _, clip in groupby(order, key=lambda at: units[at][0])]  # type: ignore[index]


def _stretch(frames: int) -> NDArray[np.intp]:
    """The stretch of each frame of a clip, from 0; -1 for the first, which is in none."""
    rest = frames - 1
    places = np.arange(rest) * min(STRETCHES, rest) // max(rest, 1)
    return np.concatenate(([-1], places)).astype(np.intp)


def _draw(
    random: np.random.Generator, times: NDArray[np.intp], stretch: NDArray[np.intp]
) -> NDArray[np.intp]:
    """How often each frame of a clip is in each draw, given how often the clip is."""
    count = int(stretch[-1]) + 1
    often = np.zeros((len(times), count + 1), np.intp)
    often[:, -1] = times  # which is where -1 points
    if count:
        often[:, :count] = random.multinomial(times * count, np.full(count, 1 / count))
    return often[:, stretch]
