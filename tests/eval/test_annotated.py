"""Runs of a detector, a segmenter and an embedding, on annotated folders."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from splitwire.errors import DataError
from splitwire.eval.experiment import FLOAT32, load_experiment
from splitwire.eval.results import Result
from splitwire.eval.run import Run
from splitwire.eval.summary import Summary

NETS = """
from torch import nn
from splitwire.models.preprocess import Preprocess

HOW = Preprocess(32, None, (127.0,) * 3, (64.0,) * 3, "bilinear")

class Dense(nn.Module):
    strides = (8,)
    classes = ("dark", "light")

    def __init__(self):
        super().__init__()
        self.body = nn.Conv2d(3, 8, 8, 8)
        self.head = nn.Conv2d(8, 2 + 12, 1)

    def forward(self, x):
        said = self.head(self.body(x).tanh()).flatten(2).transpose(1, 2)
        return said[..., :2] * 6, 4 * said[..., 2:]

def dense():
    return Dense(), HOW

def mask():
    return nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 3, 1)), HOW

def vector():
    return nn.Sequential(nn.Conv2d(3, 8, 8, 8), nn.ReLU(), nn.Flatten(), nn.Linear(128, 6)), HOW
"""
COUNT = 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("annotated")
    (root / "nets.py").write_text(NETS, encoding="utf-8")
    random = np.random.default_rng(0)
    (root / "images").mkdir()
    for at in range(COUNT):
        small = Image.fromarray(random.integers(0, 256, (6, 9, 3), dtype=np.uint8))
        small.resize((90, 60)).save(root / "images" / f"{at}.png")
    return root


def run(folder: Path, net: str, task: str, out: Path) -> list[Result]:
    plan = load_experiment(
        model=f"{folder}/nets.py:{net}",
        task=task,
        data=str(folder),
        splits=["1" if net != "dense" else "tanh"],
        codecs=["raw:bits=2+8"],
        pictures=[],
        links=[],
        edge="this",
        cloud="this",
    )
    made = Run(plan, out)
    assert [sample.error for sample in made] == [None] * made.total
    return [result for result in Summary.open(out).results if result.codec != FLOAT32]


def annotate(folder: Path, told: dict[str, Any]) -> None:
    (folder / "annotations.json").write_text(json.dumps(told), encoding="utf-8")


def coco(names: tuple[str, ...] = ("dark", "light")) -> dict[str, Any]:
    return {
        "images": [
            {"id": at, "file_name": f"{at}.png", "width": 90, "height": 60} for at in range(COUNT)
        ],
        "categories": [{"id": at, "name": name} for at, name in enumerate(names)],
        "annotations": [
            {"image_id": at, "category_id": at % 2, "bbox": [0, 0, 60, 40]} for at in range(COUNT)
        ],
    }


def test_a_detector_is_judged_by_itself_and_by_annotations(folder: Path, tmp_path: Path) -> None:
    annotate(folder, coco())
    alone, coarse, fine = run(folder, "dense", "detection", tmp_path / "run")
    assert alone.metrics["mAP50 ref"].mean == 1  # the network finds what it finds
    assert coarse.divergence.mean > 3 * fine.divergence.mean > 0
    assert coarse.metrics["mAP ref"].mean < fine.metrics["mAP ref"].mean <= 1
    assert {"mAP", "mAP50", "mAPm"} <= alone.metrics.keys()
    assert 0 <= alone.metrics["mAP"].mean < 1 and math.isnan(alone.metrics["mAPl"].mean)
    whole = fine.metrics["mAP ref"]
    assert whole.low <= whole.mean <= whole.high


def test_other_categories_than_the_network_s_are_refused(folder: Path, tmp_path: Path) -> None:
    annotate(folder, coco(("dark", "bright")))
    with pytest.raises(DataError, match=r"3\.png: what is annotated on it is wrong: its class 1"):
        run(folder, "dense", "detection", tmp_path / "run")
    with pytest.raises(DataError, match=r"\.png: what is annotated on it is wrong: .* by masks"):
        run(folder, "mask", "segmentation", tmp_path / "other")


def test_a_segmenter_is_judged_by_masks(folder: Path, tmp_path: Path) -> None:
    (folder / "annotations.json").unlink(missing_ok=True)
    (folder / "masks").mkdir()
    for at in range(COUNT):
        mask = np.random.default_rng(at).integers(0, 3, (60, 90), dtype=np.uint8)
        Image.fromarray(mask).save(folder / "masks" / f"{at}.png")
    try:
        alone, coarse, fine = run(folder, "mask", "segmentation", tmp_path / "run")
    finally:
        for path in (folder / "masks").iterdir():
            path.unlink()
        (folder / "masks").rmdir()
    assert alone.metrics["mIoU ref"].mean == 1 == alone.metrics["agree"].mean
    assert coarse.divergence.mean > 3 * fine.divergence.mean > 0
    assert 0 < alone.metrics["mIoU"].mean < 0.5 and 0 < alone.metrics["Dice"].mean < 0.5


def test_an_embedding_needs_no_annotation(folder: Path, tmp_path: Path) -> None:
    annotate(folder, coco())
    alone, coarse, fine = run(folder, "vector", "embedding", tmp_path / "run")
    assert alone.metrics["nearest"].mean == 1
    assert 1 > fine.metrics["cosine"].mean > coarse.metrics["cosine"].mean
    assert fine.divergence.mean == pytest.approx(1 - fine.metrics["cosine"].mean)
