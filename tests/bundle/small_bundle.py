"""A network as a bundle."""

from pathlib import Path

import splitwire as sw
from splitwire.bundle.export import write_bundle
from splitwire.bundle.manifest import Manifest
from splitwire.tasks.classification import Classification


def exported(folder: Path, model: sw.Model, at: str, spec: str) -> Manifest:
    """A classifier's bundle, written to a folder."""
    cut = sw.split(model, at)
    codecs = [sw.codec(spec)] * len(cut.crossings)
    return write_bundle(folder, cut, codecs, spec, Classification.of(model))
