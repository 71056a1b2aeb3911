"""The quantiser of `ecsq`: its twins agree to the bit, and on what they refuse."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from splitwire import kernels
from splitwire.kernels import reference
from splitwire.kernels.reference_maths import log2


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1), st.integers(1, 3000), st.integers(2, 64), st.floats(0, 10),
    st.sampled_from([0.1, 1, 20]),
)  # fmt: skip
def test_twins_agree(seed: int, size: int, levels: int, tradeoff: float, spread: float) -> None:
    y = np.random.default_rng(seed).laplace(0.4, spread, size).clip(0, 1)
    ours, theirs = (k.ecsq_quantize(y, levels, tradeoff) for k in (kernels, reference))
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one, other)
        assert one.dtype == other.dtype


def test_the_logarithm() -> None:
    numbers = [2.0**-40, 0.1, 0.5, np.sqrt(0.5), 1 - 2**-16, 1.0, np.sqrt(2), 1.5, 3.0, 2.0**40]
    found = [log2(float(x)) for x in numbers]
    np.testing.assert_allclose(found, np.log2(numbers), rtol=4e-16, atol=1e-16)


@pytest.mark.parametrize("twin", [kernels, reference])
@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"y": np.zeros(3, np.float32)}, TypeError),
        ({"y": np.zeros(0)}, ValueError),
        ({"y": np.array([0.5, 1.1])}, ValueError),
        ({"y": np.array([0.5, np.nan])}, ValueError),
        ({"levels": 1}, ValueError),
        ({"levels": 65}, ValueError),
        ({"tradeoff": -0.1}, ValueError),
        ({"tradeoff": np.inf}, ValueError),
    ],
)
def test_refusals(twin: object, change: dict[str, object], error: type[Exception]) -> None:
    given = {"y": np.linspace(0, 1, 9), "levels": 4, "tradeoff": 0.25}
    with pytest.raises(error):
        twin.ecsq_quantize(**(given | change))  # type: ignore[attr-defined]
