"""Processes in which torch cannot be imported, nor what only it or a cloud needs."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

WITHOUT = """
import sys

class Absent:
    names = {"torch", "torchvision", "timm", "skimage", "scipy", "matplotlib", "bjontegaard",
             "jinja2", "starlette", "uvicorn", "prometheus_client", "onnx", "onnxscript"}

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
"""


def without_torch(
    code: str, *arguments: str, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run code where there is no torch."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", WITHOUT + code, *arguments],
        env=environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
    )
