import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from fisher import check_second_order
from PIL import Image
from torchvision.ops import batched_nms

from splitwire.data.truth import Objects
from splitwire.errors import TaskError
from splitwire.tasks.boxes import OVERLAP, cells, decode, suppressed
from splitwire.tasks.detection import Detection

SIZE = (64, 32)
STRIDES = (8, 16)
COUNT = 8 * 4 + 4 * 2
NAMES = ("ant", "bee", "cat")
BINS = 5
TASK = Detection(NAMES, SIZE, STRIDES)
METRICS = [metric.name for metric in Detection.metrics]


def output(random: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    made = torch.Generator().manual_seed(random)
    return (
        torch.randn(1, COUNT, len(NAMES), generator=made) * 2 - 1,
        torch.randn(1, COUNT, 4 * BINS, generator=made) * 2,
    )


def seen(*objects: tuple[int, int, tuple[int, int, int, int], float]) -> tuple[torch.Tensor, ...]:
    """An output that finds a class at a cell, with distances in whole strides, with a score."""
    logits = torch.full((1, COUNT, len(NAMES)), -12.0)
    sides = torch.zeros(1, COUNT, 4, BINS)
    for cell, kind, far, score in objects:
        logits[0, cell, kind] = math.log(score / (1 - score))
        sides[0, cell, range(4), list(far)] = 200.0
    return logits, sides.flatten(2)


def test_cells_lie_row_after_row_and_cover_the_rim() -> None:
    found = cells(SIZE, STRIDES)
    assert found.shape == (COUNT, 3)
    assert found[0].tolist() == [4, 4, 8] and found[9].tolist() == [12, 12, 8]
    assert found[32].tolist() == [8, 8, 16]
    assert len(cells((60, 30), STRIDES)) == COUNT
    assert len(cells((416, 416), (8, 16, 32))) == 3549


def test_boxes_are_decoded_as_by_hand() -> None:
    random = np.random.default_rng(0)
    logits, sides = random.normal(size=(COUNT, 3)) - 3, random.normal(size=(COUNT, 4, BINS))
    logits[17, 2] = 9.0
    found = decode(logits, sides, SIZE, STRIDES)
    shares = np.exp(sides[17]) / np.exp(sides[17]).sum(1, keepdims=True)
    left, top, right, bottom = 8 * (shares * np.arange(BINS)).sum(1)
    x, y = 8 * 1 + 4, 8 * 2 + 4  # cell 17 of 8 a row
    corners = np.array([x - left, y - top, x + right, y + bottom]) / [64, 32, 64, 32]
    np.testing.assert_allclose(found.corners[0], corners.clip(0, 1))
    assert (found.classes[0], found.scores[0]) == (2, pytest.approx(1 / (1 + math.exp(-9))))


def test_of_boxes_that_overlap_the_best_of_a_class_stays() -> None:
    found = TASK._boxes(
        seen(
            (9, 0, (1, 1, 1, 1), 0.9),
            (9, 1, (1, 1, 1, 1), 0.8),  # of another class
            (10, 0, (2, 1, 0, 1), 0.7),  # the same box, from the next cell
            (30, 0, (1, 1, 1, 1), 0.6),
            (20, 0, (1, 1, 1, 1), 0.04),  # of too low a score
        )
    )
    assert found.classes.tolist() == [0, 1, 0]
    assert found.scores.tolist() == pytest.approx([0.9, 0.8, 0.6])
    np.testing.assert_allclose(found.corners[0], np.array([4, 4, 20, 20]) / [64, 32, 64, 32])


def test_the_boxes_that_stay_are_those_of_torchvision() -> None:
    random = np.random.default_rng(0)
    corners = random.uniform(0, 20, (400, 2))
    pixels = np.concatenate([corners, corners + random.uniform(10, 30, (400, 2))], 1)
    scores, classes = np.sort(random.random(400))[::-1].copy(), random.integers(0, 3, 400)
    ours = suppressed(pixels, classes)
    theirs = batched_nms(*map(torch.from_numpy, (pixels, scores, classes)), OVERLAP)
    assert 50 < len(ours) < 350
    assert ours.tolist() == theirs.tolist()


def test_there_are_a_hundred_boxes_at_most() -> None:
    task = Detection((), (416, 416))
    logits = torch.full((1, 3549, 80), 3.0)
    assert len(task._boxes((logits, torch.zeros(1, 3549, 44))).scores) == 100


def test_the_divergence_is_that_of_every_label() -> None:
    """Beside torch's own divergences."""
    p, q = output(0), output(1)
    there = p[0][0].double().sigmoid()
    on_p, on_q = (
        torch.distributions.Bernoulli(0.2 + 0.8 * x[0][0].double().sigmoid()) for x in (p, q)
    )
    sides_p, sides_q = (
        torch.distributions.Categorical(logits=x[1][0].double().reshape(COUNT, 4, BINS))
        for x in (p, q)
    )
    kl = torch.distributions.kl_divergence
    present = there.amax(1) ** 2 / on_p.probs.amax(1)
    expected = kl(on_p, on_q).sum() + (present * kl(sides_p, sides_q).sum(1)).sum()
    assert TASK.divergence(p, q) == pytest.approx(float(expected), rel=1e-9)
    assert TASK.divergence(p, p) == 0


def test_what_shows_nowhere_hardly_counts_and_a_false_box_does() -> None:
    nothing = seen()
    louder = (nothing[0] + 4, nothing[1])  # 3e-4 instead of 6e-6 at every cell
    false = seen((9, 0, (1, 1, 1, 1), 0.8))
    assert 0 < TASK.divergence(nothing, louder) < 1e-4
    assert min(TASK.divergence(nothing, false), TASK.divergence(false, nothing)) > 0.5


def test_the_divergence_of_certain_outputs_is_no_nan() -> None:
    certain = tuple(torch.where(part > 0, math.inf, -math.inf) for part in output())
    assert TASK.divergence(certain, certain) == 0
    assert 0 < TASK.divergence(certain, output()) < 1e3 < TASK.divergence(output(), certain)
    assert TASK.divergence(output(), certain) < math.inf


def test_labels_are_drawn_from_what_the_divergence_is_of() -> None:
    directions = output(2)

    def moved(at: Any, far: float) -> Any:
        return tuple(a.double() + far * d for a, d in zip(at, directions, strict=True))

    check_second_order(TASK, output(), moved)


def test_metrics_judge_by_the_uncompressed_network_and_by_the_truth() -> None:
    whole = seen((9, 0, (1, 1, 1, 1), 0.9), (30, 1, (1, 1, 1, 1), 0.8), (20, 2, (0,) * 4, 0.2))
    half = seen((9, 0, (1, 1, 1, 1), 0.7), (30, 2, (1, 1, 1, 1), 0.6))
    box = tuple(TASK._boxes(whole).corners[1].tolist())
    truth = Objects((1,), (box,), (200.0,), (False,), (640.0, 320.0))
    told = {name: value for name, value in TASK.statistics(whole, half, None).items() if value}
    assert list(told) == [name for name in METRICS if name.endswith(" ref")]
    assert told["mAP ref"]["there"] == [[0, 1], [1, 1]]  # what is shown, of a score of 0.35
    told = TASK.statistics(whole, half, truth)
    ones = np.ones((1, 1))
    found = {m.name: m.estimate([told[m.name]], ones)[0] for m in Detection.metrics}
    assert found["mAP ref"] == pytest.approx(0.5) == found["mAP50 ref"] and found["mAP"] == 0
    assert math.isnan(found["mAPl"]) and found["mAPs"] == 0  # of 200 pixels of the photo
    again = TASK.statistics(whole, whole, truth)
    assert {m.name: m.estimate([again[m.name]], ones)[0] for m in Detection.metrics}["mAP"] == 1
    assert json.loads(json.dumps(told)) == told


def test_the_first_metrics_are_those_of_a_narrow_table() -> None:
    assert METRICS[0] == "mAP ref" and METRICS[5] == "mAP"
    assert all(metric.share for metric in Detection.metrics)
    about = {metric.name: metric.about for metric in Detection.metrics}
    assert about["mAPl"] == "mAP of large (from 96²) objects in pixels of the photo"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (torch.zeros(1, 10), "Tensor 1×10"),
        ((torch.zeros(1, COUNT, 3),), "tuple of 1×40×3"),
        ((torch.zeros(1, 39, 3), torch.zeros(1, 39, 20)), "tuple of 1×39×3, 1×39×20"),
        ((torch.zeros(1, COUNT, 3), torch.zeros(1, COUNT, 4)), "tuple of 1×40×3, 1×40×4"),
        ((torch.zeros(1, COUNT, 3), torch.zeros(1, COUNT, 22)), "tuple of 1×40×3, 1×40×22"),
        ([{"boxes": torch.zeros(3, 4)}], "list of 3×4"),
    ],
)
def test_an_output_of_another_form_is_refused(given: Any, said: str) -> None:
    with pytest.raises(TaskError, match=rf"strides 8, 16 of a picture 64×32, and not {said}; "):
        TASK.checked(given)
    assert TASK.checked(output())


