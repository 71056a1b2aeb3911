"""What intervals over clips draw again: clips, and within each the stretches that it is made of.

Frames that follow each other resemble each other, so drawing frames would make intervals too
narrow. A clip is cut into ten stretches, and these are drawn (the block bootstrap of Carlstein,
1986); where there are several clips, clips are drawn first. A clip's first frame is no part of any
stretch and stays: every clip has one cold start, neither none nor three.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

STRETCHES = 10
"""Of a clip. The frames of one are taken as one observation."""


def stretches(frames: int) -> NDArray[np.intp]:
    """The stretch of each frame of a clip, from 0; -1 for the first, which is in none."""
    rest = frames - 1
    places = np.arange(rest) * min(STRETCHES, rest) // max(rest, 1)
    return np.concatenate(([-1], places)).astype(np.intp)


def drawn(clips: Sequence[int], resamples: int, seed: int) -> NDArray[np.float64]:
    """How often each frame is in each draw.

    Args:
        clips: the number of frames of each clip.
        resamples: how many draws.
        seed: of the draws. The same clips and seed draw the same.

    Returns:
        (resamples, frames of all clips). A draw has as many clips as there are.
    """
    random = np.random.default_rng(seed)
    fair = np.full(len(clips), 1 / len(clips))
    times = random.multinomial(len(clips), fair, resamples)  # a single clip: always once
    parts = []
    for clip, frames in enumerate(clips):
        place = stretches(frames)
        count = int(place[-1]) + 1
        often = np.zeros((resamples, count + 1), np.intp)
        often[:, -1] = times[:, clip]  # which is where -1 points
        if count:
            each = np.full(count, 1 / count)
            often[:, :count] = random.multinomial(times[:, clip] * count, each)
        parts.append(often[:, place])
    return np.concatenate(parts, axis=1).astype(np.float64)
