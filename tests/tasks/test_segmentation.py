import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fisher import check_second_order
from PIL import Image

import splitwire as sw
from splitwire.data.truth import MaskFile
from splitwire.errors import TaskError
from splitwire.tasks.overlap import counts, mean_dice, mean_iou
from splitwire.tasks.registry import load_task
from splitwire.tasks.segmentation import Segmentation, mask_of, resized

TASK = Segmentation(("sky", "sea", "sand"), (6, 8))


def output(channels: int = 3, random: int = 0) -> torch.Tensor:
    made = torch.Generator().manual_seed(random)
    return torch.randn(1, channels, 6, 8, generator=made) * 2


def of_mask(mask: Any) -> torch.Tensor:
    """Logits whose likeliest classes are those."""
    one_hot = torch.nn.functional.one_hot(torch.as_tensor(np.asarray(mask)).long(), 3)
    return 9.0 * one_hot.permute(2, 0, 1)[None].float()


@pytest.mark.parametrize("channels", [1, 3])
def test_the_divergence_is_torchs_mean_over_pixels(channels: int) -> None:
    p, q = (output(channels, random) for random in (0, 1))
    if channels == 1:
        made = [torch.distributions.Bernoulli(logits=x.double()) for x in (p, q)]
    else:
        rows = (x[0].flatten(1).T.double() for x in (p, q))
        made = [torch.distributions.Categorical(logits=row) for row in rows]
    expected = torch.distributions.kl_divergence(*made).mean()
    assert TASK.divergence(p, q) == pytest.approx(float(expected), rel=1e-9)
    assert TASK.divergence({"out": p, "aux": q}, {"out": q}) == TASK.divergence(p, q)
    assert TASK.divergence(p, p) == 0


@pytest.mark.parametrize("channels", [1, 3])
def test_labels_are_drawn_from_what_the_divergence_is_of(channels: int) -> None:
    along = output(channels, 3).double()
    check_second_order(TASK, output(channels), lambda at, far: at.double() + far * along)


def test_one_channel_is_the_foreground() -> None:
    mask = mask_of(torch.tensor([[[[-1.0, 2.0], [0.5, -0.5]]]]))
    assert mask.tolist() == [[0, 1], [1, 0]]


def _pairs(random: np.random.Generator, count: int) -> list[tuple[Any, Any]]:
    """Masks that agree here and there; some classes are in few of them."""
    made = []
    for _ in range(count):
        there = random.integers(0, int(random.integers(1, 6)), (9, 7))
        found = np.where(random.random((9, 7)) < 0.6, there, random.integers(0, 5, (9, 7)))
        there = np.where(random.random((9, 7)) < 0.1, 255, there)
        made.append((found, there))
    return made


def _by_sets(pairs: list[tuple[Any, Any]]) -> tuple[float, float]:
    """IoU and Dice from sets of pixels, with no table of counts."""
    found: dict[int, set[Any]] = {}
    there: dict[int, set[Any]] = {}
    for at, (one, other) in enumerate(pairs):
        for place in zip(*np.nonzero(other != 255), strict=True):
            found.setdefault(int(one[place]), set()).add((at, *place))
            there.setdefault(int(other[place]), set()).add((at, *place))
    ious, dices = [], []
    for kind in found.keys() | there.keys():
        a, b = found.get(kind, set()), there.get(kind, set())
        ious.append(len(a & b) / len(a | b))
        dices.append(2 * len(a & b) / (len(a) + len(b)))
    return float(np.mean(ious)), float(np.mean(dices))


@pytest.mark.parametrize("seed", range(3))
def test_overlaps_are_those_of_sets_of_pixels(seed: int) -> None:
    random = np.random.default_rng(seed)
    pairs = _pairs(random, 6)
    noted = json.loads(json.dumps([counts(*pair) for pair in pairs]))
    weights = np.concatenate([np.ones((1, 6)), random.multinomial(6, [1 / 6] * 6, 3)])
    for row, often in enumerate(weights):
        drawn = [pair for pair, n in zip(pairs, often, strict=True) for _ in range(int(n))]
        iou, dice = _by_sets(drawn)
        assert mean_iou(noted, weights)[row] == pytest.approx(iou)
        assert mean_dice(noted, weights)[row] == pytest.approx(dice)


def test_of_nothing_there_is_no_overlap() -> None:
    void = np.full((4, 4), 255)
    assert counts(np.zeros((4, 4), int), void) == []
    assert math.isnan(mean_iou([[]], np.ones((1, 1)))[0])


