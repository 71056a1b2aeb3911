"""That what a task draws labels by is what its divergence is of."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from splitwire.tasks.base import Task, tensors


def check_second_order(
    task: Task,
    output: Any,
    moved: Callable[[Any, float], Any],
    draws: int = 1500,
    within: float = 0.1,
) -> None:
    """KL(p, p + δ) is ½ δᵀFδ for a small δ, with F the mean outer product of drawn gradients.

    Args:
        task: to check.
        output: of it, of tensors that a gradient can be taken of.
        moved: the output moved along a fixed direction, so far.
        draws: of labels.
        within: relative error of a mean over so many draws.
    """
    flat = [part.requires_grad_() for part in tensors(output)]
    far = 1e-3
    direction = [
        (a.detach() - b.detach()).double() / far
        for a, b in zip(tensors(moved(output, far)), flat, strict=True)
    ]
    random = np.random.default_rng(0)
    slopes = []
    for _ in range(draws):
        found = torch.autograd.grad(task.log_likelihood(output, random), flat, allow_unused=True)
        parts = zip(found, direction, strict=True)
        slopes.append(sum(float((g.double() * d).sum()) for g, d in parts if g is not None))
    expected = 0.5 * far**2 * np.mean(np.square(slopes))
    measured = task.divergence(output, moved(output, far))
    assert measured > 0
    np.testing.assert_allclose(measured, expected, rtol=within)
    assert abs(np.mean(slopes)) < 4 * np.std(slopes) / np.sqrt(draws)
