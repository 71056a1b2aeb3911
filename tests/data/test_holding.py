"""Photos are held out by original."""

from pathlib import Path

import pytest

from splitwire.data.holding import hold_out, originals
from splitwire.data.photos import Photo


def photos(*names: str) -> list[Photo]:
    return [Photo(name, Path(name)) for name in names]


def test_views_of_an_original_stay_together() -> None:
    given = photos("b-2.png", "a.png", "b-1.png", "c/b-1.png")
    names = [[photo.name for photo in views] for views in originals(given)]
    assert names == [["a.png"], ["b-2.png", "b-1.png"], ["c/b-1.png"]]
    rest, held = hold_out(given, 3)
    assert [photo.name for photo in held] == ["b-2.png", "b-1.png"]
    assert len(rest) == 2


@pytest.mark.parametrize(("count", "held"), [(1, 0), (2, 1), (4, 1), (5, 1), (9, 2), (100, 20)])
def test_one_in_five_is_held_out_and_at_least_one_of_two(count: int, held: int) -> None:
    given = photos(*(f"{i:03}x.png" for i in range(count)))
    rest, aside = hold_out(given, 5)
    assert (len(rest), len(aside)) == (count - held, held)
    assert sorted([*rest, *aside], key=lambda photo: photo.name) == given
