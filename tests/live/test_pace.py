"""How many frames the cloud runs at once, given what batches took so far."""

from math import inf

import pytest

from splitwire.live.inference import Pace


@pytest.mark.parametrize(
    ("seconds", "waiting", "left", "size"),
    [
        ({}, 8, inf, 1),  # nothing is known, so one
        ({1: 0.010}, 1, inf, 1),
        ({1: 0.010}, 8, inf, 2),  # two have not been tried
        ({1: 0.010}, 8, 0.020, 2),
        ({1: 0.010}, 8, 0.019, 1),  # they would come too late if they were no better than one
        ({1: 0.010, 2: 0.006}, 8, inf, 4),
        ({1: 0.010, 2: 0.006}, 3, inf, 2),
        ({1: 0.010, 2: 0.006, 4: 0.005, 8: 0.004}, 100, inf, 8),
        ({1: 0.010, 2: 0.006, 4: 0.005, 8: 0.004}, 100, 0.039, 4),
        ({1: 0.010, 2: 0.020, 4: 0.020, 8: 0.020}, 8, inf, 1),
        ({1: 0.010, 2: inf}, 8, 60.0, 1),  # a network that cannot be run in batches
        ({1: 0.010}, 8, -1.0, 1),  # too late already
    ],
)
def test_the_size_that_takes_least_for_a_frame_and_is_in_time(
    seconds: dict[int, float], waiting: int, left: float, size: int
) -> None:
    assert Pace(seconds).size(waiting, left) == size


def test_what_is_known_of_a_size_changes_slowly() -> None:
    pace = Pace()
    pace.learn(4, 0.040)
    assert pace.seconds == {4: pytest.approx(0.010)}
    pace.learn(4, 0.080)
    assert 0.010 < pace.seconds[4] < 0.015


def test_a_size_that_was_slow_once_is_tried_again() -> None:
    pace = Pace({1: 0.010, 2: 0.040, 4: inf})
    runs = 0
    while (size := pace.size(7, inf)) == 1:
        pace.learn(1, 0.010)
        runs += 1
        assert runs < 1000
    assert size == 2  # and never four: that cannot be run
    assert runs > 100
    assert pace.seconds[4] == inf
