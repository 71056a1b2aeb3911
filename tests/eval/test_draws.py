"""What intervals draw again."""

import math

import numpy as np
import pytest

from splitwire.eval.bootstrap import bootstrap
from splitwire.eval.draws import STRETCHES, blocks, draws


def clip(name: str, frames: int) -> list[tuple[str, int]]:
    return [(name, number) for number in range(1, frames + 1)]


def test_a_draw_of_one_clip_has_its_first_frame_once_and_whole_stretches() -> None:
    weights = draws(clip("a", 41), 200, seed=0)
    assert weights is not None
    assert (weights[:, 0] == 1).all()
    stretches = weights[:, 1:].reshape(200, STRETCHES, 4)
    assert (stretches == stretches[:, :, :1]).all()
    assert (stretches[:, :, 0].sum(axis=1) == STRETCHES).all()


def test_clips_are_drawn_first_each_with_a_cold_start_of_its_own() -> None:
    units = [*clip("a", 21), *clip("b", 11), *clip("c", 2)]
    weights = draws(units, 500, seed=0)
    assert weights is not None
    starts = weights[:, [0, 21, 32]]
    assert (starts.sum(axis=1) == 3).all()
    assert set(np.unique(starts)) == {0, 1, 2, 3}
    absent = starts[:, 0] == 0
    assert absent.any()
    assert (weights[absent, 1:21] == 0).all()


def test_the_order_of_samples_does_not_matter() -> None:
    units = [*clip("a", 21), *clip("b", 11)]
    forth, back = draws(units, 50, seed=3), draws(units[::-1], 50, seed=3)
    assert forth is not None and back is not None
    np.testing.assert_array_equal(forth, back[:, ::-1])


def test_frames_that_resemble_their_neighbours_widen_the_interval() -> None:
    values = np.random.default_rng(0).normal(0, 1, 10).repeat(12).tolist()
    stretches = bootstrap([0.0, *values], clip("a", 121))
    frames = bootstrap([0.0, *values], range(121))
    assert np.ptp(stretches) > 2 * np.ptp(frames)


@pytest.mark.parametrize("frames", [1, 2])
def test_a_clip_too_short_to_draw_from_has_no_interval(frames: int) -> None:
    assert draws(clip("a", frames), 10, seed=0) is None
    assert all(math.isnan(end) for end in bootstrap([1.0] * frames, clip("a", frames)))


def test_a_first_frame_belongs_to_the_first_stretch_where_halves_are_made() -> None:
    assert blocks(clip("a", 5)) == [("a", 0), ("a", 0), ("a", 1), ("a", 2), ("a", 3)]
    assert blocks(["x", "y", "x"]) == ["x", "y", "x"]
