"""The notebooks of the tutorial, run as a reader would, each in a folder and a kernel of its own.

They are in the repository with what they printed, which `pytest tests/tutorial --write-tutorial`
keeps, and nothing else.
"""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[2] / "docs/tutorial").glob("*.ipynb"))
DAILY = ("1-score-a-codec",)  # what the others show is tested where it lives


def test_there_are_four_steps() -> None:
    assert [path.name[0] for path in NOTEBOOKS] == ["1", "2", "3", "4"]


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=path.stem, marks=[pytest.mark.full] * (path.stem not in DAILY))
        for path in NOTEBOOKS
    ],
)
def test_a_notebook_runs_and_prints_what_it_shows(
    path: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    notebook = nbformat.read(path, as_version=4)
    shown = [speaks(cell) for cell in notebook.cells]
    NotebookClient(
        notebook,
        timeout=300,
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(tmp_path)}},
    ).execute()
    for cell in notebook.cells:
        if "outputs" in cell:  # what is told aside: progress, warnings of others
            cell.outputs = [out for out in cell.outputs if out.get("name") != "stderr"]
    if request.config.getoption("--write-tutorial", default=False):
        nbformat.write(notebook, path)
    else:
        assert [speaks(cell) for cell in notebook.cells] == shown


def speaks(cell: nbformat.NotebookNode) -> list[str]:
    """The kinds of what a cell gave: "stream" of standard output, a picture."""
    return sorted({output.output_type for output in cell.get("outputs", [])})
