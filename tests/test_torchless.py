"""The package without the extras `torch` and `video`: what it does, what it says of the rest."""

import json

import numpy as np
import pytest
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


@pytest.mark.parametrize("video", [False, True])
def test_every_codec_codes(video: bool) -> None:
    done = without_torch(CODED, video=video)
    assert done.returncode == 0, done.stderr
    lengths = json.loads(done.stdout)
    assert {"raw", "rans", "ecsq", "png", "jpeg", "picture"} <= lengths.keys()
    assert ({"h264", "hevc", "av1", "film"} <= lengths.keys()) == video
    assert lengths.keys().isdisjoint({"h264", "hevc", "av1", "film"}) != video


@pytest.mark.parametrize("name", ["h264", "hevc", "av1", "film"])
def test_a_codec_whose_package_is_missing_names_the_extra_that_brings_it(name: str) -> None:
    stream = sw.codec("h264").encode(np.zeros((1, 16, 16), np.float32))
    done = without_torch(
        "import sys, splitwire as sw\n"
        "name, stream = sys.argv[1], bytes.fromhex(sys.argv[2])\n"
        "for call in (lambda: sw.codec(name), lambda: sw.decode(stream)):\n"
        "    try:\n        call()\n"
        "    except sw.MissingPackageError as error:\n        print(error.name, error)",
        name,
        stream.hex(),
    )
    said = 'av the codec {}: av is not installed; run: pip install "splitwire[video]"'
    assert done.stdout.splitlines() == [said.format(name), said.format("h264")], done.stderr


def test_codecs_lists_those_that_are_there_and_says_what_the_others_lack() -> None:
    for words in (("codecs",), ("codecs", "--json")):
        done = without_torch("from splitwire.cli import main; main()", *words)
        assert done.returncode == 0 and "jpeg" in done.stdout and "hevc" not in done.stdout
        said = 'splitwire: the codec {}: av is not installed; run: pip install "splitwire[video]"'
        names = ("h264", "hevc", "av1", "film")
        assert done.stderr.splitlines() == [said.format(name) for name in names]


@pytest.mark.parametrize("source", ["clip.mp4", "/dev/video0"])
def test_a_video_names_the_extra_that_brings_what_reads_it(source: str) -> None:
    done = without_torch(
        "import sys, splitwire as sw\nfrom splitwire.data.video import frames\n"
        "try:\n    frames(sys.argv[1])\nexcept sw.MissingPackageError as error:\n    print(error)",
        source,
    )
    assert done.stdout == 'av is not installed; run: pip install "splitwire[video]"\n', done.stderr


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
