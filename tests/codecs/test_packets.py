"""Tensors in packets: any of them decode, damaged ones are refused."""

from dataclasses import replace
from itertools import chain, combinations, pairwise
from pathlib import Path

import numpy as np
import pytest
from streams import features

import splitwire as sw
from splitwire.codecs import clip
from splitwire.codecs.ftc import Ftc
from splitwire.codecs.packets.base import LIMIT, PacketCodec
from splitwire.codecs.packets.conceal import CONCEALMENTS
from splitwire.codecs.packets.framing import OVERHEAD, seal
from splitwire.codecs.packets.ftc import FtcPackets
from splitwire.codecs.packets.loss import GilbertElliott, Independent
from splitwire.codecs.packets.spread import LAYERS, Guard, Protection
from splitwire.codecs.packets.tiles import JpegPackets, TilePackets
from splitwire.errors import BitstreamError, CodecError, ProfileError

GOLDEN = Path(__file__).parent.parent / "golden"
SHAPE = (24, 8, 8)
PROTECTION = Protection(6 * 400, 6, GilbertElliott(0.1, 2))
GUARD = Guard(Independent(0.1))


def tensors(count: int, seed: int, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    """Smooth maps with channels that go together, (count, C, H, W)."""
    random = np.random.default_rng(seed)
    mixing = np.random.default_rng(99).normal(size=(shape[0], shape[0]))
    fine = random.normal(size=(count, *shape))
    rough = np.cumsum(np.cumsum(fine, 2), 3) / 4
    mixed = np.einsum("kc,nchw->nkhw", mixing * 0.8 ** np.arange(shape[0]), rough)
    return np.asarray(mixed + 3, np.float32)


@pytest.fixture(scope="module")
def ftc() -> FtcPackets:
    return FtcPackets(Ftc(quality=86).calibrate(tensors(40, 0)), SHAPE, limit=120)


@pytest.fixture(scope="module")
def tiles() -> TilePackets:
    learnt = tensors(40, 0)
    bounds = clip.choose("minmax", learnt.reshape(-1, 8, 8), 1)
    return TilePackets(bounds=bounds, mean=learnt.mean((0, 2, 3)), shape=SHAPE, rows=4, channels=12)


@pytest.fixture(scope="module", params=["ftc", "protected", "guarded", "tiles", "jpeg"])
def codec(request: pytest.FixtureRequest, ftc: FtcPackets, tiles: TilePackets) -> PacketCodec:
    if request.param == "jpeg":
        told = {name: getattr(tiles, name) for name in ("bounds", "mean", "shape")}
        return JpegPackets(rows=4, channels=12, **told)
    protections = {"ftc": None, "protected": PROTECTION, "guarded": GUARD}
    if request.param in protections:
        return replace(ftc, protection=protections[request.param])
    return tiles


X = tensors(1, 5)[0]


def error(y: np.ndarray) -> float:
    return float(((y - X) ** 2).mean())


def test_any_packets_decode(codec: PacketCodec) -> None:
    packets = codec.packets(X)
    assert len(packets) > 1
    assert all(len(packet) <= LIMIT for packet in packets)
    places = range(len(packets))
    for chosen in chain.from_iterable(combinations(places, n) for n in range(len(packets) + 1)):
        y = codec.assemble(packets[at] for at in chosen)
        assert y.shape == SHAPE
        assert y.dtype == np.float32
        assert np.isfinite(y).all()


def test_order_and_copies_do_not_matter(codec: PacketCodec) -> None:
    packets = codec.packets(X)
    assert np.array_equal(codec.assemble(packets), codec.assemble([*packets[::-1], packets[0]]))


def test_more_packets_are_better(codec: PacketCodec) -> None:
    packets = codec.packets(X)
    errors = [error(codec.assemble(packets[:n])) for n in range(len(packets) + 1)]
    assert all(more <= 1.02 * fewer for fewer, more in pairwise(errors))
    assert errors[-1] < 0.2 * errors[0]


def test_nothing_arrived_is_what_is_on_average(ftc: FtcPackets, tiles: TilePackets) -> None:
    mean = np.broadcast_to(tensors(40, 0).mean((0, 2, 3))[:, None, None], SHAPE)
    for codec in (ftc, tiles):
        assert np.allclose(codec.assemble([]), mean, atol=1e-2)


def test_all_packets_are_as_good_as_the_plain_stream(ftc: FtcPackets) -> None:
    plain = sw.decode(ftc.codec.encode(X), ftc.codec.profile)
    assert error(ftc.assemble(ftc.packets(X))) == pytest.approx(error(plain), rel=0.05)


def test_packets_cost_little_over_the_plain_stream() -> None:
    learnt = tensors(60, 0, (40, 14, 14))
    codec = Ftc(quality=100).calibrate(learnt)
    packets = FtcPackets(codec, learnt.shape[1:]).packets(tensors(1, 7, learnt.shape[1:])[0])
    plain = codec.encode(tensors(1, 7, learnt.shape[1:])[0])
    assert len(packets) > 1
    assert sum(map(len, packets)) < 1.08 * len(plain)


def test_all_tiles_are_the_raw_codec(tiles: TilePackets) -> None:
    y = tiles.assemble(tiles.packets(X))
    lo, hi = tiles.bounds.pair
    assert np.abs(y - X.clip(lo, hi)).max() <= (hi - lo) / 255 * 0.51


@pytest.mark.parametrize("conceal", CONCEALMENTS)
def test_tiles_with_every_concealment(tiles: TilePackets, conceal: str) -> None:
    codec = replace(tiles, conceal=conceal)
    packets = codec.packets(X)
    assert error(codec.assemble(packets[1:])) < error(codec.assemble([]))


def test_an_unknown_concealment_is_refused(tiles: TilePackets) -> None:
    with pytest.raises(CodecError, match="did you mean 'caltec'"):
        replace(tiles, conceal="calltec")


@pytest.mark.parametrize("burst", [1, 4])
@pytest.mark.parametrize("loss", [0.0, 0.05, 0.3])
def test_protection_keeps_to_its_bytes_and_helps(ftc: FtcPackets, loss: float, burst: int) -> None:
    channel = GilbertElliott(loss, burst)
    wanted = Protection(10 * 240, 10, channel)
    safe = replace(ftc, protection=wanted)
    packets = safe.packets(X)
    assert len({len(packet) for packet in packets}) == 1
    assert sum(map(len, packets)) <= wanted.bytes
    bare = replace(ftc, protection=replace(wanted, against=GilbertElliott(0.0, 1.0))).packets(X)
    random = np.random.default_rng(0)
    lost = [channel.lost(10, random) for _ in range(20)]

    def mean(sent: list[bytes]) -> float:
        arrived = [[p for p, gone in zip(sent, each, strict=True) if not gone] for each in lost]
        return float(np.mean([error(safe.assemble(some)) for some in arrived]))

    assert mean(packets) <= mean(bare)


def test_as_many_packets_as_needed_are_enough_whichever_they_are(ftc: FtcPackets) -> None:
    codec = replace(ftc, protection=PROTECTION)
    packets = codec.packets(X)
    for count in range(7):
        found = [codec.assemble(some) for some in combinations(packets, count)]
        assert all(np.array_equal(found[0], y) for y in found)


def test_damaged_packets_are_refused(codec: PacketCodec) -> None:
    packets, random = codec.packets(X), np.random.default_rng(0)
    for packet in packets[:3]:
        bad = [b"", packet[:1], packet[:-1], packet + b"\0", random.bytes(len(packet))]
        for bit in random.integers(0, 8 * len(packet), 40):
            changed = bytearray(packet)
            changed[bit // 8] ^= 1 << bit % 8
            bad.append(bytes(changed))
        for data in bad:
            with pytest.raises(BitstreamError):
                codec.assemble([*packets[:1], data])


def test_forged_packets_decode_or_are_refused(codec: PacketCodec) -> None:
    bodies, random = [p[OVERHEAD - 4 : -4] for p in codec.packets(X)], np.random.default_rng(1)
    for trial in range(300):
        forged = [bytearray(body) for body in bodies]
        for body in forged if trial % 2 else forged[:1]:
            if trial % 3 == 0:
                del body[int(random.integers(len(body))) :]
            for at in random.integers(0, max(len(body), 1), 2 if body else 0):
                body[at] = random.integers(256)
        packets = seal([bytes(body) for body in forged], codec.kind, codec._context, 0)
        try:
            y = codec.assemble(packets)
        except BitstreamError:
            continue
        assert y.shape == SHAPE
        assert y.dtype == np.float32


def test_packets_that_do_not_belong_together_are_refused(
    codec: PacketCodec, ftc: FtcPackets, tiles: TilePackets
) -> None:
    first, second = codec.packets(X, frame=1), codec.packets(X, frame=2)
    with pytest.raises(BitstreamError, match="several tensors"):
        codec.assemble([first[0], second[1]])
    for other in (ftc, tiles):
        if other.kind != codec.kind:
            with pytest.raises(BitstreamError, match="drop it"):
                other.assemble(first)


def test_another_profile_is_refused(ftc: FtcPackets) -> None:
    other = FtcPackets(Ftc(quality=70).calibrate(tensors(40, 1)), SHAPE)
    with pytest.raises(BitstreamError, match="another profile"):
        other.assemble(ftc.packets(X))


def test_frames_begin_anew_after_the_last(ftc: FtcPackets) -> None:
    assert ftc.packets(X, frame=1 << 16) == ftc.packets(X, frame=0)


def test_what_cannot_be_sent_is_refused(ftc: FtcPackets, tiles: TilePackets) -> None:
    for codec in (ftc, tiles):
        with pytest.raises(CodecError, match="instead of"):
            codec.packets(X[:, :4])
        with pytest.raises(CodecError, match="NaN"):
            codec.packets(np.full(SHAPE, np.nan, np.float32))
    with pytest.raises(ProfileError, match="needs a profile"):
        FtcPackets(Ftc(), SHAPE)
    with pytest.raises(ProfileError, match="learnt on planes"):
        FtcPackets(ftc.codec, (24, 8, 9))
    with pytest.raises(CodecError, match="packets of 64 to"):
        Protection(100, 10, GilbertElliott(0.1, 1))


def test_tokens_are_refused() -> None:
    tokens = np.random.default_rng(0).normal(size=(20, 17, 8)).astype(np.float32)
    with pytest.raises(ProfileError, match="not tokens"):
        FtcPackets(Ftc().calibrate(tokens), (17, 8))


def test_layers_take_what_matters_most_first(ftc: FtcPackets) -> None:
    coded = ftc.coded(X)
    layers = coded.layers(70, LAYERS)
    left = coded.left(layers)
    assert left == sorted(left, reverse=True)
    gains = -np.diff(left)
    assert gains[0] == max(gains)
    used = np.stack([layer.coefficients != 0 for layer in layers])
    assert used.sum(0).max() == 1


@pytest.mark.parametrize("name", ["ftc", "protected", "tiles", "jpeg"])
def test_packets_of_before_are_assembled(name: str, request: pytest.FixtureRequest) -> None:
    """To the same numbers; `--write-golden` writes them again. JPEG decoders may round."""
    shape = (6, 9, 7)
    profile = sw.Profile.load(GOLDEN / "ftc.safetensors")
    ftc = FtcPackets(Ftc(quality=80, profile=profile), shape, limit=64)
    wanted = Protection(8 * 64, 8, GilbertElliott(0.1, 2))
    bounds = clip.ClipRange(np.array([-3], np.float32), np.array([4], np.float32))
    told = {"bounds": bounds, "mean": np.full(6, 0.5, np.float32), "shape": shape}
    codec = {
        "ftc": ftc,
        "protected": replace(ftc, protection=wanted),
        "tiles": TilePackets(rows=4, channels=3, **told),
        "jpeg": JpegPackets(rows=4, channels=3, quality=90, **told),
    }[name]
    packets, whole = GOLDEN / f"packets-{name}.hex", GOLDEN / f"packets-{name}.npy"
    if request.config.getoption("--write-golden", default=False):
        made = codec.packets(features(*shape))
        packets.write_text("".join(packet.hex() + "\n" for packet in made))
        np.save(whole, np.stack([codec.assemble(made), codec.assemble(made[1:])]))
    old = [bytes.fromhex(line) for line in packets.read_text().splitlines()]
    for some, expected in zip((old, old[1:]), np.load(whole), strict=True):
        slack = 7 / 255 * 2 if name == "jpeg" else 0
        np.testing.assert_allclose(codec.assemble(some), expected, rtol=0, atol=slack)
