"""Layers are protected as well as any protection does, where all can be tried."""

from itertools import combinations_with_replacement

import numpy as np
import pytest

from splitwire.codecs.packets.loss import GilbertElliott, Independent
from splitwire.codecs.packets.protection import allocate, share, taken

SIZES, LEFT = (60, 90, 120), (5.0, 0.6, 0.1, 0.01)


def best(arrivals: np.ndarray, room: int) -> float:
    """The least expected divergence of all allocations."""
    count, found = len(arrivals) - 1, [LEFT[0]]
    reached = arrivals[::-1].cumsum()[::-1]
    for sent in range(1, len(SIZES) + 1):
        for needed in combinations_with_replacement(range(1, count + 1), sent):
            if sum(map(taken, SIZES, needed)) <= room:
                gains = -np.diff(LEFT)[:sent] @ reached[list(needed)]
                found.append(LEFT[0] - gains)
    return min(found)


@pytest.mark.parametrize("room", [40, 60, 90, 150])
@pytest.mark.parametrize("model", [Independent(0.05), GilbertElliott(0.2, 4)], ids=str)
def test_no_other_protection_is_much_better(model: GilbertElliott, room: int) -> None:
    arrivals = model.arrivals(8)
    found = allocate(SIZES, LEFT, arrivals, room)
    assert sum(map(taken, SIZES, found.needed)) <= room
    assert list(found.needed) == sorted(found.needed)
    assert found.expected <= 1.3 * best(arrivals, room)


def test_where_nothing_is_lost_nothing_is_protected() -> None:
    arrivals = GilbertElliott(0.0, 1.0).arrivals(8)
    sizes = [8 * 20] * 3
    room = sum(taken(size, 8) for size in sizes)
    assert allocate(sizes, LEFT, arrivals, room).needed == (8, 8, 8)


def test_worse_networks_get_more_protection() -> None:
    kinds = [Independent(loss).arrivals(20) for loss in (0.01, 0.1, 0.4)]
    sent = [allocate(SIZES, LEFT, arrivals, 30).needed for arrivals in kinds]
    assert sent[0][0] >= sent[1][0] > sent[2][0]
    assert len(sent[2]) < len(sent[0])


def test_what_does_not_fit_is_not_sent() -> None:
    assert allocate((1000, 1000), (5.0, 1.0, 0.1), Independent(0.1).arrivals(4), 40).needed == ()


def test_shares_make_up_the_layer() -> None:
    assert (share(10, 3), share(9, 3), taken(10, 3), taken(1280, 10)) == (4, 3, 6, 131)
