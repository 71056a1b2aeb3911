"""Where tasks and metrics are found: built in, by entry point, and in a user's file."""

import warnings
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import torch

import splitwire as sw
from splitwire.errors import TaskError
from splitwire.eval.scoring import Scoring
from splitwire.tasks import registry
from splitwire.tasks.classification import Classification
from splitwire.tasks.metric import Metric, load_metric
from splitwire.tasks.registry import load_task, task_class, tasks

OWN = '''
from splitwire.tasks.classification import Classification
from splitwire.tasks.metric import Metric

class Dogs(Classification):
    name = "dogs"

number = 5
top3 = Metric("top3", "top-3 accuracy", lambda *_: 1.0, share=True, by_truth=True)

def largest_error(reference, output, truth):
    """The largest difference of a logit.

    In logits.
    """
    return float((reference - output).abs().max())

def bare(reference, output, truth):
    return None
'''

BUILT_IN = [task.name for task in registry.BUILT_IN]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("own") / "own.py"
    file.write_text(OWN, encoding="utf-8")
    return str(file)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch):
    """Makes entry points known for a test: `installed(name="module:Class")`."""

    def make(**points: str) -> None:
        found = [EntryPoint(name, value, registry.ENTRY_POINTS) for name, value in points.items()]
        monkeypatch.setattr(registry, "entry_points", lambda group: found)
        registry._installed.cache_clear()

    yield make
    registry._installed.cache_clear()


def test_classification_is_built_in(lite0: sw.Model) -> None:
    assert task_class("classification") is Classification
    assert isinstance(load_task("classification", lite0), Classification)


def test_an_unknown_task_is_told_from_those_there_are() -> None:
    with pytest.raises(
        TaskError,
        match=r"unknown task 'classifcation' \(did you mean 'classification'\?\); there are: "
        r"classification, detection, segmentation, keypoints, embedding, or path/to/file\.py:CLASS",
    ):
        task_class("classifcation")


def test_a_task_of_a_user_s_file(own: str) -> None:
    assert task_class(f"{own}:Dogs").name == "dogs"
    assert list(tasks([f"{own}:Dogs"])) == [*BUILT_IN, "dogs"]
    with pytest.raises(TaskError, match="defines no 'Cats'"):
        task_class(f"{own}:Cats")
    with pytest.raises(TaskError, match=r"own\.py:number is no splitwire\.Task"):
        task_class(f"{own}:number")
    with pytest.raises(TaskError, match="there is no file"):
        task_class(f"{own}.py:Dogs")


def test_a_task_of_another_distribution(installed) -> None:
    installed(cats="tasks_of_another_distribution:Cats")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert list(tasks()) == BUILT_IN
    assert "the task 'cats' (tasks_of_another_distribution:Cats): No module" in str(caught[0])
    installed(cats="splitwire.tasks.classification:Classification")
    assert list(tasks()) == BUILT_IN


def test_an_entry_point_names_the_class(
    installed, own: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(Path(own).parent))
    installed(dogs="own:Dogs")
    assert task_class("dogs").name == "dogs"


def test_a_function_of_five_lines_is_a_metric(own: str) -> None:
    metric = load_metric(f"{own}:largest_error")
    assert (metric.name, metric.about) == (
        "largest error",
        "the largest difference of a logit",
    )
    assert not metric.share and not metric.by_truth
    one, other = torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 4.0]])
    assert metric.measure(one, other, None) == 2.0


def test_a_metric_without_a_docstring_is_about_its_name(own: str) -> None:
    assert load_metric(f"{own}:bare").about == "bare"


def test_a_metric_made_in_full(own: str) -> None:
    metric = load_metric(f"{own}:top3")
    assert isinstance(metric, Metric) and metric.share and metric.by_truth


def test_what_is_no_metric_is_refused(own: str) -> None:
    with pytest.raises(TaskError, match=r"own\.py:number is neither a function of \(reference,"):
        load_metric(f"{own}:number")
    with pytest.raises(TaskError, match="defines no 'gone'"):
        load_metric(f"{own}:gone")


def test_metrics_join_those_of_the_task(own: str) -> None:
    scoring = Scoring.of("classification", [f"{own}:largest_error", f"{own}:top3"])
    names = [metric.name for metric in scoring.metrics]
    assert names == ["agree", "top1", "top5", "largest error", "top3"]
    main = scoring.main(names)
    assert main and main.name == "top1"
    alone = scoring.main(["largest error"])
    assert alone and alone.name == "largest error"
    assert scoring.main([]) is None
    with pytest.raises(TaskError, match="two metrics are called 'top3': samples tell them by"):
        Scoring.of("classification", [f"{own}:top3", f"{own}:top3"])


def test_what_a_metric_says_nothing_of_is_left_out(own: str) -> None:
    scoring = Scoring.of("classification", [f"{own}:bare"])
    logits = torch.tensor([[1.0, 2.0]])
    assert scoring.measure(Classification(), logits, logits, None) == {"agree": 1.0}
    assert scoring.measure(Classification(), logits, logits, 0) == {
        "agree": 1.0,
        "top1": 0.0,
        "top5": 1.0,
    }