def test_metrics_judge_by_the_uncompressed_network_and_by_the_truth() -> None:
    left = np.zeros((6, 8), int)
    left[:, 4:] = 1
    found = left.copy()
    found[:3, 4:] = 2
    truth = np.kron(left, np.ones((3, 2), int)).astype(np.uint8)  # of more pixels
    told = TASK.statistics(of_mask(left), of_mask(found), truth)
    ones = np.ones((1, 1))
    scores = {m.name: m.estimate([told[m.name]], ones)[0] for m in Segmentation.metrics}
    iou, dice = (1 + 0.5 + 0) / 3, (1 + 2 / 3 + 0) / 3
    expected = {"mIoU ref": iou, "Dice ref": dice, "agree": 0.75, "mIoU": iou, "Dice": dice}
    assert scores == pytest.approx(expected)
    known = {n for n, v in TASK.statistics(output(), output(), None).items() if v is not None}
    assert known == {"mIoU ref", "Dice ref", "agree"}


def test_a_mask_is_thinned_out_by_the_nearest_pixels() -> None:
    mask = np.arange(36).reshape(6, 6)
    assert resized(mask, (2, 3)).tolist() == [[7, 9, 11], [25, 27, 29]]
    assert (resized(mask, (6, 6)) == mask).all()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (torch.zeros(1, 10), "and not Tensor 1×10: name the task that fits"),
        (torch.zeros(2, 3, 6, 8), "and not Tensor 2×3×6×8"),
        ({"aux": torch.zeros(1, 3, 6, 8)}, "and not dict of 1×3×6×8"),
        ((torch.zeros(1, 3, 6, 8),), "and not tuple of 1×3×6×8"),
        (torch.zeros(1, 300, 6, 8), "gives 1 to 255 channels, and not Tensor 1×300×6×8"),
        (torch.zeros(1, 0, 6, 8), "gives 1 to 255 channels, and not Tensor 1×0×6×8"),
    ],
)
def test_an_output_of_another_form_is_refused(given: Any, said: str) -> None:
    with pytest.raises(TaskError, match=said):
        TASK.checked(given)
    assert TASK.checked({"out": output()})


def test_a_label_is_a_mask() -> None:
    TASK.check_label(output(), MaskFile(Path("mask.png")))
    with pytest.raises(TaskError, match="labelled by masks"):
        TASK.check_label(output(), 3)


def test_a_prediction_is_the_mask() -> None:
    mask = np.random.default_rng(0).integers(0, 3, (6, 8))
    mask[1:4] = 2
    told = TASK.predict(of_mask(mask))
    assert json.loads(json.dumps(told)) == told
    TASK.check_prediction(told)
    kinds, lengths = told["runs"][::2], told["runs"][1::2]
    assert np.repeat(kinds, lengths).tolist() == mask.ravel().tolist()
    assert all(a != b for a, b in pairwise(kinds))
    shares = np.bincount(mask.ravel()) / mask.size
    assert TASK.lines(told)[0] == f"sand {100 * shares[2]:.0f} %"
    assert Segmentation().lines(told)[0].startswith("class 2 ")


@pytest.mark.parametrize(
    "damage",
    [
        {"size": [6, 9]},
        {"size": [8, 6]},
        {"size": [48]},
        {"size": [1 << 40, 1 << 40], "runs": [0, 1 << 80]},
        {"size": None},
        {"size": [6.0, 8]},
        {"runs": [0, 47]},
        {"runs": [0, 49]},
        {"runs": [0, 48, 1]},
        {"runs": [0, 48, 1, 0]},
        {"runs": [3, 48]},
        {"runs": [-1, 48]},
        {"runs": [True, 48]},
        {"runs": []},
        {"runs": "0"},
        {"more": 1},
    ],
)
def test_what_no_segmenter_says_is_refused(damage: dict[str, Any]) -> None:
    told = TASK.predict(output())
    with pytest.raises(TaskError, match="no mask of 6×8 and 3 classes"):
        TASK.check_prediction(told | damage)
    with pytest.raises(TaskError, match="no mask of some size and some classes"):
        Segmentation().check_prediction({"size": [1 << 13, 1 << 13], "runs": [0, 1 << 26]})


def test_a_mask_is_drawn_over_the_picture() -> None:
    mask = np.zeros((6, 8), int)
    mask[:, 4:] = 1
    picture = Image.new("RGB", (80, 60), (90, 90, 90))
    drawn = np.asarray(TASK.draw(picture, TASK.predict(of_mask(mask))))
    assert (drawn[:, :40] == 90).all() and (drawn[:, 40:] != 90).any(-1).all()
    assert len(np.unique(drawn[:, 40:].reshape(-1, 3), axis=0)) == 1


def test_a_network_of_one_class_tells_it_from_the_background() -> None:
    task = load_task("segmentation", sw.load_model("selfie"))
    logits = torch.full((1, 1, 256, 256), -3.0)
    logits[..., :64] = 3.0
    assert task.lines(task.predict(logits)) == ["background 75 %", "person 25 %"]
