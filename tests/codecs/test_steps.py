"""The step sizes of `ftc`, what its contexts start from, and the prices of what it writes."""

import numpy as np
import pytest
from streams import features

from splitwire.codecs.ftc.contexts import _Count, rates_of
from splitwire.codecs.ftc.steps import CLASSES, TARGET, level, step_of
from splitwire.kernels.coefficient_arguments import PLACES


def test_eight_levels_are_an_octave() -> None:
    levels = range(-20, 21)
    assert [step_of(n) for n in levels] == pytest.approx([2 ** (n / 8) for n in levels], rel=1e-15)


@pytest.mark.parametrize("size", [1e-3, 0.02, 1.0, 30.0])
def test_the_level_is_the_coarsest_that_costs_less_than_the_target(size: float) -> None:
    spectra = size * np.stack([features(3, 4, 5, seed=i) for i in range(4)]).astype(np.float64)

    def cost(step: float) -> float:
        wrong = spectra - step * np.rint(spectra / step)
        return 0.5 * float((wrong**2).sum()) / len(spectra)

    found = level(spectra)
    if 0.5 * float((spectra**2).sum()) / len(spectra) < TARGET:
        assert found == 1023  # the coarsest of all
    else:
        assert cost(step_of(found)) < TARGET <= cost(step_of(found + 1))


def test_a_magnitude_costs_a_bin_for_each_step_to_it_and_a_sign() -> None:
    half = np.full((1, 1, 2, PLACES), 32768, np.uint16)
    sizes = np.arange(PLACES + 1)
    # Bins of a bit each: those passed, the one that ends it, which the last lacks, and the sign.
    bits = sizes + (sizes < PLACES) + (sizes > 0)
    np.testing.assert_array_equal(rates_of(half), np.tile(bits, (1, 2, 1)))
    rare = np.full((1, 1, 2, PLACES), 64, np.uint16)  # one in 1024
    assert rates_of(rare)[0, 0, 1] == pytest.approx(1 + 10 - np.log2(1 - 1 / 1024))


def test_a_context_starts_from_what_it_met_and_four_bins_of_its_class() -> None:
    count = _Count(np.zeros(CLASSES, np.uint16))
    count.sizes[0, 1] = 1  # one magnitude of 1, in the first context
    states, seen = count.states()
    # Its class did what it did, with half a bin more of either kind.
    shares = np.full(states.shape, 0.5)
    shares[0, :, 0, :2] = 0.75, 0.25
    shares[0, 0, 0, :2] = (1 + 4 * 0.75) / 5, (0 + 4 * 0.25) / 5
    np.testing.assert_array_equal(states, np.rint(65536 * shares))
    assert seen[0, 0, 0].tolist() == [1, 1, *[0] * (PLACES - 2)]
