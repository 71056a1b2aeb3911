"""Damage to streams, profiles and arguments: the core names an error, where Python raises one."""

import ctypes
import subprocess
import zlib
from pathlib import Path

import numpy as np
import pytest
from cases import SPECS, Case, Tensor, case, smooth
from native import INCLUDES, ROOT, Core, CoreError, compiler, library

import splitwire as sw
from splitwire.codecs.bitstream import Header, Sequence, write

FEATURES = smooth(np.random.default_rng(0), (6, 9, 7))
PROFILE = ROOT / "tests/golden/ftc.safetensors"
PROFILES = [PROFILE, ROOT / "tests/golden/raw.safetensors"]


def sealed(body: bytes) -> bytes:
    """A stream of anything under a right CRC-32."""
    return body + zlib.crc32(body).to_bytes(4, "little")


def outcome(decode: object, stream: bytes) -> Tensor | None:
    try:
        y: Tensor = decode(stream)  # type: ignore[operator]
    except (sw.BitstreamError, sw.ProfileError, CoreError):
        return None
    return y


def compare(c: Case, rng: np.random.Generator) -> int:
    """Damages a stream: both refuse it, or give the same bits. How many were refused."""
    core, python, refused = Core(c.profile), c.python, 0
    body = bytearray(core.encode(c.spec, c.x)[:-4])
    for _ in range(8):
        bad = body.copy()
        for at in rng.integers(4 + bad[3], len(bad), rng.integers(1, 3)):  # behind the spec
            bad[at] ^= rng.integers(1, 256)
        cut = len(bad) - rng.integers(0, 3) * rng.integers(0, 8)
        stream = sealed(bytes(bad[:cut]))
        ours, theirs = outcome(core.decode, stream), outcome(python.decode, stream)
        assert (ours is None) == (theirs is None), stream.hex()
        if ours is not None and theirs is not None:
            assert (ours.shape, ours.tobytes()) == (theirs.shape, theirs.tobytes())
        refused += ours is None
    return refused


def test_damage_is_judged_as_python_judges_it() -> None:
    rng = np.random.default_rng(0)
    cases = [case(seed) for seed in range(100, 100 + 4 * len(SPECS))]
    refused = sum(compare(c, rng) for c in cases if "target" not in c.spec)
    assert refused > len(cases)


def test_damage_to_what_is_coded_by_bytes() -> None:
    rng = np.random.default_rng(0)
    c = Case("rans:bits=8", smooth(rng, (33, 16, 16)), None)
    assert sum(compare(c, rng) for _ in range(8)) > 8


@pytest.mark.parametrize("spec", ["raw", "rans", "ecsq", "ftc"])
def test_every_byte_of_a_stream_counts(spec: str) -> None:
    core = Core(PROFILE if spec == "ftc" else None)
    stream = core.encode(spec, FEATURES)
    for cut in range(len(stream)):
        assert outcome(core.decode, stream[:cut]) is None
        flipped = bytearray(stream)
        flipped[cut] ^= 1 << cut % 8
        assert outcome(core.decode, bytes(flipped)) is None
    assert outcome(core.decode, stream + b"\0") is None


@pytest.mark.parametrize(
    ("stream", "words"),
    [
        (b"", "no stream"),
        (write(Header("png", (2, 2, 2)), b"1"), "none of raw"),
        (write(Header("raw:bits=9", (2, 2, 2)), b"1"), "no stream"),
        (write(Header("raw:colour=9", (2, 2, 2)), b"1"), "no stream"),
        (write(Header("raw", (1 << 20, 1 << 20)), b"1"), "no stream"),
        (write(Header("ftc", (6, 9, 7), "00" * 8), b"1"), "another profile"),
        (write(Header("ftc", (6, 9, 7)), b"1"), "no stream"),
        (write(Header("", (), None, Sequence(b"1234", 3, 1)), b"1"), "builds on another"),
    ],
)
def test_streams_refused(stream: bytes, words: str) -> None:
    with pytest.raises(CoreError, match=words):
        Core(PROFILE).decode(stream)


