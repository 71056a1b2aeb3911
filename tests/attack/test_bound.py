"""The bound against networks whose Fisher information is known."""

import numpy as np
import pytest
import torch
from torch import nn

import splitwire as sw
from splitwire.attack.bound import least_error
from splitwire.models.load import assemble
from splitwire.models.preprocess import Preprocess

SIDE = 12


@pytest.fixture(scope="module")
def linear() -> sw.Split:
    """Blocks of 2×2 pixels, each by an orthonormal matrix times 3; then a head."""
    torch.manual_seed(0)
    first = nn.Conv2d(3, 12, 2, 2, bias=False)
    first.weight.data = 3 * torch.linalg.qr(torch.randn(12, 12)).Q.reshape(12, 3, 2, 2)
    network = nn.Sequential(first, nn.Flatten(), nn.Linear(12 * 36, 4))
    how = Preprocess(SIDE, SIDE, (0.0,) * 3, (1.0,) * 3, "bilinear")
    return sw.split(assemble("linear", network, how), "0")


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 255, (3, SIDE, SIDE)).astype(np.float32)


def test_it_is_the_error_of_the_best_estimator_of_an_orthogonal_network(
    linear: sw.Split, pixels: np.ndarray
) -> None:
    variance = np.full(12, 4.0, np.float32)
    # y = 3 Q x + n: the least-squares estimate errs by the noise's variance over 9, exactly.
    assert least_error(linear, pixels, variance) == pytest.approx(4 / 9, rel=1e-4)


def test_channels_of_different_noise_add_their_information(
    linear: sw.Split, pixels: np.ndarray
) -> None:
    variance = np.geomspace(0.1, 10, 12).astype(np.float32)
    known = 1 / np.mean(9 / variance)
    assert least_error(linear, pixels, variance, probes=400) == pytest.approx(known, rel=0.05)


def test_without_noise_it_promises_nothing_and_more_noise_promises_more(
    linear: sw.Split, pixels: np.ndarray
) -> None:
    assert least_error(linear, pixels, np.zeros(12, np.float32)) == 0
    small, large = (least_error(linear, pixels, np.full(12, v, np.float32)) for v in (1, 9))
    assert large == pytest.approx(9 * small)


def test_what_says_nothing_of_the_pixels_bounds_without_end(pixels: np.ndarray) -> None:
    first = nn.Conv2d(3, 2, 2, 2)
    nn.init.zeros_(first.weight)
    network = nn.Sequential(first, nn.Flatten(), nn.Linear(72, 4))
    how = Preprocess(SIDE, SIDE, (0.0,) * 3, (1.0,) * 3, "bilinear")
    cut = sw.split(assemble("deaf", network, how), "0")
    assert least_error(cut, pixels, np.ones(2, np.float32)) == float("inf")
