import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

import splitwire as sw
from splitwire.errors import TaskError
from splitwire.tasks.classification import Classification, divergence, top_k

logits = arrays(np.float32, (3, 7), elements=st.floats(-1e3, 1e3, width=32))
METRICS = {metric.name: metric for metric in Classification.metrics}


def row(*values: float) -> torch.Tensor:
    return torch.tensor([values])


@given(logits, logits)
def test_divergence_is_torchs(p: np.ndarray, q: np.ndarray) -> None:
    ours = divergence(p, q)
    log_p, log_q = (torch.log_softmax(torch.from_numpy(x).double(), -1) for x in (p, q))
    theirs = torch.nn.functional.kl_div(log_q, log_p, log_target=True, reduction="none").sum(-1)
    np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-9, atol=1e-12)
    assert (ours >= 0).all()


@given(logits, st.floats(-100, 100))
def test_divergence_ignores_what_softmax_ignores(p: np.ndarray, shift: float) -> None:
    far = divergence(p.astype(np.float64), p.astype(np.float64) + shift)
    np.testing.assert_allclose(far, 0, atol=1e-9)


def test_divergence_at_the_ends() -> None:
    certain = [0.0, -math.inf]
    assert divergence(certain, [0.0, 0.0]) == pytest.approx(math.log(2))
    assert divergence(certain, certain) == 0
    assert divergence([0.0, 0.0], certain) == math.inf
    assert math.isnan(divergence([0.0, 0.0], [0.0, math.nan]))
    assert divergence([1e5, 0.0], [0.0, 1e5]) == pytest.approx(1e5)


def test_the_task_s_divergence_is_that_of_its_rows() -> None:
    found = Classification().divergence(row(0.0, 1.0), row(1.0, 0.0))
    assert found == pytest.approx(divergence([0.0, 1.0], [1.0, 0.0]))


def test_top_k_orders_and_breaks_ties_by_class() -> None:
    assert top_k([1.0, 3.0, 3.0, 2.0], 3).tolist() == [1, 2, 3]
    assert top_k(np.zeros((2, 3)), 5).tolist() == [[0, 1, 2]] * 2


def test_agreement_and_accuracy() -> None:
    output = row(0.0, 7.0, 6.0, 5.0, 4.0, 3.0)
    agree, top1, top5 = (METRICS[name].measure for name in ("agree", "top1", "top5"))
    assert agree(row(0.0, 0.1), row(-3.0, 5.0), None) == 1.0
    assert agree(row(0.2, 0.1), row(-3.0, 5.0), None) == 0.0
    assert [top1(output, output, truth) for truth in (1, 5, 0)] == [1.0, 0.0, 0.0]
    assert [top5(output, output, truth) for truth in (1, 5, 0)] == [1.0, 1.0, 0.0]
    assert top1(output, output, None) is None and top5(output, output, None) is None


@pytest.mark.parametrize(
    ("output", "given"),
    [
        (torch.zeros(1, 2, 15, 15), "Tensor 1×2×15×15"),
        (torch.zeros(2, 10), "Tensor 2×10"),
        ({"angle": torch.zeros(1), "speed": torch.zeros(1, 1)}, "dict of 1, 1×1"),
        ((torch.zeros(1, 10), torch.zeros(1, 4)), "tuple of 1×10, 1×4"),
    ],
)
def test_an_output_that_is_no_row_of_logits_is_refused(output: object, given: str) -> None:
    with pytest.raises(TaskError, match=rf"1×classes, and not {given}: name the task that fits"):
        Classification().checked(output)


@pytest.mark.parametrize("count", [0, 1])
def test_a_regressor_is_no_classifier(count: int) -> None:
    with pytest.raises(TaskError, match=f"of {count}, as a regressor does: name the task .*--task"):
        Classification().checked(torch.zeros(1, count))
    assert Classification().checked(torch.zeros(1, 2)) is not None


def test_a_label_is_a_class_of_the_network() -> None:
    Classification().check_label(torch.zeros(1, 10), 9)
    with pytest.raises(TaskError, match="index 1,500, and the network has 10 classes, 0 to 9"):
        Classification().check_label(torch.zeros(1, 10), 1500)


def test_an_output_that_holds_nan_is_refused() -> None:
    with pytest.raises(TaskError, match="the network's output holds NaN"):
        Classification().checked(row(0.0, math.nan))
    kept = row(0.0, math.inf)
    assert Classification().checked(kept) is kept


def test_a_prediction_has_the_best_five_with_their_probabilities() -> None:
    output = row(*(math.log(share) for share in (0.02, 0.5, 0.3, 0.1, 0.05, 0.03)))
    said = Classification().predict(output)
    assert said["classes"] == [1, 2, 3, 4, 5]
    assert said["probabilities"] == pytest.approx([0.5, 0.3, 0.1, 0.05, 0.03])
    assert Classification().lines(said)[0] == "class 1 50 %"
    named = Classification(["ant", "bee", "cat", "dog", "eel", "fox"])
    assert named.lines(named.predict(output))[:2] == ["bee 50 %", "cat 30 %"]


def test_networks_of_imagenet_s_classes_have_their_names(lite0: sw.Model) -> None:
    said = Classification.of(lite0).predict(torch.nn.functional.one_hot(torch.tensor([1]), 1000))
    assert said["names"][0] == "goldfish"


def test_a_prediction_is_drawn_below_the_picture() -> None:
    picture = Image.new("RGB", (60, 40), (9, 99, 199))
    drawn = Classification().draw(picture, Classification().predict(row(0.0, 2.0)))
    assert drawn.width == 60 and drawn.height > 40 + 2 * 12
    assert drawn.crop((0, 0, 60, 40)).tobytes() == picture.tobytes()
    dark = np.asarray(drawn.convert("L"))[40:] < 128
    assert dark[:20].any() and dark[20:].any()  # two lines of words


def test_log_likelihoods_have_the_fisher_information_as_mean_outer_product() -> None:
    task, random = Classification(), np.random.default_rng(0)
    x = row(0.3, -1.0, 0.8, 0.0).requires_grad_()
    slopes = []
    for _ in range(4000):
        (slope,) = torch.autograd.grad(task.log_likelihood(x, random), x)
        slopes.append(slope[0].double().numpy())
    found = np.einsum("ni,nj->ij", slopes, slopes) / len(slopes)
    p = x.detach()[0].double().softmax(0).numpy()
    np.testing.assert_allclose(found, np.diag(p) - np.outer(p, p), atol=0.02)
    np.testing.assert_allclose(np.mean(slopes, axis=0), 0, atol=0.03)
