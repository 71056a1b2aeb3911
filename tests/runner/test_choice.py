import pytest

import splitwire as sw
from splitwire.runner.choice import Choice, Key, label


@pytest.fixture(scope="module")
def jpeg() -> sw.Codec:
    return sw.codec("jpeg:quality=50")


def test_a_choice_is_known_by_its_way_cut_and_codec(lite0: sw.Model, jpeg: sw.Codec) -> None:
    shared = Choice.shared(sw.split(lite0, "blocks.3"), [jpeg], jpeg.spec)
    cloud = Choice.cloud_only(sw.split(lite0, "input"), sw.codec("picture"), "picture")
    edge = Choice.edge_only(lite0)
    assert shared.key == ("shared", "blocks.3", "jpeg:quality=50")
    assert cloud.key == ("cloud only", "", "picture")
    assert edge.key == ("edge only", "", "")
    assert (shared.at, cloud.at, edge.at) == ("blocks.3", "", "")
    assert (shared.elements, cloud.elements, edge.elements) == (80 * 14 * 14, 3 * 224 * 224, 0)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (("shared", "blocks.3", "jpeg"), "jpeg at blocks.3"),
        (("cloud only", "", "picture"), "cloud only, picture"),
        (("edge only", "", ""), "edge only"),
    ],
)
def test_a_choice_in_words(key: Key, said: str) -> None:
    assert label(*key) == said


def test_every_crossing_tensor_counts(lite0: sw.Model) -> None:
    several = max(sw.cut_points(lite0), key=lambda point: len(point.crossings))
    halves = sw.split(lite0, several.name)
    codecs = [sw.codec("raw")] * len(halves.crossings)
    assert Choice.shared(halves, codecs, "raw").elements == several.elements
    assert str(Choice.shared(halves, codecs, "raw")) == f"raw at {several.name}"
