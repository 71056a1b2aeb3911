"""Each concealment beside a plain one, number by number."""

import numpy as np
import pytest

from splitwire.codecs.packets.completion import ROUNDS, halrtc, silrtc
from splitwire.codecs.packets.conceal import CONCEALMENTS, caltec, nearest

SHAPE = (12, 8, 6)


def features(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Whole planes of low rank, those with zeros where they are lost, and where they are known."""
    random = np.random.default_rng(seed)
    parts = [random.normal(size=(size, 2)) for size in SHAPE]
    whole = np.einsum("cr,hr,wr->chw", *parts).astype(np.float32)
    known = np.repeat(random.random((12, 2)) > 0.3, 4, axis=1)[:, :, None] & np.ones(SHAPE, bool)
    return whole, np.where(known, whole, np.float32(0)), known


@pytest.mark.parametrize("name", CONCEALMENTS)
def test_what_arrived_stays(name: str) -> None:
    _, planes, known = features(0)
    kept = planes.copy()
    made = CONCEALMENTS[name](planes, known)
    assert made.dtype == np.float32
    assert np.array_equal(made[known], kept[known])
    assert np.array_equal(planes, kept)


@pytest.mark.parametrize("name", CONCEALMENTS)
@pytest.mark.parametrize("all_", [True, False])
def test_nothing_and_all_arrived(name: str, all_: bool) -> None:
    whole, _, _ = features(1)
    known = np.full(SHAPE, all_)
    made = CONCEALMENTS[name](np.where(known, whole, np.float32(0)), known)
    assert np.array_equal(made, whole if all_ else np.zeros(SHAPE))


def test_nearest_row_by_row() -> None:
    _, planes, known = features(2)
    known[0] = np.array([0, 0, 1, 0, 0, 1, 0, 0], bool)[:, None]
    made = nearest(planes, known)
    assert np.array_equal(made[0], planes[0, [2, 2, 2, 2, 5, 5, 5, 5]])
    for channel in range(1, 12):
        have = np.flatnonzero(known[channel, :, 0])
        for row in range(8) if len(have) else ():
            assert np.array_equal(
                made[channel, row], planes[channel, min(have, key=lambda at: abs(at - row))]
            )


@pytest.mark.parametrize("seed", range(5))
def test_caltec_channel_by_channel(seed: int) -> None:
    _, planes, known = features(seed)
    made, there = caltec(planes, known), known[:, :, 0].reshape(12, 2, 4).all(2)
    halves = planes.reshape(12, 2, -1).astype(np.float64)
    for channel in range(12):
        for lost, other in ((0, 1), (1, 0)):
            if there[channel, lost] or not there[channel, other]:
                continue
            able = [c for c in range(12) if there[c].all()]
            if not able:
                continue
            y = halves[channel, other]
            best = max(able, key=lambda c: np.corrcoef(halves[c, other], y)[0, 1])
            slope, offset = np.polyfit(halves[best, other], y, 1)
            expected = slope * halves[best, lost] + offset
            got = made[channel, 4 * lost : 4 * lost + 4].ravel()
            assert np.allclose(got, expected, atol=1e-4)


def shrunk(matrix: np.ndarray, threshold: float) -> np.ndarray:
    u, s, v = np.linalg.svd(matrix, full_matrices=False)
    return (u * np.maximum(s - threshold, 0)) @ v


def folds(x: np.ndarray, threshold: float) -> list[np.ndarray]:
    """Each unfolding of (C, H, W) shrunk, by a plain decomposition."""
    made = []
    for axis in range(3):
        order = (axis, *(n for n in range(3) if n != axis))
        turned = x.transpose(order)
        small = shrunk(turned.reshape(len(turned), -1), threshold).reshape(turned.shape)
        made.append(small.transpose(np.argsort(order)))
    return made


def largest(x: np.ndarray) -> float:
    return max(np.linalg.norm(np.moveaxis(x, n, 0).reshape(x.shape[n], -1), 2) for n in range(3))


def test_silrtc_by_plain_decompositions() -> None:
    _, planes, known = features(3)
    x = planes.astype(np.float64)
    threshold = 0.05 * largest(x)
    for _ in range(ROUNDS):
        x = np.where(known, planes, sum(folds(x, threshold)) / 3)
    assert np.allclose(silrtc(planes, known), x, atol=1e-4)


@pytest.mark.parametrize("complete", [silrtc, halrtc])
def test_completion_finds_a_tensor_of_low_rank(complete) -> None:
    random = np.random.default_rng(4)
    whole = np.einsum("c,h,w->chw", *(random.normal(size=n) for n in (16, 14, 14)))
    whole = whole.astype(np.float32)
    known = random.random((16, 14)) > 0.2
    known = known[:, :, None] & np.ones(whole.shape, bool)
    made = complete(np.where(known, whole, np.float32(0)), known)
    lost = whole[~known]
    assert ((made[~known] - lost) ** 2).mean() < 0.1 * (lost**2).mean()
