"""How the layers of `ftc` go into the bodies of packets, and what comes out of some of them.

quality │ 255 │ a layer                                              each packet is one
quality │ n │ k_0 │ size_0 │ … │ a share of each of n layers          any k_l packets give layer l
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from splitwire.codecs.bitstream import read_varint, write_varint
from splitwire.codecs.ftc.contexts import TRADEOFF
from splitwire.codecs.ftc.profile import FtcProfile
from splitwire.codecs.ftc.steps import step_of
from splitwire.codecs.ftc.transform import Floats
from splitwire.codecs.packets import erasure
from splitwire.codecs.packets.base import LIMIT
from splitwire.codecs.packets.framing import MOST, OVERHEAD
from splitwire.codecs.packets.layers import Layer, Layering
from splitwire.codecs.packets.loss import LossModel
from splitwire.codecs.packets.protection import Allocation, allocate, share, taken, worthwhile
from splitwire.codecs.profiled import TOP
from splitwire.errors import CodecError

LAYERS = 8  # of a protected tensor
_FEWEST = 6  # packets of a tensor of any quality: fewer would have to be protected one by one
_MISSING = 4.0  # see docs/loss.md: a coefficient's absence against noise of its size
_WHOLE = 255  # where the number of layers that are shared stands: each packet is one


@dataclass(frozen=True)
class Protection:
    """What a protected tensor may take, and what it is protected against.

    Attributes:
        bytes: of all packets together.
        count: how many packets there are.
        against: the losses that are expected.
    """

    bytes: int
    count: int
    against: LossModel

    def __post_init__(self) -> None:
        if not 0 < self.count <= MOST or not 64 <= self.bytes // self.count <= LIMIT:
            raise CodecError(
                f"{self.bytes} bytes in {self.count} packets: 1 to {MOST} packets of 64 to {LIMIT} "
                "bytes each are expected"
            )


@dataclass(frozen=True)
class Guard:
    """What a tensor of the codec's quality is protected against, with as many bytes as that pays.

    A byte is worth what the trellis of `ftc` takes it for at that quality.

    Attributes:
        against: the losses that are expected.
    """

    against: LossModel


class Coded:
    """A tensor's layers at any quality, each coded once, however often it is protected.

    Attributes:
        table: the profile.
        z: weighted coefficients (C, H, W).
    """

    def __init__(self, table: FtcProfile, z: Floats) -> None:
        self.table, self.z = table, z
        self._made: dict[tuple[int, int], list[Layer]] = {}

    def layers(self, quality: int, count: int) -> list[Layer]:
        """So many, at a quality."""
        if (quality, count) not in self._made:
            self._made[quality, count] = Layering(self.table, quality, count).encode(self.z)
        return self._made[quality, count]

    def left(self, layers: Sequence[Layer]) -> list[float]:
        """Nats that are lost with the first 0, 1, ... layers alone."""
        rest, squares = self.z, [float((self.z**2).sum())]
        for layer in layers:
            rest = rest - layer.coefficients
            squares.append(float((rest**2).sum()))
        return [0.5 * (squares[-1] + _MISSING * (square - squares[-1])) for square in squares]


def alone(coded: Coded, quality: int, limit: int) -> list[bytes]:
    """The bodies of packets of so many bytes that are a layer each, as few as fit."""
    head = bytes([quality, _WHOLE])
    room = limit - OVERHEAD - len(head)
    for count in range(1, MOST + 1):
        layers = coded.layers(quality, count)
        if all(len(layer.payload) <= room for layer in layers):
            return [head + layer.payload for layer in layers]
    raise CodecError(f"at quality {quality} this tensor fits no {MOST} packets")


def protected(coded: Coded, wanted: Protection) -> list[bytes]:
    """The bodies of packets that share all layers, at the quality that loses least on average."""
    arrivals = wanted.against.arrivals(wanted.count)
    room = wanted.bytes // wanted.count - OVERHEAD - 2

    @cache
    def at(quality: int) -> tuple[Allocation, list[bytes]]:
        layers = coded.layers(quality, LAYERS)
        data = [write_varint(len(layer.payload)) + layer.payload for layer in layers]
        return allocate([len(part) for part in data], coded.left(layers), arrivals, room), data

    def lost(quality: int) -> float:
        return at(quality)[0].expected

    quality = min(range(2, TOP, 16), key=lost)
    for step in (8, 4):
        near = (quality - step, quality, quality + step)
        quality = min((q for q in near if 0 <= q <= TOP), key=lost)
    found, data = at(quality)
    return _spread(quality, found.needed, data, wanted.count)


def guarded(coded: Coded, quality: int, wanted: Guard, limit: int) -> list[bytes]:
    """The bodies of packets, of so many bytes at most, that share all layers of a quality."""
    layers = coded.layers(quality, LAYERS)
    data = [write_varint(len(layer.payload)) + layer.payload for layer in layers]
    sizes, left, room = [len(part) for part in data], coded.left(layers), limit - OVERHEAD - 2
    # The trellis weighs bits against squares of half steps; a nat is two squares.
    price = TRADEOFF * step_of(coded.table.level(quality)) ** 2
    for count in range(max(_FEWEST, sum(sizes) // room), MOST + 1):
        needed = worthwhile(price, sizes, left, wanted.against.arrivals(count))
        if sum(taken(size, k) for size, k in zip(sizes, needed, strict=False)) <= room:
            return _spread(quality, needed, data, count)
    raise CodecError(f"at quality {quality} this tensor fits no {MOST} packets")


def _spread(quality: int, needed: Sequence[int], data: Sequence[bytes], count: int) -> list[bytes]:
    """The bodies of packets, of which each layer needs so many."""
    head, spread = bytes([quality, len(needed)]), []
    for part, least in zip(data, needed, strict=False):
        size = share(len(part), least)
        head += bytes([least]) + write_varint(size)
        rows = np.frombuffer(part.ljust(size * least, b"\0"), np.uint8)
        spread.append(erasure.shares(rows.reshape(least, size), count))
    return [head + b"".join(rows[at].tobytes() for rows in spread) for at in range(count)]


def added_up(
    table: FtcProfile, count: int, bodies: dict[int, memoryview]
) -> tuple[Floats, Layering]:
    """The coefficients that bodies tell, and how they were layered."""
    total = np.zeros(table.shape)
    if not bodies:
        return total, Layering(table, 0, 1)
    quality, layers = next(iter(bodies.values()))[:2]
    if quality > TOP:
        raise ValueError("they begin with no quality")
    if any(tuple(body[:2]) != (quality, layers) for body in bodies.values()):
        raise ValueError("they are not of one coding")
    if layers not in (*range(LAYERS + 1), _WHOLE):
        raise ValueError(f"{layers} layers, where there are {LAYERS}")
    layering = Layering(table, quality, count if layers == _WHOLE else LAYERS)
    if layers == _WHOLE:
        payloads = {at: body[2:] for at, body in bodies.items()}
    else:
        payloads = _gathered(layers, count, bodies)
    for at, payload in payloads.items():
        total += layering.decode(payload, at)
    return total, layering


def _gathered(layers: int, count: int, bodies: dict[int, memoryview]) -> dict[int, memoryview]:
    """The payloads of the layers that enough packets arrived for."""
    plan, at = _plan(layers, next(iter(bodies.values())))
    head = bytes(next(iter(bodies.values()))[:at])
    whole = at + sum(size for _, size in plan)
    if any(len(body) != whole or body[:at] != head for body in bodies.values()):
        raise ValueError("they do not share one plan")
    payloads = {}
    for layer, (needed, size) in enumerate(plan):
        if not 0 < needed <= count:
            raise ValueError(f"a layer needs {needed} of {count} packets")
        if needed <= len(bodies):
            rows: dict[int, NDArray[np.uint8]] = {
                place: np.frombuffer(body[at : at + size], np.uint8)
                for place, body in bodies.items()
            }
            data = memoryview(erasure.recovered(rows, needed, count).tobytes())
            length, start = read_varint(data, 0)
            if length > len(data) - start:
                raise ValueError("a layer is cut short")
            payloads[layer] = data[start : start + length]
        at += size
    return payloads


def _plan(layers: int, body: memoryview) -> tuple[list[tuple[int, int]], int]:
    """How many packets each layer needs, and the size of its shares; and where shares begin."""
    plan, at = [], 2
    for _ in range(layers):
        needed = body[at]
        size, at = read_varint(body, at + 1)
        plan.append((needed, size))
    return plan, at
