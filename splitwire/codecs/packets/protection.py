"""How well each layer of a progressive stream is protected: priority encoding transmission.

Of n equal packets, layer l is shared out so that any k_l of them give it back, with
k_1 ≤ k_2 ≤ …: whatever arrives, it is a prefix (A. Albanese et al., "Priority encoding
transmission", 1996; as multiple descriptions: R. Puri and K. Ramchandran, 1999). The layers of
size s_l are given the k_l that lose least on average,

    min Σ_j P(the first j layers arrive) D_j    with    Σ_l ⌈s_l / k_l⌉ ≤ the bytes of a packet,

by a Lagrangian: each layer by itself weighs what it takes off the divergence, times the chance
that k packets arrive, against its share of a packet (cf. A. E. Mohr, E. A. Riskin, R. E. Ladner,
"Unequal loss protection", 2000).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_PRICES = (1e-12, 1e6)  # of a byte, in nats
_HALVINGS = 40  # of their distance


@dataclass(frozen=True)
class Allocation:
    """What is sent of each layer.

    Attributes:
        needed: packets that give each layer back, of those that are sent.
        expected: the divergence that is left on average.
    """

    needed: tuple[int, ...]
    expected: float


def share(size: int, needed: int) -> int:
    """Bytes of a layer in each packet, without what says so."""
    return -(-size // needed)


def taken(size: int, needed: int) -> int:
    """The same with what says so: how many packets are needed, and how long the share is."""
    length = share(size, needed)
    return length + 2 + (length >= 128)


def allocate(
    sizes: Sequence[int], left: Sequence[float], arrivals: Floats, room: int
) -> Allocation:
    """The best protection of layers.

    Args:
        sizes: bytes of each layer.
        left: the divergence once 0, 1, ... layers are there; one more than there are layers.
        arrivals: the probability that 0, 1, ... packets arrive.
        room: bytes of a packet for shares and what says of them.
    """
    reached = arrivals[::-1].cumsum()[::-1]  # of so many packets or more
    gains = -np.diff(np.asarray(left, np.float64))
    parts = _parts(sizes, len(arrivals) - 1)

    def at(price: float) -> list[int]:
        return _chosen(price, parts, gains, reached)

    def fits(needed: Sequence[int]) -> bool:
        return sum(int(part[k - 1]) for part, k in zip(parts, needed, strict=False)) <= room

    def left_with(needed: Sequence[int]) -> float:
        return float(left[0] - gains[: len(needed)] @ reached[list(needed)])

    low, high = _PRICES
    for _ in range(_HALVINGS):
        middle = float(np.sqrt(low * high))
        low, high = (low, middle) if fits(at(middle)) else (middle, high)
    needed = at(high)
    while better := [more for more in _safer(needed) if fits(more)]:  # what room is left
        needed = min(better, key=left_with)
    return Allocation(tuple(needed), left_with(needed))


def worthwhile(
    price: float, sizes: Sequence[int], left: Sequence[float], arrivals: Floats
) -> tuple[int, ...]:
    """The packets that give each layer back where a byte has a price, and there is room for all.

    Args:
        price: of a byte of all packets together, in nats.
        sizes: as of `allocate`.
        left: likewise.
        arrivals: likewise.
    """
    count = len(arrivals) - 1
    reached = arrivals[::-1].cumsum()[::-1]
    gains = -np.diff(np.asarray(left, np.float64))
    return tuple(_chosen(price * count, _parts(sizes, count), gains, reached))


def _parts(sizes: Sequence[int], count: int) -> list[NDArray[np.intp]]:
    """The bytes of a packet that each layer takes where 1, 2, ... packets give it back."""
    return [np.array([taken(size, k) for k in range(1, count + 1)]) for size in sizes]


def _chosen(
    price: float, parts: list[NDArray[np.intp]], gains: Floats, reached: Floats
) -> list[int]:
    """What each layer, after those before it, needs for the most worth at a price."""
    chosen, least = [], 1
    for gain, part in zip(gains, parts, strict=True):
        worth = (gain * reached[1:] - price * part)[least - 1 :]
        if worth.max() <= 0:
            break
        least += int(worth.argmax())
        chosen.append(least)
    return chosen


def _safer(needed: list[int]) -> Iterator[list[int]]:
    """The same with one of the layers a step better protected, and none better than one before."""
    for layer, (before, now) in enumerate(zip([1, *needed], needed, strict=False)):
        if now > before:
            yield [*needed[:layer], now - 1, *needed[layer + 1 :]]
