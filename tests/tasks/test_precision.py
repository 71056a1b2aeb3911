"""Average precision beside faster-coco-eval's, on random boxes."""

import contextlib
import io
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from faster_coco_eval import COCO, COCOeval_faster
from numpy.typing import NDArray

from splitwire.data.truth import Objects
from splitwire.tasks.boxes import Boxes
from splitwire.tasks.precision import SIZES, THRESHOLDS, average_precision, matches

SIDE = (320, 240)
KINDS = 4


def _corners(random: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Boxes of all sizes, as fractions."""
    middle = random.random((count, 2))
    half = np.exp(random.uniform(np.log(5), np.log(120), (count, 2))) / SIDE
    return np.concatenate([middle - half, middle + half], 1).clip(0, 1)


def _pair(random: np.random.Generator) -> tuple[Boxes, Objects]:
    """What is there, some of it found more or less where it is, and what is not there."""
    there = _corners(random, int(random.integers(0, 9)))
    near = np.concatenate([there, there[: len(there) // 2]])
    near = (near + random.normal(0, 0.012, near.shape)).clip(0, 1)
    corners = np.concatenate([near, _corners(random, 6)])
    corners = np.sort(corners.reshape(-1, 2, 2), 1).reshape(-1, 4)
    kinds = random.integers(0, KINDS, len(there))
    found = np.concatenate([kinds, kinds[: len(there) // 2], random.integers(0, KINDS, 6)])
    scores = np.sort(random.permutation(999_999)[: len(found)] / 1e6)[::-1]
    shuffled = random.permutation(len(found))
    boxes = Boxes(found[shuffled], scores, corners[shuffled], SIDE)
    pixels = (there[:, 2:] - there[:, :2]) * SIDE
    crowds = random.random(len(there)) < 0.15
    return boxes, Objects(
        tuple(kinds.tolist()),
        tuple(map(tuple, there.tolist())),
        tuple(pixels.prod(1).tolist()),
        tuple(crowds.tolist()),
        SIDE,
    )


def _cocos(pairs: Sequence[tuple[Boxes, Objects]]) -> dict[str, float]:
    """What the library makes of the same, by size, and at an overlap of one half."""

    def box(corners: Any) -> list[float]:
        left, top, right, bottom = np.array(corners) * [*SIDE, *SIDE]
        return [left, top, right - left, bottom - top]

    images = [{"id": at + 1, "width": SIDE[0], "height": SIDE[1]} for at in range(len(pairs))]
    truth, found = [], []
    for at, (boxes, there) in enumerate(pairs, 1):
        objects = zip(there.classes, there.boxes, there.areas, there.ignored, strict=True)
        for kind, corners, area, crowd in objects:
            about = {"image_id": at, "category_id": kind + 1, "bbox": box(corners)}
            truth.append(about | {"id": len(truth) + 1, "area": area, "iscrowd": int(crowd)})
        for kind, score, corners in zip(boxes.classes, boxes.scores, boxes.corners, strict=True):
            about = {"image_id": at, "category_id": int(kind) + 1, "bbox": box(corners)}
            found.append(about | {"score": float(score)})
    kinds = [{"id": kind + 1, "name": str(kind)} for kind in range(KINDS)]
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO({"images": images, "annotations": truth, "categories": kinds})
        made = COCOeval_faster(coco, coco.loadRes(found), "bbox")
        made.run()
    names = {"": 0, "50": 1, "s": 3, "m": 4, "l": 5}
    told = {name: float(made.stats[at]) for name, at in names.items()}
    return {name: value if value >= 0 else float("nan") for name, value in told.items()}


def _ours(
    pairs: Sequence[tuple[Boxes, Objects]], weights: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    found = {}
    for size in SIZES:
        noted = json.loads(json.dumps([matches(*pair, size=size) for pair in pairs]))
        found[size] = average_precision(noted, weights, len(THRESHOLDS))
    half = [matches(*pair, THRESHOLDS[:1]) for pair in pairs]
    return found | {"50": average_precision(half, weights, 1)}


@pytest.mark.parametrize("seed", range(3))
def test_average_precision_is_the_library_s(seed: int) -> None:
    random = np.random.default_rng(seed)
    pairs = [_pair(random) for _ in range(15)]
    ours, theirs = _ours(pairs, np.ones((1, 15))), _cocos(pairs)
    assert 0.1 < theirs[""] < 0.9
    for name, value in theirs.items():
        assert ours[name][0] == pytest.approx(value, abs=1e-9, nan_ok=True), name


def test_a_weight_is_a_picture_repeated() -> None:
    random = np.random.default_rng(9)
    pairs = [_pair(random) for _ in range(12)]
    weights = random.multinomial(12, [1 / 12] * 12, size=3).astype(np.float64)
    ours = _ours(pairs, weights)
    for row, often in enumerate(weights):
        repeated = [pair for pair, n in zip(pairs, often, strict=True) for _ in range(int(n))]
        for name, value in _cocos(repeated).items():
            assert ours[name][row] == pytest.approx(value, abs=1e-9, nan_ok=True), name


def test_many_weights_are_taken_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(3)
    noted = [matches(*_pair(random)) for _ in range(8)]
    weights = random.integers(0, 3, (40, 8)).astype(np.float64)
    whole = average_precision(noted, weights, 10)
    monkeypatch.setattr("splitwire.tasks.precision._AT_ONCE", 100)
    np.testing.assert_array_equal(average_precision(noted, weights, 10), whole)


def test_where_nothing_is_there_is_no_precision() -> None:
    nothing = Objects((), (), (), (), SIDE)
    found, there = _pair(np.random.default_rng(1))
    noted = [matches(found, nothing), matches(found, there)]
    alone = average_precision(noted, np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]), 10)
    assert np.isnan(alone[0]) and alone[1] > alone[2] > 0
