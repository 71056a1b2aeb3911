import json
import math
from typing import Any

import numpy as np
import pytest
import torch
from fisher import check_second_order
from small_runs import Plan

import splitwire as sw
from splitwire.errors import TaskError
from splitwire.live.answers import read_prediction, write_prediction
from splitwire.tasks.embedding import Embedding, retrieval

COSINE, NEAREST = Embedding.metrics


def vector(*values: float) -> torch.Tensor:
    return torch.tensor([values])


def test_only_the_direction_counts() -> None:
    task = Embedding()
    assert task.divergence(vector(1, 2), vector(3, 6)) == pytest.approx(0, abs=1e-12)
    assert task.divergence(vector(1, 0), vector(0, 7)) == pytest.approx(1)
    assert task.divergence(vector(1, 0), vector(-5, 0)) == pytest.approx(2)
    assert task.divergence(vector(0, 0), vector(0, 0)) == 0


def test_the_divergence_is_what_torch_says_of_the_cosine() -> None:
    a, b = torch.randn(2, 1, 40, generator=torch.Generator().manual_seed(0)).double()
    cosine = float(torch.nn.functional.cosine_similarity(a, b))
    assert Embedding().divergence(a, b) == pytest.approx(1 - cosine)
    assert COSINE.measure(a, b, None) == pytest.approx(cosine)


def test_labels_are_drawn_of_what_the_divergence_is_of() -> None:
    random = torch.Generator().manual_seed(1)
    output, step = 3 * torch.randn(2, 1, 12, generator=random)
    check_second_order(Embedding(), output.double(), lambda x, far: x.detach() + far * step)


def pairs(kept: np.ndarray, coded: np.ndarray) -> list[Any]:
    both = (torch.from_numpy(x)[:, None] for x in (kept, coded))
    told = [NEAREST.measure(a, b, None) for a, b in zip(*both, strict=True)]
    return json.loads(json.dumps(told))


def test_retrieval_is_that_of_a_search_picture_by_picture() -> None:
    random = np.random.default_rng(0)
    kept = random.normal(size=(30, 8))
    coded = kept + random.normal(0, 0.6, kept.shape)
    unit = kept / np.linalg.norm(kept, axis=1, keepdims=True)

    def nearest(of: np.ndarray, at: int) -> int:
        return max((i for i in range(30) if i != at), key=lambda i: unit[i] @ of)

    same = [nearest(coded[i], i) == nearest(kept[i], i) for i in range(30)]
    weights = np.stack([np.ones(30), random.multinomial(30, [1 / 30] * 30)])
    found = retrieval(pairs(kept, coded), weights)
    assert 0.2 < found[0] < 0.95
    np.testing.assert_allclose(found, weights @ same / 30)
    assert retrieval(pairs(kept, kept), np.ones((1, 30))) == [1.0]


def test_two_pictures_are_too_few_to_look_one_up() -> None:
    assert np.isnan(retrieval(pairs(np.eye(2), np.eye(2)), np.ones((3, 2)))).all()


@pytest.mark.parametrize(
    "odd",
    [
        torch.zeros(1, 1),
        torch.zeros(2, 8),
        torch.zeros(8),
        torch.zeros(1, 8, dtype=torch.int64),
        (torch.zeros(1, 8), torch.zeros(2, 8)),
        {},
    ],
)
def test_what_is_no_vector_is_refused(odd: Any) -> None:
    with pytest.raises(TaskError, match="an embedding is floats, 1×numbers or maps 1×…, and not"):
        Embedding().checked(odd)


def test_a_prediction_travels_and_is_held_to_the_network_s_length() -> None:
    task = Embedding(3)
    told = read_prediction(write_prediction(task, vector(0.25, -3, 1e-9)))
    assert told == {"vector": [0.25, -3.0, 1e-9]}
    task.check_prediction(told)
    assert task.lines(told) == ["3 numbers of norm 3.01", "0.25, -3, 1e-09, …"]
    for odd in ({}, {"vector": [1, 2]}, {"vector": [1, 2, True]}, {"vector": 3}, told | {"a": 1}):
        with pytest.raises(TaskError, match="no embedding: a vector of 3 numbers expected"):
            task.check_prediction(odd)


def test_a_network_is_measured_as_an_embedding(tiny: Plan, tmp_path: Any) -> None:
    plan = tiny(task="embedding", codecs=["raw:bits=2+8"], limit=4)
    assert all(sample.error is None for sample in sw.Run(plan, tmp_path))
    coarse, fine = (
        next(r for r in sw.Summary.open(tmp_path).results if r.codec == f"raw:bits={bits}")
        for bits in (2, 8)
    )
    assert 0 < fine.divergence.mean < coarse.divergence.mean < 2
    assert coarse.metrics["cosine"].mean == pytest.approx(1 - coarse.divergence.mean, abs=1e-6)
    assert not math.isnan(coarse.metrics["nearest"].low)
    assert "1 − cosine" in sw.write_report(tmp_path).read_text(encoding="utf-8")


def maps(random: int) -> dict[str, torch.Tensor]:
    """As a backbone gives them."""
    made = torch.Generator().manual_seed(random)
    shapes = {"fine": (1, 3, 4, 4), "coarse": (1, 2, 2, 2), "tokens": (1, 5, 1)}
    return {name: torch.randn(shape, generator=made) for name, shape in shapes.items()}


def test_the_maps_of_a_backbone_count_with_all_their_numbers() -> None:
    task, p, q, along = Embedding(6), maps(0), maps(1), maps(2)
    task.checked(p)
    flat = [torch.cat([part.flatten() for part in x.values()]).double() for x in (p, q)]
    cosine = float(torch.nn.functional.cosine_similarity(*flat, dim=0))
    assert task.divergence(p, q) == pytest.approx(1 - cosine)
    assert COSINE.measure(p, q, None) == pytest.approx(cosine)
    means = [*p["fine"].mean((0, 2, 3)), *p["coarse"].mean((0, 2, 3)), p["tokens"].mean()]
    told = task.predict(p)
    assert told["vector"] == pytest.approx([float(mean) for mean in means], rel=1e-3)
    task.check_prediction(told)
    check_second_order(
        task, p, lambda at, far: {name: at[name].double() + far * along[name] for name in at}
    )
