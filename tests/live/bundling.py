"""Bundles of the small network that a cloud of these tests holds."""

import json
import shutil
from pathlib import Path

import splitwire as sw
from splitwire.bundle.export import write_bundle
from splitwire.tasks.classification import Classification

COMMAND = "from splitwire.cli import main; main()"


def bundled(model: sw.Model, path: Path, spec: str) -> Path:
    """The network cut after its second module, in a folder."""
    write_bundle(path, sw.split(model, "1"), [sw.codec(spec)], spec, Classification.of(model))
    return path


def copied(bundle: Path, path: Path, **changes: str) -> Path:
    """The same bundle with other entries in its manifest."""
    shutil.copytree(bundle, path)
    said = json.loads((path / "manifest.json").read_bytes())
    (path / "manifest.json").write_text(json.dumps(said | changes), encoding="utf-8")
    return path
