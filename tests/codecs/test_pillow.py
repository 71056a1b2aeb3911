import numpy as np
import pytest

from splitwire.codecs.pillow import write_picture
from splitwire.errors import CodecError


def test_a_picture_that_its_format_cannot_hold_is_refused_with_the_reason() -> None:
    with pytest.raises(CodecError, match=r"cannot write a jpeg picture of \(1, 70000\): \w"):
        write_picture(np.zeros((1, 70_000), np.uint8), "jpeg")
