import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from splitwire.eval import metrics

logits = arrays(np.float32, (3, 7), elements=st.floats(-1e3, 1e3, width=32))


@given(logits, logits)
def test_divergence_is_torchs(p: np.ndarray, q: np.ndarray) -> None:
    ours = metrics.divergence(p, q)
    log_p, log_q = (torch.log_softmax(torch.from_numpy(x).double(), -1) for x in (p, q))
    theirs = torch.nn.functional.kl_div(log_q, log_p, log_target=True, reduction="none").sum(-1)
    np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-9, atol=1e-12)
    assert (ours >= 0).all()


@given(logits, st.floats(-100, 100))
def test_divergence_ignores_what_softmax_ignores(p: np.ndarray, shift: float) -> None:
    far = metrics.divergence(p.astype(np.float64), p.astype(np.float64) + shift)
    np.testing.assert_allclose(far, 0, atol=1e-9)


def test_divergence_at_the_ends() -> None:
    certain = [0.0, -math.inf]
    assert metrics.divergence(certain, [0.0, 0.0]) == pytest.approx(math.log(2))
    assert metrics.divergence(certain, certain) == 0
    assert metrics.divergence([0.0, 0.0], certain) == math.inf
    assert math.isnan(metrics.divergence([0.0, 0.0], [0.0, math.nan]))
    assert metrics.divergence([1e5, 0.0], [0.0, 1e5]) == pytest.approx(1e5)


def test_top_k_orders_and_breaks_ties_by_class() -> None:
    assert metrics.top_k([1.0, 3.0, 3.0, 2.0], 3).tolist() == [1, 2, 3]
    assert metrics.top_k(np.zeros((2, 3)), 5).tolist() == [[0, 1, 2]] * 2


def test_accuracy_and_agreement() -> None:
    predictions = [[1, 2, 3], [4, 5, 6], [7, 8, 9], [1, 0, 2]]
    assert metrics.accuracy([1, 5, 0, 0], predictions) == 0.25
    assert metrics.accuracy([1, 5, 0, 0], predictions, k=2) == 0.75
    assert metrics.agreement([[1], [4], [8], [0]], predictions) == 0.5


def test_bootstrap_of_a_mean_is_near_the_normal_interval() -> None:
    values = np.random.default_rng(3).normal(5, 2, 400)
    low, high = metrics.bootstrap(values, range(400), resamples=4000)
    half = 1.96 * values.std() / 20
    assert low == pytest.approx(values.mean() - half, abs=0.03)
    assert high == pytest.approx(values.mean() + half, abs=0.03)


def test_bootstrap_resamples_photos_and_not_views() -> None:
    values = np.random.default_rng(4).normal(0, 1, 30)
    alone = metrics.bootstrap(values, range(30))
    repeated = metrics.bootstrap(np.repeat(values, 10), np.repeat(range(30), 10).tolist())
    assert repeated == pytest.approx(alone)
    assert metrics.bootstrap(np.repeat(values, 10), range(300))[1] < 0.6 * alone[1]


def test_bootstrap_weighs_photos_by_their_views() -> None:
    low, high = metrics.bootstrap([0.0, 1.0, 1.0, 1.0], ["a", "b", "b", "b"])
    assert (low, high) == (0.0, 1.0)


def test_bootstrap_is_reproducible_and_takes_other_statistics() -> None:
    values, groups = [1.0, 5.0, 2.0, 9.0], ["a", "b", "c", "d"]
    assert metrics.bootstrap(values, groups, seed=1) == metrics.bootstrap(values, groups, seed=1)
    total = metrics.bootstrap(values, groups, lambda v, w: w @ v, seed=1)
    assert total[1] == pytest.approx(4 * metrics.bootstrap(values, groups, seed=1)[1])


def test_one_photo_says_nothing_of_others() -> None:
    assert all(math.isnan(end) for end in metrics.bootstrap([1.0, 2.0], ["a", "a"]))
