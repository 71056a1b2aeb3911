"""What every codec must pass, registered here or in another distribution.

    from splitwire import testing

    def test_my_codec():
        testing.check_codec(MyCodec(quality=3))

`check_codec` runs them all; each also stands alone. A check that fails raises AssertionError.
"""

import numpy as np

from splitwire.codecs.base import Codec
from splitwire.codecs.calibrated import CalibratedCodec
from splitwire.testing.contract import (
    check_bound,
    check_calibration,
    check_identity,
    check_input,
    check_likeness,
    check_nearness,
    check_parameters,
    check_payload,
    check_refusals,
    check_round_trip,
)
from splitwire.testing.damage import check_bombs, check_damage
from splitwire.testing.samples import SHAPES, tensors
from splitwire.testing.sequences import check_sequence

__all__ = [
    "SHAPES",
    "check_bombs",
    "check_bound",
    "check_calibration",
    "check_codec",
    "check_damage",
    "check_identity",
    "check_input",
    "check_likeness",
    "check_nearness",
    "check_parameters",
    "check_payload",
    "check_refusals",
    "check_round_trip",
    "check_sequence",
    "tensors",
]


def check_codec(codec: Codec) -> None:
    """Every check below, on tensors that the codec takes; it is calibrated first if it must be."""
    if isinstance(codec, CalibratedCodec) and codec.needs_profile:
        check_calibration(codec)
        codec = codec.calibrate(tensors(codec, SHAPES[:1]))
        samples = tensors(codec, SHAPES[:1])
    else:
        samples = tensors(codec)
    check_identity(codec)
    check_payload(codec, samples[0])
    check_parameters(codec, samples[0])
    check_likeness(codec, samples[0])
    for x in samples:
        check_round_trip(codec, x)
        check_nearness(codec, x)
        check_bound(codec, x)
        check_input(codec, x)
    check_refusals(codec)
    x, other = samples[0], samples[-1]
    check_sequence(codec, [x, other, x, x * np.float32(1.01), x])
    check_damage(codec, samples[0])
    check_bombs(codec, samples[0])
