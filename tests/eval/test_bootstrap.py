import math

import numpy as np
import pytest

from splitwire.eval.bootstrap import bootstrap


def test_the_interval_of_a_mean_is_near_the_normal_one() -> None:
    values = np.random.default_rng(3).normal(5, 2, 400)
    low, high = bootstrap(list(values), range(400), resamples=4000)
    half = 1.96 * values.std() / 20
    assert low == pytest.approx(values.mean() - half, abs=0.03)
    assert high == pytest.approx(values.mean() + half, abs=0.03)


def test_photos_are_drawn_and_not_their_views() -> None:
    values = np.random.default_rng(4).normal(0, 1, 30)
    views = np.repeat(values, 10).tolist()
    alone = bootstrap(values.tolist(), range(30))
    assert bootstrap(views, np.repeat(range(30), 10).tolist()) == pytest.approx(alone)
    assert bootstrap(views, range(300))[1] < 0.6 * alone[1]  # as if each view were a photo


def test_photos_weigh_as_much_as_they_have_views() -> None:
    assert bootstrap([0.0, 1.0, 1.0, 1.0], ["a", "b", "b", "b"]) == (0.0, 1.0)
    sums = bootstrap([0.0, 0.0, 0.0, 0.0, 4.0], list("aaaab"), lambda v, w: w @ v / 5)
    assert sums == (0.0, 1.6)  # b drawn never, and twice


def test_it_is_reproducible() -> None:
    values, groups = np.random.default_rng(6).normal(0, 1, 20).tolist(), range(20)
    assert bootstrap(values, groups, seed=1) == bootstrap(values, groups, seed=1)
    assert bootstrap(values, groups, seed=1) != bootstrap(values, groups, seed=2)


def test_an_estimate_that_is_no_mean_is_that_of_each_resample() -> None:
    random = np.random.default_rng(5)
    pairs = [(hits, hits + more) for hits, more in random.integers(0, 20, (50, 2)).tolist()]

    def ratio(statistics, weights):
        hits, found = np.asarray(statistics, float).T
        return (weights @ hits) / (weights @ found)

    drawn = random.integers(0, 50, (4000, 50))  # the same by hand: lists of pictures, not weights
    by_hand = [
        sum(pairs[i][0] for i in picture) / sum(pairs[i][1] for i in picture) for picture in drawn
    ]
    found = bootstrap(pairs, range(50), ratio, resamples=4000)
    assert found == pytest.approx(np.percentile(by_hand, [2.5, 97.5]), abs=0.01)


def test_one_photo_says_nothing_of_others() -> None:
    assert all(math.isnan(end) for end in bootstrap([1.0, 2.0], ["a", "a"]))
