import numpy as np
import pytest
from streams import payload_of

import splitwire as sw
from splitwire.codecs.pillow import write_picture
from splitwire.errors import CodecError


def test_a_picture_that_its_format_cannot_hold_is_refused_with_the_reason() -> None:
    with pytest.raises(CodecError, match=r"cannot write a jpeg picture of \(1, 70000\): \w"):
        write_picture(np.zeros((1, 70_000), np.uint8), "jpeg")


def test_an_avif_is_what_one_thread_writes() -> None:
    """Several write other bytes: the rate would be the machine's."""
    codec = sw.codec("picture:format=avif,quality=75")
    if codec.missing:
        pytest.skip(f"no {codec.missing}")
    samples = np.random.default_rng(0).integers(0, 256, (128, 128, 3)).astype(np.uint8)
    stream = codec.encode(np.float32(samples.transpose(2, 0, 1)))
    assert payload_of(stream) == write_picture(samples, "AVIF", quality=75, max_threads=1)
