"""Codecs over time: streams lost, late, twice and damaged."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np

import splitwire
from splitwire.codecs import bitstream
from splitwire.codecs.base import Codec, Tensor
from splitwire.errors import BitstreamError
from splitwire.testing.expect import flipped, likeness, raises


def check_sequence(codec: Codec, xs: Iterable[Tensor]) -> None:
    """The stateful pair gives back each tensor in its turn, or says that it cannot; never another.

    The streams of `xs`, twice with a refresh between, are decoded in order and out of it, each by
    itself, with one missing, twice, among those of another sequence and after damaged ones. A
    stream that says that it builds on another is refused without it, and decoded right after it.
    """
    xs = list(xs)
    ours = _sent(codec, xs)
    for i in (0, len(xs)):
        assert ours[i].base is None, f"{codec}: the first stream, or one after refresh(), follows"
    for sent in ours:
        _check_alone(codec, sent)
    if codec.decoder() is codec:  # then none has told any other
        return
    for i in range(len(ours)):
        _deliver(codec, [*ours[:i], *ours[i + 1 :]])
        _deliver(codec, [*ours[:i], *reversed(ours[i : i + 2]), *ours[i + 2 :]])
        _deliver(codec, [*ours[: i + 1], *ours[max(i - 1, 0) :]])
        _deliver(codec, ours, forged=i)
    theirs = _sent(codec, [x[..., ::-1] for x in xs])
    _deliver(codec, [sent for pair in zip(ours, theirs, strict=True) for sent in pair])
    _deliver(codec, [ours[0], *theirs[1:], *ours[1:]])


@dataclass(frozen=True, eq=False)
class _Sent:
    """A stream of a sequence, the one that it builds on, and the tensor that it is in its turn."""

    stream: bytes
    base: "_Sent | None"
    y: Tensor


def _sent(codec: Codec, xs: list[Tensor]) -> list[_Sent]:
    """The streams of `xs` twice, with a refresh between, once they are decoded in order."""
    encoder, decoder = codec.encoder(), codec.decoder()
    made: list[_Sent] = []
    for x in (*xs, *xs):
        if len(made) == len(xs):
            encoder.refresh()
        given = x.copy()
        stream = encoder.encode(given)
        given.fill(np.nan)  # the caller may use his memory again
        for damaged in (b"", stream[:-1], flipped(stream, 4 * len(stream))):
            raises(BitstreamError, lambda data=damaged: decoder.decode(data))
        y = decoder.decode(stream)
        sound = y.shape == x.shape and np.isfinite(y).all()
        assert sound, f"{codec} decodes {x.shape} to {y.shape}, or to numbers not finite"
        alone = likeness(x, splitwire.decode(codec.encode(x), codec.profile))
        kept = likeness(x, y) >= min(alone, alone / 2)
        assert kept, f"{codec} loses tensors of a sequence"
        place = bitstream.read(stream)[0].sequence
        assert place is None or place.position == len(made), f"{codec} skips a position"
        follows = place.follows if place else 0
        made.append(_Sent(stream, made[-follows] if follows else None, y.copy()))
        if y.flags.writeable:
            y.fill(np.nan)
    return made


def _check_alone(codec: Codec, sent: _Sent) -> None:
    """A stream that stands alone is what it is in its turn; any other is refused."""
    ways: list[Callable[[bytes], Tensor]] = [
        codec.decode,
        lambda stream: codec.decoder().decode(stream),
        lambda stream: splitwire.decode(stream, codec.profile),
    ]
    for decode in ways:
        if sent.base is None:
            same = np.array_equal(decode(sent.stream), sent.y)
            assert same, f"{codec}: a stream that names no other is another tensor by itself"
        else:
            raises(BitstreamError, partial(decode, sent.stream))


def _deliver(codec: Codec, arrivals: list[_Sent], forged: int | None = None) -> None:
    """Decode streams as they arrive; before that of a number, one of its place but no payload."""
    decoder = codec.decoder()
    decoded: list[_Sent] = []
    for i, sent in enumerate(arrivals):
        if i == forged:
            header, _ = bitstream.read(sent.stream)
            try:
                decoder.decode(bitstream.write(header, b""))
            except BitstreamError:
                last = []  # it may be gone
            else:
                return  # no decoder can tell
        else:
            last = decoded[-1:]
        try:
            y = decoder.decode(sent.stream)
        except BitstreamError as error:
            due = sent.base is None or sent.base in last
            assert not due, f"{codec} refuses a stream behind that which it builds on: {error}"
            continue
        known = sent.base is None or sent.base in decoded
        assert known, f"{codec} decodes a stream without the one that it builds on"
        same = np.array_equal(y, sent.y)
        assert same, f"{codec}: after a loss or among others a stream is another tensor"
        decoded.append(sent)
