"""The learned codec: networks in integers around each of its cores, and what a profile may hold."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from os import environ
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from learned_profiles import CORES, SHAPE, Arrays, layer
from streams import features, payload_of, stream_of

import splitwire as sw
from splitwire.codecs.learned.integer_layers import LARGEST, Layer
from splitwire.codecs.learned.integer_network import SUM, network_of
from splitwire.codecs.learned.latent_tables import REACH, bin_tables
from splitwire.codecs.learned.profile import opened


@pytest.fixture(scope="module", params=CORES)
def codec(request: pytest.FixtureRequest) -> sw.Codec:
    return sw.codec("learned", profile=sw.Profile("learned", CORES[request.param]()))


def test_every_core_passes_what_every_codec_must(codec: sw.Codec) -> None:
    from splitwire import testing

    x = features(*SHAPE)
    testing.check_round_trip(codec, x)
    testing.check_input(codec, x)
    testing.check_refusals(codec)
    testing.check_damage(codec, x)
    testing.check_bombs(codec, x)


def test_quality_trades_bytes(codec: sw.Codec) -> None:
    x = features(*SHAPE, seed=99)
    sizes = [len(replace(codec, quality=quality).encode(x)) for quality in (10, 40, 70)]
    assert sizes == sorted(sizes)


def test_before_training_it_is_ftc() -> None:
    tensors = [features(*SHAPE, seed=i) for i in range(4)]
    learned, ftc = (sw.codec(name).calibrate(tensors) for name in ("learned", "ftc"))
    streams = [made.encode(tensors[0]) for made in (learned, ftc)]
    assert payload_of(streams[0]) == payload_of(streams[1])
    y, z = (made.decode(stream) for made, stream in zip((learned, ftc), streams, strict=True))
    np.testing.assert_array_equal(y, z)


ENVIRONMENTS: list[dict[str, str]] = [
    {"OPENBLAS_NUM_THREADS": "2", "OPENBLAS_CORETYPE": "Haswell"},
    {"OPENBLAS_NUM_THREADS": "1", "OPENBLAS_CORETYPE": "Nehalem", "SPLITWIRE_ISA": "baseline"},
]

DECODE = """
import pathlib, sys
import numpy, splitwire
folder = pathlib.Path(sys.argv[1])
profile = splitwire.Profile.load(folder / "x.profile")
for stream in folder.glob("*.sw"):
    numpy.save(stream.with_suffix(".npy"), splitwire.decode(stream.read_bytes(), profile))
