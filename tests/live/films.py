"""Frames that resemble each other, and whether what came of them is right."""

from collections.abc import Iterator
from time import sleep

import numpy as np
import torch
from driving import Picture

from splitwire.live.record import Record
from splitwire.runner.local import decode


def film(frames: int, wait: float = 0.0) -> Iterator[tuple[str, Picture]]:
    """A picture that changes a little from frame to frame."""
    random = np.random.default_rng(0)
    base, change = random.integers(0, 256, (2, 3, 32, 32)).astype(np.float32)
    for number in range(frames):
        sleep(wait)
        share = 0.1 * np.sin(number / 5)
        yield str(number), (base + share * (change - base)).astype(np.float32)


def right(records: dict[str, Record]) -> bool:
    """Whether each answer is that of the tensor that its packet decodes to, in its place."""
    decoders = {}
    for record in sorted(records.values(), key=lambda record: record.number):
        if record.packet:
            choice = record.choice
            own = decoders.setdefault(choice, [codec.decoder() for codec in choice.codecs])
            with torch.inference_mode():
                tensors = decode(record.packet, own, choice.split.crossings)
                expected = choice.split.cloud(*tensors)
            if record.outcome == "answered":
                assert torch.allclose(record.output, expected, atol=1e-4), record.name
    return True


def kinds(records: dict[str, Record]) -> str:
    """Of each frame in order: whether its packet stands alone (I) or builds on others (p)."""
    ordered = sorted(records.values(), key=lambda record: record.number)
    return "".join({True: "I", False: "p", None: "-"}[record.intra] for record in ordered)
