"""The package without the extra `torch`: what it does, and what it says of the rest."""

import json

from without_torch import without_torch

import splitwire as sw

CODED = """
import json
import numpy as np
import splitwire as sw
from splitwire.codecs.registry import codec_names

x = np.random.default_rng(0).normal(size=(6, 12, 10)).astype(np.float32)
photo = np.random.default_rng(1).integers(0, 256, (3, 16, 24)).astype(np.float32)
taken = {"picture": photo, "film": photo}
lengths = {}
for name in codec_names():
    codec = sw.codec(name)
    if codec.needs_profile:
        continue
    stream = codec.encode(taken.get(name, x))
    assert sw.decode(stream).shape == taken.get(name, x).shape
    lengths[name] = len(stream)
print(json.dumps(lengths))
"""

IMPORTED = """
import splitwire.bundle.opened, splitwire.data.photos, splitwire.data.video
import splitwire.live.drive, splitwire.live.supply, splitwire.live.expected
import splitwire.tasks.registry, splitwire.calibrate.store
print(len(splitwire.tasks.registry.tasks()))
"""

REFUSED = """
import splitwire as sw
for name in ("load_model", "split", "Run", "write_report"):
    try:
        getattr(sw, name)
    except sw.SplitwireError as error:
        print(type(error).__name__, error)
"""


def test_every_codec_codes() -> None:
    done = without_torch(CODED)
    assert done.returncode == 0, done.stderr
    lengths = json.loads(done.stdout)
    assert {"raw", "rans", "ecsq", "png", "jpeg", "h264", "picture", "film"} <= lengths.keys()


def test_profiles_code_and_tell_nothing_of_torch() -> None:
    done = without_torch(
        "import numpy as np, splitwire as sw\n"
        "from importlib.resources import files\n"
        "path = files('splitwire') / 'profiles/lite0/blocks.3-ftc.profile'\n"
        "codec = sw.codec('ftc', profile=str(path))\n"
        "x = np.zeros((80, 14, 14), np.float32)\n"
        "print(sw.decode(codec.encode(x), codec.profile).shape)"
    )
    assert done.stdout == "(80, 14, 14)\n", done.stderr


def test_what_an_edge_needs_is_imported() -> None:
    done = without_torch(IMPORTED)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "5\n"


def test_what_needs_torch_names_the_extra_that_brings_it() -> None:
    done = without_torch(REFUSED)
    lines = done.stdout.splitlines()
    assert len(lines) == 4, done.stderr
    for line in lines:
        assert line.startswith("MissingPackageError")
        assert line.endswith('is not installed; run: pip install "splitwire[torch]"')


def test_a_command_that_needs_torch_says_so_in_a_line() -> None:
    done = without_torch("from splitwire.cli import main; main()", "splits", "lite0")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == 'splitwire: torch is not installed; run: pip install "splitwire[torch]"\n'


def test_a_missing_package_is_both_kinds_of_error() -> None:
    assert issubclass(sw.MissingPackageError, ImportError)
    assert issubclass(sw.MissingPackageError, sw.SplitwireError)