def test_a_label_is_of_the_network_s_classes() -> None:
    one = Objects((2,), ((0.0, 0.0, 1.0, 1.0),), (9.0,), (False,), SIZE)
    TASK.check_label(output(), one)
    with pytest.raises(TaskError, match="has class 3, and the network 0 to 2 only"):
        TASK.check_label(output(), replace(one, classes=(3,)))
    with pytest.raises(TaskError, match="labelled by boxes"):
        TASK.check_label(output(), 5)


def test_a_prediction_names_what_is_shown() -> None:
    found = seen((9, 0, (1, 1, 1, 1), 0.9), (30, 0, (1, 1, 1, 1), 0.5), (20, 2, (1,) * 4, 0.3))
    told = TASK.predict(found)
    assert json.loads(json.dumps(told)) == told
    first, _ = told["objects"]
    assert first == {"box": [0.0625, 0.125, 0.3125, 0.625], "class": 0, "label": "ant"} | {
        "score": 0.9
    }
    assert TASK.lines(told) == ["2 × ant"] and TASK.lines({"objects": []}) == ["nothing"]
    assert Detection((), SIZE, STRIDES).predict(found)["objects"][0]["label"] == "class 0"
    TASK.check_prediction(told)
    TASK.check_prediction({"objects": []})


def _changed(**changes: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda told: {"objects": [told["objects"][0] | changes]}


@pytest.mark.parametrize(
    "damage",
    [
        lambda told: {},
        lambda told: told | {"more": 1},
        lambda told: {"objects": {}},
        lambda told: {"objects": told["objects"] * 101},
        lambda told: {"objects": [5]},
        _changed(box=[0.5, 0.1, 0.4, 0.2]),
        _changed(box=[0.1, 0.5, 0.2, 0.4]),
        _changed(box=[0.1, 0.1, 0.2, 1.2]),
        _changed(box=[-0.1, 0.1, 0.2, 0.3]),
        _changed(box=[0.1, 0.1, 0.2]),
        _changed(box=[0.1, 0.1, 0.2, True]),
        _changed(box=[0.1, 0.1, 0.2, "0.3"]),
        _changed(box=None),
        _changed(score=1.1),
        _changed(score=None),
        _changed(**{"class": 3}),
        _changed(**{"class": -1}),
        _changed(**{"class": 1.0}),
        _changed(label="bee"),
        _changed(more=1),
    ],
)
def test_what_no_detector_says_is_refused(damage: Callable[[dict[str, Any]], Any]) -> None:
    told = TASK.predict(seen((9, 0, (1, 1, 1, 1), 0.9)))
    with pytest.raises(TaskError, match="no detection: at most 100 objects expected"):
        TASK.check_prediction(damage(told))


def test_boxes_are_drawn_where_they_are() -> None:
    picture = Image.new("RGB", (128, 64), "white")
    drawn = TASK.draw(picture.copy(), TASK.predict(seen((27, 0, (1, 1, 1, 1), 0.9))))
    assert drawn.size == picture.size
    changed = np.asarray(drawn).astype(int).sum(2) < 765
    assert changed[40:64, 40].all() and changed[40:64, 71].all()  # left and right of 20 to 36
    assert not changed[:, 110:].any()


def test_a_class_that_is_called_otherwise_is_refused() -> None:
    box = ((0.0, 0.0, 1.0, 1.0),)
    one = Objects((1,), box, (9.0,), (False,), SIZE, names=("wasp", "Bee", "cow"))
    TASK.check_label(output(), one)  # "Bee" is enough of "bee"; the others are not there
    with pytest.raises(TaskError, match="its class 0 is 'wasp', and the network's is 'ant'"):
        TASK.check_label(output(), replace(one, classes=(0,)))
