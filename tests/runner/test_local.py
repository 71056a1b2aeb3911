from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import splitwire as sw
from splitwire.errors import BitstreamError, CodecError
from splitwire.models.split import Crossing
from splitwire.runner import local, packet
from splitwire.runner.link import Delivery, Wire
from splitwire.runner.local import Outcome, infer, infer_on_edge

Picture = NDArray[np.float32]

ODD = """
import torch
from torch import nn
from splitwire.models.preprocess import Preprocess

class Odd(nn.Module):
    def __init__(self, work):
        super().__init__()
        self.work = work

    def forward(self, x):
        return 2 * self.work(x.flatten(1)[:, :8]).float()

def made(work):
    return Odd(work), Preprocess(16, 20, (127.0,) * 3, (128.0,) * 3, "bilinear")

half = lambda: made(lambda rows: rows.half())
bfloat16 = lambda: made(lambda rows: rows.bfloat16())
double = lambda: made(lambda rows: rows.double())
number = lambda: made(lambda rows: rows.mean())
integer = lambda: made(lambda rows: rows.argmax(1))
"""


def whole_way(split: sw.Split, spec: str, x: Picture) -> Outcome:
    codecs = [sw.codec(spec)] * len(split.crossings)
    return infer(split, codecs, codecs, Wire(), x)


@pytest.mark.parametrize("spec", ["raw", "png", "rans", "jpeg", "h264", "ecsq"])
def test_a_shape_that_does_not_cross_is_refused_before_anything_is_decoded(
    spec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    codec = sw.codec(spec)
    stream = codec.encode(np.zeros((4, 64, 64), np.float32))
    crossing = Crossing("x", (1, 4, 8, 8), torch.float32)
    monkeypatch.setattr(type(codec), "_decode", lambda *_: pytest.fail("decoded"))
    with pytest.raises(BitstreamError, match=r"\(4, 64, 64\) where \(4, 8, 8\) crosses"):
        local.decode(stream, [codec], [crossing])


def several(model: sw.Model) -> str:
    """A cut point of the model where the most tensors cross."""
    return max(sw.cut_points(model), key=lambda point: len(point.crossings)).name


def odd(folder: Path, name: str, crossing: tuple[tuple[int, ...], torch.dtype]) -> sw.Split:
    """One of the networks above, cut where such a tensor crosses."""
    (folder / "odd.py").write_text(ODD, encoding="utf-8")
    model = sw.load_model(f"{folder / 'odd.py'}:{name}")
    found = {tuple((c.shape, c.dtype) for c in p.crossings): p for p in sw.cut_points(model)}
    return sw.split(model, found[(crossing,)].name)


@pytest.mark.parametrize("at", ["input", "blocks.3", "several", "global_pool", "output"])
def test_float32_features_give_the_whole_network_s_output_to_the_bit(
    lite0: sw.Model, picture: Picture, at: str
) -> None:
    split = sw.split(lite0, several(lite0) if at == "several" else at)
    assert len(split.crossings) > 1 or at != "several"
    outcome = whole_way(split, "raw:dtype=float32", picture)
    with torch.inference_mode():
        assert torch.equal(outcome.output, lite0(torch.from_numpy(picture)[None]))
    elements = sum(torch.Size(crossing.shape).numel() for crossing in split.crossings)
    assert 4 * elements < len(outcome.packet) <= 4 * elements + 40 * len(split.crossings)


def test_every_stage_is_timed(lite0: sw.Model, picture: Picture) -> None:
    seconds = whole_way(sw.split(lite0, "blocks.3"), "jpeg", picture).seconds
    assert list(seconds) == ["edge", "encode", "decode", "cloud"]
    assert all(time > 0 for time in seconds.values())


def test_the_edge_alone_sends_nothing_and_computes_everything(
    lite0: sw.Model, picture: Picture
) -> None:
    outcome = infer_on_edge(sw.split(lite0, "output"), picture)
    assert outcome.packet == b""
    assert list(outcome.seconds) == ["edge"]
    with torch.inference_mode():
        assert torch.equal(outcome.output, lite0(torch.from_numpy(picture)[None]))


def test_a_packet_that_is_lost_leaves_no_output(lite0: sw.Model, picture: Picture) -> None:
    codec = sw.codec("raw")

    class Lost:
        def send(self, packet: bytes) -> Delivery:
            return Delivery(None, 0.01)

    outcome = infer(sw.split(lite0, "blocks.5"), [codec], [codec], Lost(), picture)
    assert outcome.output is None
    assert list(outcome.seconds) == ["edge", "encode"]


@pytest.fixture(scope="module")
def streams(lite0: sw.Model, picture: Picture) -> list[bytes]:
    """What crosses where the most tensors do."""
    return packet.split(whole_way(sw.split(lite0, several(lite0)), "raw:bits=4", picture).packet)


def decoded(model: sw.Model, sent: bytes) -> list[torch.Tensor]:
    crossings = sw.split(model, several(model)).crossings
    return local.decode(sent, [sw.codec("raw")] * len(crossings), crossings)


def test_a_packet_of_the_right_tensors_decodes(lite0: sw.Model, streams: list[bytes]) -> None:
    assert len(decoded(lite0, packet.join(streams))) == len(streams) > 1


def test_a_packet_of_too_few_or_too_many_tensors_is_refused(
    lite0: sw.Model, streams: list[bytes]
) -> None:
    for wrong in (streams[:1], streams[:-1], [*streams, streams[0]]):
        with pytest.raises(BitstreamError, match=f"{len(wrong)} streams in a packet"):
            decoded(lite0, packet.join(wrong))


def test_a_packet_with_a_tensor_of_another_shape_is_refused(
    lite0: sw.Model, streams: list[bytes]
) -> None:
    other = sw.codec("raw").encode(np.ones((3, 5, 7), np.float32))
    with pytest.raises(BitstreamError, match=r"shape \(3, 5, 7\) where"):
        decoded(lite0, packet.join([*streams[:-1], other]))


def test_a_damaged_packet_is_refused(lite0: sw.Model, streams: list[bytes]) -> None:
    sent = packet.join(streams)
    bits = np.random.default_rng(0).integers(0, 8 * len(sent), 64)
    flipped = [bytearray(sent) for _ in bits]
    for data, bit in zip(flipped, [*bits[:-16], *range(16)], strict=True):
        data[bit // 8] ^= 1 << bit % 8
    for data in [b"", sent[:1], sent[:-1], sent + b"\0", *map(bytes, flipped)]:
        with pytest.raises(BitstreamError):
            decoded(lite0, data)


@pytest.mark.parametrize(
    ("name", "shape", "dtype"),
    [
        ("half", (1, 8), torch.float16),
        ("bfloat16", (1, 8), torch.bfloat16),
        ("double", (1, 8), torch.float64),
        ("number", (), torch.float32),
    ],
)
def test_a_tensor_arrives_in_the_shape_and_type_in_which_it_crossed(
    tmp_path: Path, name: str, shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    split = odd(tmp_path, name, (shape, dtype))
    codec = sw.codec("raw:dtype=float32")
    features = split.edge(torch.arange(768.0).reshape(1, 3, 16, 16))
    received = local.decode(local.encode(features, [codec]), [codec], split.crossings)
    assert received[0].dtype == dtype
    assert torch.equal(received[0], features[0])


def test_integers_do_not_cross(tmp_path: Path) -> None:
    split = odd(tmp_path, "integer", ((1,), torch.int64))
    with pytest.raises(CodecError, match="codes floating-point tensors, not int64"):
        whole_way(split, "raw", np.zeros((3, 16, 16), np.float32))
