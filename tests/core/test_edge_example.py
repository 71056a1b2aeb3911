"""examples/edge.c, compiled by the line that it gives and run."""

import shlex
import subprocess
from pathlib import Path

import numpy as np
import pytest
from cases import smooth
from native import ROOT, compiler

import splitwire as sw

PROFILE = ROOT / "splitwire/profiles/lite0/blocks.3-ftc.profile"
SHAPE = (80, 14, 14)


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    binary = tmp_path_factory.mktemp("edge") / "edge"
    text = (ROOT / "examples/edge.c").read_text()
    line = text[text.index("cc ") + 3 : text.index("-o edge")].replace("\\\n *", "")
    command = [compiler(), *shlex.split(line), "-o", str(binary), "-Wall", "-Wextra", "-Werror"]
    subprocess.run(command, cwd=ROOT, check=True, timeout=300)
    return binary


def run(edge: Path, folder: Path, x: np.ndarray) -> subprocess.CompletedProcess[str]:
    (folder / "x").write_bytes(x.tobytes())
    given = [PROFILE, "ftc:quality=50", *(folder / name for name in ("x", "stream", "y"))]
    return subprocess.run([edge, *given], capture_output=True, text=True, timeout=60)


def test_a_feature_file_to_a_stream_and_back(edge: Path, tmp_path: Path) -> None:
    x = smooth(np.random.default_rng(0), SHAPE) * np.float32(0.1)
    assert run(edge, tmp_path, x).returncode == 0
    profile = sw.Profile.load(PROFILE)
    y = sw.decode((tmp_path / "stream").read_bytes(), profile)
    assert y.tobytes() == (tmp_path / "y").read_bytes()
    theirs = sw.decode(sw.codec("ftc:quality=50", profile=profile).encode(x), profile)
    assert np.mean((y - theirs) ** 2) < 1e-3 * np.mean((y - x) ** 2)  # but for rounding


def test_what_is_wrong_is_said(edge: Path, tmp_path: Path) -> None:
    done = run(edge, tmp_path, np.zeros(7, np.float32))
    assert done.returncode == 1
    assert "shape" in done.stderr
