"""What calibration counts tensor by tensor is what it would find with all of them at hand."""

import numpy as np
import pytest
from streams import features

import splitwire as sw
from splitwire.codecs.ftc.moments import Moments
from splitwire.codecs.ftc.sensitivity import learn_from
from splitwire.codecs.ftc.transform import frequency_bands, mixed, octaves, spectrum

SHAPE = (4, 6, 9)
FEATURES = [features(*SHAPE, seed=i) + 100 for i in range(9)]
SLOPES = [features(*SHAPE, seed=50 + i) for i in range(14)]


def counted(most: int = 1 << 27) -> Moments:
    moments = Moments(most)
    for x in FEATURES:
        moments.add(x)
    for slopes in SLOPES:
        moments.add_gradient(slopes)
    return moments


def test_moments_are_those_of_all_tensors_together() -> None:
    moments = counted()
    x = np.stack(FEATURES).astype(np.float64)
    np.testing.assert_allclose(moments.mean, x.mean((0, 2, 3)), rtol=1e-12)
    centred = spectrum(x - moments.mean[:, None, None])
    slopes = spectrum(np.stack(SLOPES).astype(np.float64))
    for (sums, counts), tensors, kinds in (
        (moments.covariances(), centred, octaves(*SHAPE[1:])),
        (moments.metrics(), slopes, frequency_bands(*SHAPE[1:])),
    ):
        assert len(sums) == kinds.max() + 1
        for kind, (total, count) in enumerate(zip(sums, counts, strict=True)):
            vectors = tensors[..., kinds == kind].transpose(1, 0, 2).reshape(SHAPE[0], -1)
            assert count == vectors.shape[1]
            np.testing.assert_allclose(total, vectors @ vectors.T, rtol=1e-9, atol=1e-9)


def test_a_unit_error_of_any_weighted_coefficient_costs_as_much() -> None:
    """The definition of the weights, with all gradients at hand: half of them from each's own."""
    learnt = learn_from(counted())
    slopes = mixed(
        learnt.backward.transpose(0, 2, 1),
        spectrum(np.stack(SLOPES) * np.float64(1)),
        octaves(*SHAPE[1:]),
    )
    for band in range(learnt.weights.shape[1]):
        power = (slopes[..., learnt.bands == band] ** 2).mean((0, 2))
        expected = np.sqrt(0.5 * power + 0.5 * power.mean() + 1e-3)
        np.testing.assert_allclose(learnt.weights[:, band], expected, rtol=1e-9)


def test_spectra_are_those_of_the_features() -> None:
    learnt = learn_from(counted())
    centred = np.stack(FEATURES) - learnt.mean[:, None, None]
    whole = (
        mixed(learnt.forward, spectrum(centred), octaves(*SHAPE[1:]))
        * learnt.weights[:, learnt.bands]
    )
    np.testing.assert_allclose(learnt.spectra, whole, rtol=1e-6, atol=1e-6 * abs(whole).max())


def test_gradients_of_another_size_scale_what_was_learnt() -> None:
    twice = Moments()
    for x in FEATURES:
        twice.add(x)
    for slopes in SLOPES:
        twice.add_gradient(2 * slopes)
    one, other = learn_from(counted()).scaled(2), learn_from(twice)
    for name in ("forward", "backward", "weights", "spectra"):
        a, b = getattr(one, name), getattr(other, name)
        np.testing.assert_allclose(np.abs(a), np.abs(b), rtol=1e-5, atol=1e-5 * abs(b).max())


def test_what_is_kept_is_bounded_and_evenly_spread() -> None:
    most = 4 * FEATURES[0].size
    moments = counted(most)
    places = [i for i, x in enumerate(FEATURES) for y in moments.kept if np.array_equal(x, y)]
    assert places == [0, 4, 8]
    np.testing.assert_array_equal(moments.mean, counted().mean)
    assert len(learn_from(moments).spectra) == 3


def test_nothing_learnt_from_nothing() -> None:
    with pytest.raises(sw.CodecError, match="one or more tensors"):
        learn_from(Moments())


def test_what_comes_tensor_by_tensor_makes_the_same_profile() -> None:
    learner = sw.codec("ftc").learner()
    for i, x in enumerate(FEATURES):
        learner.add(x, SLOPES[i : i + 1] if i < 8 else SLOPES[8:])
    made, together = learner.made(), sw.codec("ftc").calibrate(FEATURES, SLOPES)
    assert made.profile == together.profile
    assert learner.made(1.5).profile != made.profile
