"""Keypoints: where heat maps say that points are, how near, and how far one output is off."""

import json

import numpy as np
import pytest
import torch
from fisher import check_second_order

import splitwire as sw
from splitwire.data.photos import find_photos
from splitwire.errors import TaskError
from splitwire.tasks.keypoints import Keypoints
from splitwire.tasks.registry import load_task
from splitwire.tasks.similarity import COCO, correct, oks, ratio

TASK = Keypoints(("nose", "tail"))


def plain(seed: int = 0) -> torch.Tensor:
    return torch.randn(1, 2, 5, 6, generator=torch.Generator().manual_seed(seed))


def centred(seed: int = 0) -> tuple[torch.Tensor, ...]:
    made = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(1, count, 5, 6, generator=made) for count in (2, 1, 4, 4))


def test_the_divergence_of_a_heat_map_is_that_of_its_softmax() -> None:
    p, q = plain(0), plain(1)
    rows = [torch.distributions.Categorical(logits=x[0].flatten(1).double()) for x in (p, q)]
    expected = torch.distributions.kl_divergence(*rows).sum()
    assert TASK.divergence(p, q) == pytest.approx(float(expected), rel=1e-6)
    assert TASK.divergence(p, p) == TASK.divergence(centred(), centred()) == 0


def test_labels_are_drawn_from_what_the_divergence_is_of() -> None:
    along = plain(3).double()
    check_second_order(TASK, plain(), lambda at, far: at.double() + far * along)
    maps = centred(3)

    def moved(at: tuple[torch.Tensor, ...], far: float) -> tuple[torch.Tensor, ...]:
        """The heat and the offsets: what steps and centre choose does not move by so little."""
        return tuple(
            part.double() + far * way.double() * (place in (0, 3))
            for place, (part, way) in enumerate(zip(at, maps, strict=True))
        )

    check_second_order(TASK, centred(), moved, within=0.15)


def test_an_answer_of_movenet_names_its_points() -> None:
    model = sw.load_model("movenet")
    task = load_task("keypoints", model)
    x = model.preprocess.picture(find_photos("samples")[0].open())
    with torch.inference_mode():
        said = json.loads(json.dumps(task.predict(model(torch.from_numpy(x)[None]))))
    task.check_prediction(said)
    assert said["names"][0] == "nose" and len(said["points"]) == 17


def test_similarity_is_cocos() -> None:
    far = np.array([3.0, np.nan] + [1.0] * 15)
    kept = [0, *range(2, 17)]
    expected = np.mean([np.exp(-(far[i] ** 2) / (2 * 400 * (2 * COCO[i]) ** 2)) for i in kept])
    assert oks(far, 400.0) == pytest.approx(expected)
    assert correct(far, 10.0) == [15, 16]


def test_correct_points_are_counted_over_pictures() -> None:
    statistics, weights = [[1, 4], [3, 4], [0, 0]], np.array([[1, 1, 1], [0, 2, 1], [0, 0, 3]])
    np.testing.assert_array_equal(ratio(statistics, weights.astype(float)), [0.5, 0.75, np.nan])


def test_an_output_agrees_with_itself_and_less_with_another() -> None:
    sure = torch.full((1, 2, 5, 6), -9.0)
    sure[0, 0, 1, 1] = sure[0, 1, 3, 4] = 9.0
    off = sure.roll(2, 3)
    oks_of = {m.name: m for m in TASK.metrics}["OKS ref"]
    same, other = (TASK.statistics(sure, y, None)["OKS ref"] for y in (sure, off))
    assert oks_of.name == "OKS ref" and same == 1 and other < 0.9
    assert TASK.lines(TASK.predict(sure)) == ["2 of 2 points"]


@pytest.mark.parametrize(
    "output", [torch.zeros(1, 5), (torch.zeros(1, 2, 5, 6),), tuple(centred()[:3]), {"a": plain()}]
)
def test_what_is_no_heat_map_is_refused(output: object) -> None:
    with pytest.raises(TaskError, match="a network of keypoints gives a heat map"):
        TASK.check(output)


@pytest.mark.parametrize(
    "prediction",
    [
        {},
        {"points": []},
        {"points": [[0, 0, 0], [0, 0, 2]], "names": ["nose", "tail"]},
        {"points": [[0, 0, 0], [0, 0, True]], "names": ["nose", "tail"]},
        {"points": [[0, 0, 0], [0, 0, 1]], "names": ["nose", "teeth"]},
    ],
)
def test_predictions_of_a_strange_cloud_are_refused(prediction: dict[str, object]) -> None:
    with pytest.raises(TaskError, match="no pose: 2 points expected"):
        TASK.check_prediction(prediction)
