"""The plain Python twin of the trellis quantiser: the same indices, in float64.

What each function takes, gives and raises is told by the docstring of its compiled twin.
"""

import numpy as np
import numpy.typing as npt

from splitwire.kernels import coefficient_arguments as arguments
from splitwire.kernels.arguments import Codes
from splitwire.kernels.coefficient_arguments import LIMIT, PLACES, TRELLIS
from splitwire.kernels.entropy_arguments import States

Branch = tuple[float, int]


def trellis_quantize(
    z: npt.ArrayLike, contexts: States, rates: npt.ArrayLike, tradeoff: float
) -> npt.NDArray[np.int16]:
    """The indices that cost least, in squared error and `tradeoff` times bits."""
    values, which, bits = arguments.trellis(z, contexts, rates)
    flat, prices = values.ravel().tolist(), bits.tolist()
    costs = [0.0] + [1e300] * (len(TRELLIS) - 1)
    origins, branches = [], []
    for x, context in zip(flat, which.ravel().tolist(), strict=True):
        size = min(abs(x), LIMIT) if x == x else 0
        branch = [_explore(size, second, prices[context][second], tradeoff) for second in (0, 1)]
        costs, origin = _step(costs, branch)
        origins.append(origin)
        branches.append(branch)
    return _way_back(costs.index(min(costs)), flat, origins, branches).reshape(values.shape)


def trellis_quantizers(q: npt.ArrayLike) -> Codes:
    """Which quantiser each index belongs to."""
    values = arguments.indices(q)
    second, state = np.empty(values.size, np.uint8), 0
    for i, value in enumerate(values.ravel().tolist()):
        second[i] = state % 2
        state = TRELLIS[state][value % 2]
    return second.reshape(values.shape)


def _explore(x: float, second: int, prices: list[float], tradeoff: float) -> list[Branch]:
    """For each parity the cheapest of zero and the indices below and above x."""
    below, best = int((x + second) / 2), [(1e300, 0), (1e300, 0)]
    for size in (below, below + 1, 0):
        error = x - (2 * size - second if size else 0)
        cost = error * error + tradeoff * _price(prices, size)
        if cost < best[size % 2][0]:
            best[size % 2] = (cost, size)
    return best


def _price(prices: list[float], size: int) -> float:
    if size < PLACES:
        return prices[size]
    return prices[PLACES] + (2 * (size - PLACES + 1).bit_length() - 1)


def _step(costs: list[float], branch: list[list[Branch]]) -> tuple[list[float], list[int]]:
    """Each state keeps the cheaper of the two ways that lead to it."""
    reached, origin = [1e300] * len(TRELLIS), [0] * len(TRELLIS)
    for state, cost in enumerate(costs):
        for parity, then in enumerate(TRELLIS[state]):
            total = cost + branch[state % 2][parity][0]
            if total < reached[then]:
                reached[then], origin[then] = total, 2 * state + parity
    return reached, origin


def _way_back(
    state: int, flat: list[float], origins: list[list[int]], branches: list[list[list[Branch]]]
) -> npt.NDArray[np.int16]:
    q = np.empty(len(flat), np.int16)
    for i in range(len(flat) - 1, -1, -1):
        state, parity = divmod(origins[i][state], 2)
        size = branches[i][state % 2][parity][1]
        q[i] = -size if flat[i] < 0 else size
    return q
