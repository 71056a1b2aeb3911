"""How many threads a process computes with."""

import numpy as np  # noqa: F401  (only a library that is loaded can be limited)
import torch
from threadpoolctl import threadpool_limits


def limit_threads(count: int) -> None:
    """Hold torch and NumPy's linear algebra to that many threads.

    More of them than idle cores wait for each other, which costs a small matrix more than it gains.
    """
    torch.set_num_threads(count)
    threadpool_limits(count, user_api="blas")