@pytest.mark.parametrize(
    ("spec", "x", "words"),
    [
        ("jpeg", FEATURES, "none of raw"),
        ("", FEATURES, "none of raw"),
        ("raw:bits=0", FEATURES, "out of range"),
        ("raw:bits=4,bits=4", FEATURES, "out of range"),
        ("raw:quality=4", FEATURES, "does not have"),
        ("raw:clip=0sd", FEATURES, "out of range"),
        ("raw:dtype=float16,bits=4", FEATURES, "out of range"),
        ("ecsq:levels=65", FEATURES, "out of range"),
        ("ecsq:tradeoff=11", FEATURES, "out of range"),
        ("ftc", FEATURES, "profile is needed"),
        ("rans:clip=profile", FEATURES, "profile is needed"),
        ("raw", np.array([1, np.inf], np.float32), "NaN or infinity"),
        ("raw", np.array([np.nan], np.float32), "NaN or infinity"),
        ("raw", np.zeros((1,) * 9, np.float32), "cannot be coded"),
        ("raw", np.zeros((2, 0), np.float32), "cannot be coded"),
    ],
)
def test_what_cannot_be_encoded(spec: str, x: Tensor, words: str) -> None:
    with pytest.raises(CoreError, match=words):
        Core().encode(spec, x)


def test_a_profile_of_another_shape_or_codec() -> None:
    for spec, x in (("ftc", FEATURES[:, :8]), ("raw", FEATURES)):
        with pytest.raises(CoreError, match="another profile"):
            Core(PROFILE).encode(spec, x)
    with pytest.raises(CoreError, match="target_bytes"):
        Core(PROFILE).encode("ftc:target_bytes=5", FEATURES)
    with pytest.raises(CoreError, match="opened for this use"):
        Core(PROFILE, use=0).encode("ftc", FEATURES)


@pytest.mark.parametrize("path", PROFILES)
def test_damaged_profiles(path: Path) -> None:
    file = path.read_bytes()
    for cut in (0, 7, 8, 100, len(file) // 2, len(file) - 1):
        with pytest.raises(CoreError, match="no profile"):
            Core().open(file[:cut])
    begin = 8 + int.from_bytes(file[:8], "little")
    for at in np.random.default_rng(0).integers(begin, len(file), 20):
        flipped = bytearray(file)
        flipped[at] ^= 1
        with pytest.raises(CoreError, match="no profile"):
            Core().open(bytes(flipped))


def test_too_little_room() -> None:
    file = PROFILE.read_bytes()
    for room in range(1, 700_000, 37_013):
        try:
            Core().open(file, room=room)
        except CoreError as error:
            assert "too small" in str(error)
    with pytest.raises(CoreError, match="too small"):
        Core().encode("raw", FEATURES, room=100)


def test_errors_have_words() -> None:
    words = {library().sw_error(ctypes.c_int(code)) for code in range(-1, 12)}
    assert len(words) == 12  # 11 codes, and one for all others


def fuzz(folder: Path, count: int, seed: int) -> str:
    """Mutated streams in C under sanitizers; see tests/fuzz/core.c."""
    binary, sanitizers = folder / "fuzz", "-fsanitize=address,undefined"
    flags = ["-std=c11", "-O1", "-g", sanitizers, "-fno-sanitize-recover=all", *INCLUDES]
    source = ROOT / "tests/fuzz/core.c"
    subprocess.run([compiler(), *flags, source, "-o", binary, "-lm"], check=True, timeout=300)
    given = [binary, str(count), str(seed), *PROFILES]
    done = subprocess.run(given, capture_output=True, text=True, timeout=3600)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_mutated_streams(tmp_path: Path) -> None:
    assert "damaged streams" in fuzz(tmp_path, 10_000, 1)


@pytest.mark.full
def test_many_mutated_streams(tmp_path: Path) -> None:
    assert "damaged streams" in fuzz(tmp_path, 10_000_000, 2)
