"""Processes in which torch and PyAV cannot be imported, nor what only torch or a cloud needs."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

WITHOUT = """
import sys

class Absent:
    names = {"torch", "torchvision", "timm", "skimage", "scipy", "matplotlib", "bjontegaard",
             "jinja2", "starlette", "uvicorn", "prometheus_client", "onnx", "onnxscript", "av"}

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
"""


def without_torch(
    code: str, *arguments: str, cwd: Path | None = None, video: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run code where there is no torch, and PyAV only if it is asked for."""
    begin = WITHOUT + 'Absent.names.remove("av")\n' * video
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", begin + code, *arguments],
        env=environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
    )
