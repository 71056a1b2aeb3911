"""Streams from one process to another, and codecs from another distribution."""

import subprocess
import sys
from os import environ, pathsep
from pathlib import Path
from platform import machine

import numpy as np
import pytest
from streams import NAMES, features, ready

import splitwire as sw
from splitwire.kernels._isa import supported

ADD_ON = '''
import numpy as np
import splitwire as sw


@sw.register_codec
class Halves(sw.Codec):
    """Every number as float16, scaled."""

    name = "halves"
    gain: int = sw.parameter(1, "factor", low=1, high=9, decoding=True)

    def _encode(self, x):
        return (x * np.float32(self.gain)).astype("<f2").tobytes()

    def _decode(self, payload, shape):
        numbers = np.frombuffer(payload, "<f2").reshape(shape).astype(np.float32)
        return np.nan_to_num(numbers) / np.float32(self.gain)
'''


def run(
    code: str, *arguments: object, path: Path | None = None, **settings: str
) -> subprocess.CompletedProcess[str]:
    """A process of its own that knows what this one does and, if given, the folder `path`.

    settings: of its environment.
    """
    known = [str(path or ""), environ.get("PYTHONPATH", "")]
    environment = {**environ, "PYTHONPATH": pathsep.join(filter(None, known)), **settings}
    return subprocess.run(
        [sys.executable, "-P", "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
        check=False,
    )


def install(folder: Path, module: str, source: str, entry: str) -> None:
    """What an installer leaves of a distribution with one module and one entry point."""
    (folder / f"{module}.py").write_text(source)
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[splitwire.codecs]\n{module} = {entry}\n")


DECODE = """
import pathlib, sys
import numpy, splitwire
for stream in sys.argv[2:]:
    path = pathlib.Path(stream + ".profile")
    profile = splitwire.Profile.load(path) if path.exists() else None
    with open(stream, "rb") as file:
        numpy.save(stream + ".npy", splitwire.decode(file.read(), profile))
assert "torch" not in sys.modules
"""

TOLD = """
from threadpoolctl import threadpool_info
assert splitwire.kernels.isa == sys.argv[1]
for pool in threadpool_info():
    print(pool["internal_api"], pool.get("architecture"), pool["num_threads"])
"""

# What the kernels use, what OpenBLAS takes the processor for, and its threads.
MACHINES = [("baseline", "Nehalem", 1), ("avx2", "Haswell", 2), ("avx512", "SkylakeX", 2)]


def test_another_process_decodes_what_this_one_wrote(tmp_path: Path) -> None:
    x = features(3, 10, 12)
    codecs = {name: ready(name, *x.shape) for name in NAMES}
    for name, codec in codecs.items():
        (tmp_path / name).write_bytes(codec.encode(x))
        if codec.profile is not None:
            codec.profile.save(tmp_path / f"{name}.profile")
    files = [tmp_path / name for name in NAMES]
    done = run(DECODE, "", *files)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    for file in files:
        np.testing.assert_array_equal(
            np.load(f"{file}.npy"),
            sw.decode(file.read_bytes(), codecs[file.name].profile),
            err_msg=file.name,
        )


@pytest.mark.skipif(machine() not in ("x86_64", "AMD64"), reason="instruction sets of x86-64")
@pytest.mark.parametrize("isa, blas, threads", MACHINES)
def test_decoding_is_exact_with_any_instruction_set_and_threads(
    tmp_path: Path, isa: str, blas: str, threads: int
) -> None:
    if isa not in supported():
        pytest.skip(f"this processor has no {isa}")
    expected = []
    packaged = Path(sw.__file__).parent.glob("profiles/**/*.profile")
    for profile in map(sw.Profile.load, packaged):
        codec = sw.codec(profile.codec, profile=profile)
        x = 3 * features(*profile.arrays["shape"])
        name = tmp_path / profile.digest
        name.write_bytes(codec.encode(x))
        profile.save(f"{name}.profile")
        expected.append((name, sw.decode(name.read_bytes(), profile)))
    settings = {"OPENBLAS_CORETYPE": blas, "OPENBLAS_NUM_THREADS": str(threads)}
    files = [name for name, _ in expected]
    done = run(DECODE + TOLD, isa, *files, SPLITWIRE_ISA=isa, **settings)
    assert done.returncode == 0, done.stderr
    if "openblas" in done.stdout:  # NumPy may be built upon another
        assert f"{blas} {threads}" in done.stdout
    for name, y in expected:
        np.testing.assert_array_equal(np.load(f"{name}.npy"), y)


@pytest.mark.parametrize("entry", ["halves_codec:Halves", "halves_codec"])
def test_codec_of_another_distribution(tmp_path: Path, entry: str) -> None:
    install(tmp_path, "halves_codec", ADD_ON, entry)
    x, stream = features(3, 5, 7), tmp_path / "stream"
    np.save(tmp_path / "x.npy", x)
    encode = """
import sys, warnings
warnings.simplefilter("error")
import numpy, splitwire
from splitwire import testing

from splitwire.codecs.registry import codec_names
assert codec_names()[-1] == "halves", codec_names()
testing.check_codec(splitwire.codec("halves"))
testing.check_codec(splitwire.codec("halves:gain=4"))
with open(sys.argv[2], "wb") as file:
    file.write(splitwire.codec("halves:gain=2").encode(numpy.load(sys.argv[1])))
"""
    done = run(encode, tmp_path / "x.npy", stream, path=tmp_path)
    assert done.returncode == 0, done.stderr
    done = run(DECODE, "", stream, path=tmp_path)
    assert done.returncode == 0, done.stderr
    y = np.load(f"{stream}.npy")
    np.testing.assert_array_equal(y, (x * 2).astype(np.float16).astype(np.float32) / 2)
    with pytest.raises(sw.BitstreamError, match="unknown codec 'halves'"):
        sw.decode(stream.read_bytes())


def test_a_built_in_name_is_taken_before_its_codec_is_loaded(tmp_path: Path) -> None:
    code = ADD_ON.replace('"halves"', '"png"')
    done = run(code, path=tmp_path)
    assert "'png' is taken by splitwire.codecs.png.Png" in done.stderr


@pytest.mark.parametrize(
    ("source", "entry", "words"),
    [
        ("import no_such_module", "broken:Codec", "no_such_module"),
        ("1 / 0", "broken", "division by zero"),
        ("", "broken:Missing", "Missing"),
        (ADD_ON.replace('"halves"', '"jpeg"'), "broken:Halves", "'jpeg' is taken"),
        (ADD_ON.replace("_decode", "decoded"), "broken:Halves", "lacks _decode"),
        (ADD_ON.replace("sw.parameter(", "tuple, ("), "broken:Halves", "broken"),
    ],
)
def test_broken_add_on_only_warns(tmp_path: Path, source: str, entry: str, words: str) -> None:
    install(tmp_path, "broken", source, entry)
    code = """
import splitwire
from splitwire.codecs.registry import codec_names
x = splitwire.decode(splitwire.codec("jpeg").encode([1.0, 2.0]))
print(x.shape, "broken" in codec_names())
"""
    done = run(code, path=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "(2,) False"
    assert "UserWarning: the codec 'broken'" in done.stderr
    assert words in done.stderr
