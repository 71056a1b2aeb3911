"""Streams that earlier versions wrote decode for ever, and to the same numbers.

`pytest tests/codecs --write-golden` writes them again; nothing else does.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from learned_profiles import CORES
from streams import features, payload_of, stream_of

import splitwire as sw
from splitwire import kernels
from splitwire.codecs.base import Tensor
from splitwire.codecs.predictive import PredictiveCodec, SequenceEncoder
from splitwire.codecs.registry import BUILTIN

GOLDEN = Path(__file__).parent.parent / "golden"
SHAPE = (6, 9, 7)
PROFILE = GOLDEN / "raw.safetensors"
LEARNT = GOLDEN / "ftc.safetensors"
LEARNT_OVER_TIME = GOLDEN / "ftc-sequence.safetensors"
LEARNT_OF_TOKENS = GOLDEN / "ftc-tokens.safetensors"
OF_TOKENS = [f"ftc-tokens-{i}" for i in range(3)]
OVER_TIME = [f"ftc-sequence-{i}" for i in range(9)]

SINGLE = {
    "raw": "raw",
    "raw-3-bits-per-channel": "raw:bits=3,per=channel",
    "raw-float32": "raw:dtype=float32",
    "raw-float16": "raw:dtype=float16",
    "rans": "rans",
    "rans-8-bits-per-channel": "rans:bits=8,per=channel",
    "ecsq": "ecsq",
    "ecsq-2-levels": "ecsq:levels=2",
    "ecsq-64-levels": "ecsq:levels=64,tradeoff=0",
    "png": "png",
    "png-4-bits-minmax": "png:bits=4,clip=minmax",
    "jpeg": "jpeg:quality=90",
    "h264": "h264:qp=20",
    "h264-lossless": "h264:lossless=true",
    "hevc": "hevc:qp=20",
    "hevc-lossless": "hevc:lossless=true",
    "av1": "av1:qp=20",
    "av1-lossless": "av1:lossless=true",
    "picture-png": "picture",
    "picture-jpeg": "picture:format=jpeg",
    "picture-webp": "picture:format=webp",
    "picture-avif": "picture:format=avif",
    "film-h264-444": "film:qp=20,chroma=444",
    "film-hevc": "film:format=hevc,qp=20",
    "film-av1": "film:format=av1,qp=20",
}
RANKS = {"raw-vector": (23,), "raw-tokens": (5, 9), "png-rank-4": (2, 3, 4, 5)}
SEQUENCES = ("h264", "hevc", "av1")


@pytest.fixture
def writing(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--write-golden", default=False))


def check(name: str, y: Tensor, writing: bool, slack: float = 0) -> None:
    """`y` is what the golden file of that name holds, give or take `slack`."""
    path = GOLDEN / f"{name}.npy"
    if writing:
        np.save(path, y)
    np.testing.assert_allclose(y, np.load(path), rtol=0, atol=slack)


def stream(name: str, new: bytes, writing: bool) -> bytes:
    path = GOLDEN / f"{name}.sw"
    if writing:
        path.write_bytes(new)
    return path.read_bytes()


def sample(spec: str) -> Tensor:
    if spec.startswith(("picture", "film")):
        return 40 * features(3, 9, 7) + 128
    return features(*SHAPE)


@pytest.mark.parametrize("name", SINGLE)
def test_single_tensor(name: str, writing: bool) -> None:
    spec = SINGLE[name]
    if missing := sw.codec(spec).missing:
        pytest.skip(f"no {missing}")
    x = sample(spec)
    old = stream(name, sw.codec(spec).encode(x), writing)
    # Decoders of pictures may round transforms, colours and their interpolation as they like.
    lossy = any(word in spec for word in ("jpeg", "webp", "avif"))
    slack = 2 * float(np.ptp(x)) / 255 if lossy else 0.0
    check(name, sw.decode(old), writing, slack)


def test_rans_by_bytes(writing: bool) -> None:
    """The form of larger tensors, of a small one."""
    codec = sw.codec("rans:bits=8,clip=minmax")
    x = features(*SHAPE)
    head = payload_of(codec.encode(x))[:8]  # its clip range
    codes = kernels.quantize(x, *np.frombuffer(head, "<f4").tolist())
    coded = kernels.rans8_encode(codes, kernels.histogram(codes)).tobytes()
    new = stream_of("rans:bits=8", x.shape, head + b"\0" + coded)
    old = stream("rans-by-bytes", new, writing)
    check("rans-by-bytes", sw.decode(old), writing)
    assert sw.decode(old).tobytes() == sw.decode(codec.encode(x)).tobytes()


@pytest.mark.parametrize("name", RANKS)
def test_tensor_of_another_rank(name: str, writing: bool) -> None:
    codec = sw.codec(name.partition("-")[0])
    old = stream(name, codec.encode(features(*RANKS[name])), writing)
    check(name, sw.decode(old), writing)


@pytest.mark.parametrize("name", SEQUENCES)
def test_sequence(name: str, writing: bool) -> None:
    codec = sw.codec(f"{name}:qp=20")
    assert isinstance(codec, PredictiveCodec)
    encoder, decoder = SequenceEncoder(codec, b"gold"), codec.decoder()
    x, change = features(*SHAPE), features(*SHAPE, seed=1) / 20
    for i in range(4):
        if i == 2:
            encoder.refresh()
        of = f"{name}-sequence-{i}"
        old = stream(of, encoder.encode(x + i * change), writing)
        check(of, decoder.decode(old), writing)
        if i in (1, 3):
            refused_alone(codec, old)
        else:
            check(of, sw.decode(old), writing=False)


@pytest.mark.parametrize("name", SEQUENCES)
def test_sequence_in_the_form_of_before(name: str) -> None:
    """Nothing writes it any more: places in the payload, and everything said in every stream."""
    streams = [stream(f"{name}-{i}", b"", writing=False) for i in range(3)]
    decoder = sw.codec(name).decoder()
    for i in (0, 1, 2, 0, 1):
        check(f"{name}-{i}", decoder.decode(streams[i]), writing=False)
    with pytest.raises(sw.BitstreamError, match=r"frame 1 .* not decoded"):
        decoder.decode(streams[1])
    check(f"{name}-0", sw.decode(streams[0]), writing=False)
    for follows in streams[1:]:
        refused_alone(sw.codec(name), follows)


def test_positions_in_the_form_of_before_begin_at_one_again() -> None:
    codec = sw.codec("h264:lossless=true,preset=ultrafast")
    encoder, decoder, before = codec.encoder(), codec.decoder(), codec.decoder()
    x, head = features(1, 4, 4), b""
    for i in range(270):
        new = encoder.encode(x)
        packet = payload_of(new)
        if i == 0:
            head, packet = packet[:8], packet[8:]  # its clip range
        position = (i - 1) % 255 + 1 if i else 0
        old = stream_of("h264", x.shape, head + bytes((position,)) + packet)
        np.testing.assert_array_equal(before.decode(old), decoder.decode(new))


def refused_alone(codec: sw.Codec, stream: bytes) -> None:
    for decode in (sw.decode, codec.decode):
        with pytest.raises(sw.BitstreamError, match=r"codec\.decoder\(\)"):
            decode(stream)
    with pytest.raises(sw.BitstreamError, match="not decoded"):
        codec.decoder().decode(stream)


def test_profile(writing: bool) -> None:
    codec = sw.codec("raw:clip=profile,per=channel")
    x = features(*SHAPE)
    if writing:
        profile = codec.calibrate([x]).profile
        assert profile is not None
        profile.save(PROFILE)
    profile = sw.Profile.load(PROFILE)
    new = sw.codec(codec.spec, profile=profile).encode(x)
    check("raw-profile", sw.decode(stream("raw-profile", new, writing), profile), writing)


@pytest.mark.parametrize("quality", [30, 80])
def test_ftc(quality: int, writing: bool) -> None:
    """Decoding is exact: on every processor, in every thread, with every linear algebra library."""
    if writing:
        profile = sw.codec("ftc").calibrate([features(*SHAPE, seed=i) for i in range(4)]).profile
        assert profile is not None
        profile.save(LEARNT)
    profile = sw.Profile.load(LEARNT)
    new = sw.codec("ftc", quality=quality, profile=profile).encode(features(*SHAPE))
    check(f"ftc-{quality}", sw.decode(stream(f"ftc-{quality}", new, writing), profile), writing)


def scene() -> list[Tensor]:
    """Of two blocks, one below the other: moved, hidden, nothing at all, back again."""
    x, hidden = features(*SHAPE), features(*SHAPE, seed=1)
    hidden[:, :5], empty = x[:, :5], x.copy()
    empty[:, 5:] = 0.6  # the mean of `features`
    moved = np.roll(x, 1, axis=-1)
    return [x, 0.9 * x + 0.1 * hidden, moved, hidden, x, empty, x + hidden / 8, x, moved]


def test_ftc_sequence(writing: bool) -> None:
    """Predicted at one quality, then at another, and after a refresh; exact likewise."""
    if writing:
        profile = sw.codec("ftc").calibrate([features(*SHAPE, seed=i) for i in range(4)]).profile
        assert profile is not None
        profile.save(LEARNT_OVER_TIME)
    profile = sw.Profile.load(LEARNT_OVER_TIME)
    codec = sw.codec("ftc", quality=80, profile=profile)
    assert isinstance(codec, PredictiveCodec)
    encoder, decoder = SequenceEncoder(codec, b"gold"), codec.decoder()
    for i, (name, x) in enumerate(zip(OVER_TIME, scene(), strict=True)):
        if i == 6:
            encoder.codec = replace(codec, quality=60)
        if i == 7:
            encoder.refresh()
        old = stream(name, encoder.encode(x), writing)
        check(name, decoder.decode(old), writing)
        if i in (0, 7):
            check(name, sw.decode(old, profile), writing=False)
        else:
            refused_alone(codec, old)


def test_ftc_of_tokens(writing: bool) -> None:
    """One before a grid of 4×4: alone, predicted, and with a first token that is not."""
    x, other = features(17, 4), features(17, 4, seed=1)
    if writing:
        profile = sw.codec("ftc").calibrate([features(17, 4, seed=i) for i in range(4)]).profile
        assert profile is not None
        profile.save(LEARNT_OF_TOKENS)
    profile = sw.Profile.load(LEARNT_OF_TOKENS)
    codec = sw.codec("ftc", quality=80, profile=profile)
    assert isinstance(codec, PredictiveCodec)
    encoder, decoder = SequenceEncoder(codec, b"gold"), codec.decoder()
    jumped = np.concatenate([-9 * other[:1], x[1:]])
    for name, each in zip(OF_TOKENS, (x, 0.9 * x + 0.1 * other, jumped), strict=True):
        old = stream(name, encoder.encode(each), writing)
        check(name, decoder.decode(old), writing)


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("quality", [30, 80])
def test_learned(core: str, quality: int, writing: bool) -> None:
    """Exact likewise, through networks and tables of integers."""
    path, name = GOLDEN / f"learned-{core}.safetensors", f"learned-{core}-{quality}"
    if writing:
        sw.Profile("learned", CORES[core]()).save(path)
    profile = sw.Profile.load(path)
    new = sw.codec("learned", quality=quality, profile=profile).encode(features(*SHAPE))
    check(name, sw.decode(stream(name, new, writing), profile), writing)


def test_every_codec_has_a_golden_stream() -> None:
    single = {spec.partition(":")[0] for spec in SINGLE.values()}
    assert {"ftc", "learned", "compressai", *single} == set(BUILTIN)  # the last in floating point


def test_every_golden_file_is_checked() -> None:
    names = {*SINGLE, *RANKS, *(f"{name}-{i}" for name in SEQUENCES for i in range(3))}
    names |= {f"{name}-sequence-{i}" for name in SEQUENCES for i in range(4)}
    names |= {"rans-by-bytes", "raw-profile", "ftc-30", "ftc-80", *OVER_TIME, *OF_TOKENS}
    names |= {f"learned-{core}-{quality}" for core in CORES for quality in (30, 80)}
    files = {f"{name}.{ending}" for name in names for ending in ("sw", "npy")}
    files |= {PROFILE.name, LEARNT.name, LEARNT_OVER_TIME.name, LEARNT_OF_TOKENS.name}
    files |= {*(f"learned-{core}.safetensors" for core in CORES)}
    assert {path.name for path in GOLDEN.iterdir() if not path.match("packets-*")} == files