assert "torch" not in sys.modules
"""


@pytest.mark.parametrize("number", range(len(ENVIRONMENTS)))
def test_other_processes_decode_the_same_bits(codec: sw.Codec, number: int, tmp_path: Path) -> None:
    """On one thread and on two, and with other instruction sets of the linear algebra."""
    assert codec.profile is not None
    codec.profile.save(tmp_path / "x.profile")
    decoded = {}
    for quality in (20, 50, 80):
        stream = replace(codec, quality=quality).encode(features(*SHAPE))
        (tmp_path / f"{quality}.sw").write_bytes(stream)
        decoded[quality] = codec.decode(stream)
    command = [sys.executable, "-P", "-c", DECODE, str(tmp_path)]
    subprocess.run(command, check=True, timeout=120, env={**environ, **ENVIRONMENTS[number]})
    for quality, y in decoded.items():
        np.testing.assert_array_equal(np.load(tmp_path / f"{quality}.npy"), y)


def test_sums_of_a_layer_are_exact() -> None:
    """The largest numbers there are, in another order: the same result."""
    count = 700
    whole = Layer(
        np.full((1, count, 1, 1), 127, np.int8),
        np.array([2**31 - 1], np.int32),
        np.array([2.0**-30], np.float32),
        np.array([1, 0, 1], np.int32),
    )
    x = np.random.default_rng(0).integers(-LARGEST, LARGEST, (count, 3, 3)).astype(np.float64)
    expected = sum(int(v) for v in x[:, 0, 0]) * 127 + 2**31 - 1
    assert whole(x)[0, 0, 0] == np.rint(expected * 2.0**-30)
    np.testing.assert_array_equal(whole(x), whole(x[::-1]))


@pytest.mark.parametrize(("more", "sound"), [(0, True), (1, False)])
def test_a_layer_has_as_many_terms_as_stay_exact(more: int, sound: bool) -> None:
    count = (1 << 20) + more
    parts = layer(1, 1)
    whole = Layer(**parts | {"weight": np.ones((1, count, 1, 1), np.int8)})  # type: ignore[arg-type]
    assert (count * 128 * 2**15 + 2**31 < 2**53) and whole.is_sound() == sound


def test_a_layer_is_a_convolution() -> None:
    import torch

    parts = layer(8, 3, form=(2, 1, 2))
    x = np.random.default_rng(0).integers(-1000, 1000, (3, 9, 7)).astype(np.float64)
    weight, bias = (torch.from_numpy(parts[k].astype(np.float64)) for k in ("weight", "bias"))
    y = torch.nn.functional.conv2d(torch.from_numpy(x)[None], weight, bias, 2, 1) * 2.0**-10
    y = torch.nn.functional.pixel_shuffle(y.round().clamp(0, LARGEST), 2)
    np.testing.assert_array_equal(Layer(**parts)(x), y[0].numpy())  # type: ignore[arg-type]


def test_a_gated_branch_halves_when_the_step_does() -> None:
    arrays = CORES["gated"]()
    gated = network_of(arrays, "synthesis")
    plain = np.array([SUM], np.uint8)
    networks = [replace(gated, branches=[branch], residual=plain) for branch in gated.branches]
    x = np.random.default_rng(0).integers(-5000, 5000, (4, 5, 4)) * 1e-3
    for quality in (42, 50, 58):
        alone = [network(x, quality, SHAPE) for network in networks]
        expected = alone[0] + alone[1] * 2.0 ** ((50 - quality) / 8)
        np.testing.assert_allclose(gated(x, quality, SHAPE), expected, rtol=1e-12)


def test_bins_get_what_the_distribution_has_in_them() -> None:
    """Counts of a grid, summed over the bins of a step that is a multiple of it."""
    counts = np.random.default_rng(0).integers(0, 1000, (2, 16 * 40))
    cumulative = np.concatenate([np.zeros((2, 1), int), counts.cumsum(1)], 1).astype(np.int32)
    tables = bin_tables(cumulative, 50)
    middle = 16 * 20
    for q in range(-3, 4):
        share = counts[:, middle + 16 * q - 8 : middle + 16 * q + 8].sum(1) / counts.sum(1)
        np.testing.assert_allclose(tables[:, q + REACH] / 4096, share, atol=2 / 4096)
    assert (tables.sum(1) == 4096).all()
    assert not tables[:, : REACH - 20].any()  # where the distribution has nothing


def wrong_profiles() -> Iterator[tuple[str, Arrays]]:
    for name, make in CORES.items():
        arrays = make()
        for key in sorted(arrays):
            yield f"{name}, {key} missing", {k: v for k, v in arrays.items() if k != key}
            yield f"{name}, {key} of another type", arrays | {key: arrays[key].astype(np.int64)}
            wrong: Any = arrays[key][..., :-1] if arrays[key].shape[-1] > 1 else arrays[key][:0]
            yield f"{name}, {key} of another shape", arrays | {key: wrong}


def test_profiles_that_do_not_fit_together_are_refused() -> None:
    for said, arrays in wrong_profiles():
        try:
            opened(sw.Profile("learned", arrays))
        except sw.ProfileError as error:
            assert "profile" in str(error), said
        except Exception as error:
            raise AssertionError(said) from error
        else:
            assert "missing" in said, said


def test_streams_of_no_quality_and_of_no_profile(codec: sw.Codec) -> None:
    assert codec.profile is not None
    digest = codec.profile.digest
    for payload in (b"", b"\x65" + b"\0" * 40):
        with pytest.raises(sw.BitstreamError, match="quality"):
            sw.decode(stream_of("learned", SHAPE, payload, digest), codec.profile)
    with pytest.raises(sw.BitstreamError, match="names no profile"):
        sw.decode(stream_of("learned", SHAPE, b"\x32"))
    with pytest.raises(sw.ProfileError, match="these have"):
        codec.encode(features(6, 7, 9))
