"""torchvision's segmenters and detectors."""

from pathlib import Path

import pytest
import torch
import torchvision

import splitwire as sw
from splitwire.errors import ModelError
from splitwire.models.load import assemble
from splitwire.models.preprocess import Preprocess
from splitwire.tasks.registry import load_task

SMALL = Preprocess(64, 64, (127.0,) * 3, (64.0,) * 3, "bilinear")
DETECTORS = torchvision.models.list_models(torchvision.models.detection)


def test_a_segmenter_is_cut_and_says_what_torchvision_s_own_does() -> None:
    model = sw.load_model("torchvision:lraspp_mobilenet_v3_large", None)
    assert (model.preprocess.crop, model.preprocess.resize) == (520, 520)
    task = load_task("segmentation", model)
    x = torch.rand(model.input_shape) * 255
    whole = model(x)
    halves = sw.split(model, "backbone")
    assert torch.equal(halves.cloud(*halves.edge(x))["out"], whole["out"])
    made = torchvision.models.get_model(
        "lraspp_mobilenet_v3_large", weights=None, weights_backbone=None
    ).eval()
    made.load_state_dict(model.module.network.state_dict())
    mean, std = (
        torch.tensor(part).view(3, 1, 1) for part in (model.preprocess.mean, model.preprocess.std)
    )
    with torch.no_grad():
        assert torch.equal(made((x - mean) / std)["out"], whole["out"])
    said = task.predict(task.checked(whole))
    task.check_prediction(said)
    assert said["size"] == [520, 520]
    words = task.lines(said)[0]
    assert not words.startswith("class ") and words.endswith(" %")


def test_published_weights_fit_and_their_second_head_is_no_output(tmp_path: Path) -> None:
    """They hold an auxiliary head, as training leaves it."""
    name = "deeplabv3_mobilenet_v3_large"
    made = torchvision.models.get_model(name, weights=None, weights_backbone=None, aux_loss=True)
    assert any(key.startswith("aux_classifier") for key in made.state_dict())
    torch.save(made.state_dict(), tmp_path / "published.pth")
    model = sw.load_model(f"torchvision:{name}", tmp_path / "published.pth")
    small = assemble("small", model.module.network, SMALL)
    assert [tuple(node.meta["val"].shape) for node in small.graph.outputs] == [(1, 21, 64, 64)]
    assert small(torch.zeros(1, 3, 64, 64)).keys() == {"out"}


@pytest.mark.parametrize("name", DETECTORS)
def test_a_detector_is_refused_in_a_line_that_offers_its_backbone(name: str) -> None:
    with pytest.raises(ModelError) as refused:
        sw.load_model(f"torchvision:{name}", None)
    said = str(refused.value)
    assert said.startswith(f"torchvision:{name} does not export: how many boxes it keeps")
    assert "FILE.py:make --task embedding" in said and "\n" not in said


def test_the_backbone_of_a_detector_is_cut_at_its_pyramid(tmp_path: Path) -> None:
    (tmp_path / "backbone.py").write_text(
        "import torchvision\n"
        "from splitwire import Preprocess\n"
        "def make():\n"
        "    detector = torchvision.models.get_model(\n"
        "        'fasterrcnn_mobilenet_v3_large_320_fpn', weights=None, weights_backbone=None\n"
        "    )\n"
        "    how = Preprocess(64, 64, (127.0,) * 3, (64.0,) * 3, 'bilinear')\n"
        "    return detector.backbone, how\n"
    )
    model = sw.load_model(f"{tmp_path}/backbone.py:make")
    task = load_task("embedding", model)
    x = torch.rand(model.input_shape) * 255
    for at in ("fpn", "body"):
        halves = sw.split(model, at)
        output = halves.cloud(*halves.edge(x))
        assert task.divergence(model(x), task.checked(output)) == pytest.approx(0, abs=1e-12)
    task.check_prediction(task.predict(model(x)))
