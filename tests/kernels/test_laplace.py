"""The clip range of a Laplace model: its twins agree to the bit, and on what they refuse."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from splitwire import kernels
from splitwire.kernels import reference

quick = settings(max_examples=100, deadline=None)


def agree(x: np.ndarray, levels: int) -> None:
    with np.errstate(all="ignore"):
        ours, theirs = (k.laplace_range(x, levels) for k in (kernels, reference))
    assert ours == theirs


@quick
@given(st.integers(0, 2**32 - 1), st.integers(1, 3000), st.integers(2, 256), st.booleans())
def test_twins_agree(seed: int, size: int, levels: int, rectified: bool) -> None:
    rng = np.random.default_rng(seed)
    x = (rng.laplace(0.1, 1, size) * 10.0 ** rng.integers(-30, 30)).astype(np.float32)
    agree(np.maximum(x, 0) if rectified else x, levels)


@quick
@given(hnp.arrays(np.float32, st.integers(1, 40), elements=st.floats(width=32)))
def test_twins_agree_on_any_numbers(x: np.ndarray) -> None:
    if np.isfinite(x).any():
        agree(x, 8)


@pytest.mark.parametrize("twin", [kernels, reference])
@pytest.mark.parametrize(
    ("x", "levels", "error"),
    [
        (np.zeros(3), 4, TypeError),
        (np.zeros(0, np.float32), 4, ValueError),
        (np.array([np.nan, np.inf], np.float32), 4, ValueError),
        (np.ones(3, np.float32), 1, ValueError),
        (np.ones(3, np.float32), 257, ValueError),
    ],
)
def test_refusals(twin: object, x: np.ndarray, levels: int, error: type[Exception]) -> None:
    with pytest.raises(error):
        twin.laplace_range(x, levels)  # type: ignore[attr-defined]
