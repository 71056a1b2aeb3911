"""The time that the edge half takes on this machine."""

from statistics import median
from time import perf_counter_ns

import torch

from splitwire.models.split import Split

WARM_UP = 3


def edge_seconds(split: Split, repeats: int = 20) -> float:
    """Median wall time, in seconds, of `repeats` runs of the edge half on one picture.

    The first runs allocate memory and choose kernels, so some are made before the clock starts.
    """
    x = torch.zeros(split.model.input_shape)
    times = []
    with torch.inference_mode():
        for _ in range(WARM_UP):
            split.edge(x)
        for _ in range(repeats):
            start = perf_counter_ns()
            split.edge(x)
            times.append(perf_counter_ns() - start)
    return median(times) / 1e9
