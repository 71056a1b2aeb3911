"""Concealment of the literature: what a receiver makes of the numbers that did not arrive.

All take a tensor less what it is on average, with zeros where nothing is known, and leave
what arrived as it is. What a method cannot tell stays at that average.

    mean      nothing else
    nearest   the nearest row of the same channel that arrived, as in DFTS (H. Unnibhavi, H. Choi,
              S. R. Alvar, I. V. Bajić, 2018)
    caltec    a line through the most correlated channel: A. Dhondea, R. A. Cohen, I. V. Bajić,
              "CALTeC", arXiv:2106.05531
    silrtc, halrtc    low-rank tensors; see completion.py
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from splitwire.codecs.packets.completion import halrtc, silrtc

Planes = NDArray[np.float32]
Known = NDArray[np.bool_]
Concealment = Callable[[Planes, Known], Planes]


def mean(planes: Planes, known: Known) -> Planes:
    """What is on average."""
    return planes


def nearest(planes: Planes, known: Known) -> Planes:
    """Each lost row (a row is lost whole) as the nearest one of its channel, of two the upper."""
    made = planes.copy()
    rows = np.arange(planes.shape[1])
    for channel, there in enumerate(_whole(known)):
        have = rows[there]
        if len(have):
            source = have[np.abs(have - rows[:, None]).argmin(1)]
            made[channel] = planes[channel, source]
    return made


def caltec(planes: Planes, known: Known) -> Planes:
    """Each lost stretch of rows from the channel that goes with its own on the nearest stretch.

    The stretches of a channel are those that packets hold. With the nearest one that arrived in
    this channel, y, and the same rows of every channel that has both, that with the largest
    correlation is taken, x; what is lost is a x' + b, where a x + b fits y best.
    """
    made, there = planes.copy(), _whole(known)
    for channel, start, end in _stretches(there, lost=True):
        near = _nearest_stretch(there[channel], start, end)
        if near is None:
            continue
        usable = there[:, start:end].all(1) & there[:, near[0] : near[1]].all(1)
        if not usable.any():
            continue
        others = np.flatnonzero(usable)
        around = planes[:, near[0] : near[1]].reshape(len(planes), -1).astype(np.float64)
        y, x = around[channel], around[others]
        y, x = y - y.mean(), x - x.mean(1, keepdims=True)
        power = np.maximum((x * x).sum(1), 1e-12)
        best = int(np.argmax((x @ y) / np.sqrt(power)))
        slope = (x[best] @ y) / power[best]
        offset = around[channel].mean() - slope * around[others[best]].mean()
        made[channel, start:end] = slope * planes[others[best], start:end] + offset
    return made


def _whole(known: Known) -> Known:
    """Which rows of each channel arrived, (C, H): a row arrives whole or not at all."""
    return np.asarray(known.all(2))


def _stretches(there: Known, lost: bool) -> list[tuple[int, int, int]]:
    """Runs of rows of a kind, (channel, start, end)."""
    found = []
    for channel, row in enumerate(there != lost):
        edges = np.flatnonzero(np.diff(np.concatenate(([False], row, [False]))))
        found += [(channel, int(a), int(b)) for a, b in edges.reshape(-1, 2)]
    return found


def _nearest_stretch(there: Known, start: int, end: int) -> tuple[int, int] | None:
    """The rows that arrived beside a lost run, as many at most; above it, or else below."""
    length = end - start
    above = start
    while above > 0 and there[above - 1] and start - above < length:
        above -= 1
    if above < start:
        return above, start
    below = end
    while below < len(there) and there[below] and below - end < length:
        below += 1
    return (end, below) if below > end else None


CONCEALMENTS: Mapping[str, Concealment] = {
    "mean": mean,
    "nearest": nearest,
    "caltec": caltec,
    "silrtc": silrtc,
    "halrtc": halrtc,
}
