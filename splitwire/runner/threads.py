"""How many threads a process computes with."""

import numpy as np  # noqa: F401  (only a library that is loaded can be limited)
from threadpoolctl import threadpool_limits


def limit_threads(count: int) -> None:
    """Hold torch and NumPy's linear algebra to that many threads.

    More of them than idle cores wait for each other, which costs a small matrix more than it gains.
    """
    import torch

    torch.set_num_threads(count)
    limit_blas(count)


def limit_blas(count: int) -> None:
    """Hold NumPy's linear algebra alone to that many, where there is no torch."""
    threadpool_limits(count, user_api="blas")
