"""The whole way in one process: the line of code that everything else goes through.

picture ─▶ edge ─▶ encode ─▶ link ─▶ decode ─▶ cloud ─▶ output
"""

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from splitwire.codecs import bitstream
from splitwire.codecs.base import Codec, Decoder, Encoder, Tensor
from splitwire.errors import BitstreamError, CodecError
from splitwire.models.arrays import array
from splitwire.runner import packet
from splitwire.runner.halves import Halves
from splitwire.runner.link import Delivery, Link

if TYPE_CHECKING:  # an edge with a bundle codes features without torch
    import torch

    from splitwire.models.split import Crossing, Split

STAGES = ("edge", "encode", "link", "decode", "cloud")
"""What a frame's time is made of, in order."""

COMPUTED = tuple(stage for stage in STAGES if stage != "link")
"""Those that take a processor's time, and not the link's."""


@dataclass(frozen=True)
class Outcome:
    """What became of one picture.

    Attributes:
        output: what the network returned, its batch of 1 included; None if the packet was lost.
        packet: what was sent; its length is the rate.
        delivery: what the link made of it.
        seconds: time on this machine of each stage that was reached: edge, encode, decode, cloud.
    """

    output: Any
    packet: bytes
    delivery: Delivery
    seconds: dict[str, float]


def infer(
    split: "Split", coders: Sequence[Encoder], decoders: Sequence[Decoder], link: Link, x: Tensor
) -> Outcome:
    """Run one picture from the edge to the cloud.

    Args:
        split: the network in its halves.
        coders: what codes each crossing tensor, in the order of `split.crossings`.
        decoders: what decodes each.
        link: what carries the packet.
        x: the picture, float32 (3, H, W), values 0 to 255.

    Raises:
        CodecError: a codec cannot take a tensor that crosses here, or not decode its own stream.
        BitstreamError: what arrived is not what was sent.
    """
    clock = _StageClock()
    features = split.start(x)
    clock.stop("edge")
    sent = encode(features, coders)
    clock.stop("encode")
    delivery = link.send(sent)
    if delivery.data is None:
        return Outcome(None, sent, delivery, clock.seconds)
    clock.start()
    try:
        received = decode(delivery.data, decoders, split.crossings)
    except BitstreamError as error:
        if delivery.data != sent:
            raise
        raise CodecError(
            f"a codec cannot decode what it encoded just now, so it is at fault, not the stream; "
            f"splitwire.testing.check_codec shows where: {error}"
        ) from error
    clock.stop("decode")
    output = split.finish(received)
    clock.stop("cloud")
    return Outcome(output, sent, delivery, clock.seconds)


def infer_on_edge(split: Halves, x: Tensor) -> Outcome:
    """Run one picture through both halves on the edge: nothing is coded, nothing is sent."""
    clock = _StageClock()
    output = split.finish(split.start(x))
    clock.stop("edge")
    return Outcome(output, b"", Delivery(None, 0.0), clock.seconds)


def encode(features: Sequence[Any], coders: Sequence[Encoder]) -> bytes:
    """The packet of the tensors (or arrays) that cross, each without its batch dimension of 1."""
    pairs = zip(coders, features, strict=True)
    return packet.join([coder.encode(as_array(tensor)) for coder, tensor in pairs])


def decode(
    data: bytes, decoders: Sequence[Decoder], crossings: Sequence["Crossing"]
) -> "list[torch.Tensor]":
    """The tensors of a packet, in the shapes and types in which they crossed.

    Raises:
        BitstreamError: the packet is damaged, or holds other tensors than those that cross here.
    """
    import torch

    decoded = decode_arrays(data, decoders, [crossing.shape for crossing in crossings])
    return [
        torch.from_numpy(found).to(crossing.dtype)
        for found, crossing in zip(decoded, crossings, strict=True)
    ]


def decode_arrays(
    data: bytes, decoders: Sequence[Decoder], shapes: Sequence[tuple[int, ...]]
) -> list[Tensor]:
    """The tensors of a packet as arrays, float32 of the shapes in which they crossed.

    Raises:
        BitstreamError: the packet is damaged, or holds other tensors than those that cross here.
    """
    streams = packet.split(data)
    if len(streams) != len(shapes):
        raise BitstreamError(f"{len(streams)} streams in a packet for {len(shapes)} tensors")
    arrays = []
    for stream, decoder, shape in zip(streams, decoders, shapes, strict=True):
        expected = coded_shape(shape)
        found = _decoded(stream, decoder, expected)
        _check_shape(found.shape, expected)
        arrays.append(found.reshape(shape))
    return arrays


def _decoded(stream: bytes, decoder: Decoder, expected: tuple[int, ...]) -> Tensor:
    """The tensor of a stream; of one that says its shape, only where that is the one expected."""
    if not isinstance(decoder, Codec):  # of a sequence: a stream that follows has its base's shape
        if shape := bitstream.read(stream)[0].shape:
            _check_shape(shape, expected)
        return decoder.decode(stream)
    codec, header, payload = decoder.unwrap(stream)
    _check_shape(header.shape, expected)
    return codec.decode_payload(header, payload)


def _check_shape(shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    if shape != expected:
        raise BitstreamError(f"a tensor of shape {shape} where {expected} crosses")


def as_array(tensor: Any) -> NDArray[Any]:
    """A crossing tensor, or array, as codecs take it: no batch dimension, and no bfloat16."""
    return array(tensor).reshape(coded_shape(tuple(tensor.shape)))


def coded_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A crossing tensor's shape without its batch dimension of 1; a single number is a vector."""
    return shape[1:] if shape[:1] == (1,) and len(shape) > 1 else shape or (1,)


class _StageClock:
    """Seconds from each stage's end back to the end of the one before."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.start()

    def start(self) -> None:
        self._since = perf_counter_ns()

    def stop(self, stage: str) -> None:
        now = perf_counter_ns()
        self.seconds[stage] = (now - self._since) / 1e9
        self._since = now
