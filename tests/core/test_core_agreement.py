"""The C core, native and as WebAssembly, against Python: the same streams, to the same bits."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from cases import SHAPES, SPECS, Case, Tensor, case, recoded, smooth
from native import ROOT, Core, CoreError
from wasm import WasmCore, module

import splitwire as sw
from splitwire.codecs import bitstream
from splitwire.codecs.profile import Profile

GOLDEN = ROOT / "tests/golden"
STREAMS = [
    *("raw", "raw-3-bits-per-channel", "raw-float32", "raw-float16", "raw-vector", "raw-tokens"),
    *("rans", "rans-8-bits-per-channel", "rans-by-bytes"),
    *("ecsq", "ecsq-2-levels", "ecsq-64-levels"),
]
PROFILED = [
    *(("raw", "raw-profile"), ("ftc", "ftc-30"), ("ftc", "ftc-80")),
    *(("ftc-sequence", "ftc-sequence-0"), ("ftc-sequence", "ftc-sequence-7")),
]
KINDS = (Core, WasmCore)
FEW, MANY = 8 * len(SPECS), 10_000


class Cores:
    """A core for each profile, made once."""

    def __init__(self) -> None:
        self.made: dict[tuple[type, str], Core | WasmCore] = {}

    def of(self, kind: type, profile: Profile | None) -> Core | WasmCore:
        key = kind, profile.digest if profile else ""
        if key not in self.made:
            self.made[key] = kind(profile)
        return self.made[key]


@pytest.fixture(scope="module")
def cores() -> Cores:
    return Cores()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", STREAMS)
def test_golden_stream(kind: type, name: str, cores: Cores) -> None:
    y = cores.of(kind, None).decode((GOLDEN / f"{name}.sw").read_bytes())
    assert y.tobytes() == np.load(GOLDEN / f"{name}.npy").tobytes()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("file", "name"), PROFILED)
def test_golden_stream_of_a_profile(kind: type, file: str, name: str, cores: Cores) -> None:
    core = cores.of(kind, Profile.load(GOLDEN / f"{file}.safetensors"))
    y = core.decode((GOLDEN / f"{name}.sw").read_bytes())
    assert y.tobytes() == np.load(GOLDEN / f"{name}.npy").tobytes()


def same_bits(*tensors: Tensor) -> bool:
    return len({(y.shape, y.tobytes()) for y in tensors}) == 1


def agree(c: Case, cores: Cores) -> bool:
    """Checks one case; whether C's stream is Python's as well."""
    native, wasm, python = cores.of(Core, c.profile), cores.of(WasmCore, c.profile), c.python
    try:
        theirs = python.encode(c.x)
    except sw.CodecError:
        for core in (native, wasm):
            with pytest.raises(CoreError, match="target_bytes"):
                core.encode(c.spec, c.x)
        return True
    ours = native.encode(c.spec, c.x)
    assert wasm.encode(c.spec, c.x) == ours
    assert recoded(ours, c.profile) == ours  # from equal symbols, equal bytes
    for stream in {ours, theirs}:
        assert same_bits(python.decode(stream), native.decode(stream), wasm.decode(stream))
    assert ours == theirs or c.spec.startswith("ftc")
    return ours == theirs


def test_random_tensors(cores: Cores) -> None:
    same = [agree(case(seed), cores) for seed in range(FEW)]
    assert sum(same) >= 0.97 * FEW  # rounding tips a symbol of ftc here and there


@pytest.mark.full
def test_many_random_tensors(cores: Cores) -> None:
    same = [agree(case(seed), cores) for seed in range(FEW, FEW + MANY)]
    assert sum(same) >= 0.97 * MANY


@pytest.mark.parametrize("name", ["blocks.2", "blocks.3", "blocks.5"])
def test_profiles_that_are_shipped(name: str, cores: Cores) -> None:
    profile = Profile.load(ROOT / f"splitwire/profiles/lite0/{name}-ftc.profile")
    shape = tuple(int(n) for n in profile.arrays["shape"])
    x = smooth(np.random.default_rng(0), shape) * np.float32(0.1)
    agree(Case("ftc:quality=40", x, profile), cores)


@pytest.mark.parametrize("shape", [(2, 1, 1), (2, 1, 40), (3, 33, 2), (3, 12, 24), (130, 2, 2)])
def test_maps_of_any_side(shape: tuple[int, ...], cores: Cores) -> None:
    """Cosines, octaves and bands of sides small, large and odd, found without a library."""
    rng = np.random.default_rng(0)
    some = [smooth(rng, shape) for _ in range(3)]
    profile = sw.codec("ftc").calibrate(some).profile  # type: ignore[attr-defined]
    agree(Case("ftc:quality=70", some[0], profile), cores)


@pytest.mark.parametrize("shape", [(32, 16, 16), (8192,), (41, 15, 14), (300, 30)])
def test_tensors_coded_by_bytes(shape: tuple[int, ...], cores: Cores) -> None:
    """Those of 8 bits and some size, unless a code is frequent."""
    x = smooth(np.random.default_rng(0), shape)
    marks = []
    for values in (x, np.rint(x), np.maximum(x - 2, 0)):
        c = Case("rans:bits=8,clip=minmax", values, None)
        assert agree(c, cores)
        marks.append(bitstream.read(c.python.encode(values))[1][8])
    assert marks[0] == 0
    assert marks[2] > 0


def test_a_codec_with_a_learnt_range(cores: Cores) -> None:
    x = smooth(np.random.default_rng(0), SHAPES[3])
    for spec in ("raw:clip=profile,per=channel", "rans:clip=profile"):
        profile = sw.codec(spec).calibrate([x]).profile  # type: ignore[attr-defined]
        assert agree(Case(spec, x, profile), cores)


def test_size_of_the_module(tmp_path: Path) -> None:
    data = module().read_bytes()
    assert len(data) <= 300_000
    assert len(gzip.compress(data)) <= 120_000
