"""Any so many shares give the data back."""

from itertools import combinations

import numpy as np
import pytest

from splitwire.codecs.packets.erasure import recovered, shares


@pytest.mark.parametrize("count", range(1, 9))
def test_every_pattern_of_enough_shares_gives_the_data_back(count: int) -> None:
    random = np.random.default_rng(count)
    for needed in range(1, count + 1):
        data = random.integers(0, 256, (needed, 5)).astype(np.uint8)
        made = shares(data, count)
        assert np.array_equal(made[:needed], data)
        for places in combinations(range(count), needed):
            assert np.array_equal(recovered({p: made[p] for p in places}, needed, count), data)


@pytest.mark.parametrize(("needed", "count"), [(1, 256), (100, 256), (255, 256), (128, 200)])
def test_large_codes_too(needed: int, count: int) -> None:
    random = np.random.default_rng(0)
    data = random.integers(0, 256, (needed, 3)).astype(np.uint8)
    made = shares(data, count)
    for _ in range(3):
        places = random.permutation(count)[:needed]
        assert np.array_equal(recovered({int(p): made[p] for p in places}, needed, count), data)


def test_more_shares_than_needed_do_no_harm() -> None:
    data = np.arange(12, dtype=np.uint8).reshape(3, 4)
    made = shares(data, 6)
    assert np.array_equal(recovered(dict(enumerate(made)), 3, 6), data)


def test_too_few_shares_are_refused() -> None:
    made = shares(np.ones((3, 4), np.uint8), 6)
    with pytest.raises(ValueError, match="2 shares of 3"):
        recovered({0: made[0], 5: made[5]}, 3, 6)


@pytest.mark.parametrize(("needed", "count"), [(3, 2), (2, 257), (0, 2)])
def test_impossible_counts_are_refused(needed: int, count: int) -> None:
    with pytest.raises(ValueError, match="shares of"):
        shares(np.ones((needed, 4), np.uint8), count)
