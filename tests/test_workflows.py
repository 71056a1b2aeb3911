"""What GitHub runs is what .ci/ holds, and what pre-commit runs is what .ci/run does."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent
WORKFLOWS = {path.stem: path for path in (ROOT / ".github/workflows").glob("*.yml")}
SCRIPT = re.compile(r"\.ci/\w+")


def loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def steps(name: str) -> list[dict[str, Any]]:
    return [step for job in loaded(WORKFLOWS[name])["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize(
    "name, scripts",
    [("tests", {".ci/run", ".ci/nightly"}), ("docs", {".ci/docs"}), ("wheels", {".ci/package"})],
)
def test_a_workflow_runs_what_is_run_here(name: str, scripts: set[str]) -> None:
    assert set(SCRIPT.findall(" ".join(step.get("run", "") for step in steps(name)))) == scripts
    assert all(os.access(ROOT / script, os.X_OK) for script in scripts)


def test_every_workflow_is_looked_at() -> None:
    assert WORKFLOWS.keys() == {"tests", "docs", "wheels"}


@pytest.mark.parametrize("name", sorted(WORKFLOWS))
def test_actions_are_pinned_by_major_version(name: str) -> None:
    for step in steps(name):
        assert "run" in step or re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step["uses"])


def test_ci_runs_the_site_and_the_package() -> None:
    assert {".ci/docs", ".ci/package"} <= set(SCRIPT.findall((ROOT / ".ci/run").read_text()))


def test_pre_commit_runs_what_ci_runs() -> None:
    config = ROOT / ".pre-commit-config.yaml"
    lines = (ROOT / ".ci/run").read_text().splitlines()
    for repository in loaded(config)["repos"]:
        for hook in repository["hooks"]:
            command = (
                hook["entry"] if not hook.get("pass_filenames", True) else hook["entry"] + " ."
            )
            assert command in map(str.strip, lines)
    command = [sys.executable, "-m", "pre_commit", "validate-config", str(config)]
    subprocess.run(command, check=True)
