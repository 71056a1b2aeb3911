"""Vision transformers: their splits, and codecs on their tokens."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

import splitwire as sw
from splitwire.cli import app
from splitwire.codecs.ftc.tokens import TokenProfile, opened
from splitwire.eval.experiment import load_experiment
from splitwire.eval.run import Run

VIT = """
import torch
from timm.models.vision_transformer import VisionTransformer
from splitwire.models.preprocess import Preprocess

HOW = Preprocess(32, 36, (127.0,) * 3, (64.0,) * 3, "bilinear")

def vit():
    torch.manual_seed(0)
    size = dict(img_size=32, patch_size=8, embed_dim=24, depth=2, num_heads=2, num_classes=10)
    network = VisionTransformer(**size)
    for weight in network.parameters():
        if weight.ndim == 2:
            torch.nn.init.normal_(weight, std=0.3)  # so that the output depends on the picture
    return network, HOW
"""


@pytest.fixture(scope="module")
def vit(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("nets") / "vit.py"
    file.write_text(VIT, encoding="utf-8")
    return f"{file}:vit"


def test_splits(vit: str) -> None:
    shown = CliRunner().invoke(app, ["splits", vit])
    assert shown.exit_code == 0, shown.output
    assert "17×24" in shown.output


def test_every_codec_codes_tokens(vit: str, tmp_path: Path) -> None:
    path = tmp_path / "vit.profile"
    told = ["calibrate", vit, "blocks.0", "--crops", "8", "--out", str(path)]
    made = CliRunner().invoke(app, told)
    assert made.exit_code == 0, made.output
    table = opened(sw.Profile.load(path))
    assert isinstance(table, TokenProfile)
    assert [part.shape for part in table.tables] == [(24, 1, 1), (24, 4, 4)]

    ftc = f"ftc:profile={path}"
    codecs = (f"{ftc},quality=40+60", f"{ftc},target_bytes=100", "ecsq", "h264:qp=20+35")
    plan = load_experiment(
        None, model=vit, splits=("blocks.0",), limit=2, codecs=codecs, pictures=(), links=()
    )
    samples = list(Run(plan, tmp_path / "run"))
    assert not [sample.error for sample in samples if sample.error]
    sizes = {s.codec: [t.bytes for t in samples if t.codec == s.codec] for s in samples if s.codec}
    assert all(len(two) == 2 for two in sizes.values())
    assert max(sizes[f"{ftc},quality=40"]) < min(sizes[f"{ftc},quality=60"])
    assert 75 < max(sizes[f"{ftc},target_bytes=100"]) <= 100
    assert {"ecsq", "h264:qp=20", "h264:qp=35"} < sizes.keys()
