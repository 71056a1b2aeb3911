"""The tensors that codecs are tried on."""

from collections.abc import Sequence

import numpy as np

from splitwire.codecs.base import Codec, Tensor

SHAPES = ((8, 14, 14), (3, 16, 16), (1, 1, 1), (5, 3, 2), (17, 12), (33,), (2, 3, 5, 7))


def tensors(codec: Codec, shapes: Sequence[tuple[int, ...]] = SHAPES) -> list[Tensor]:
    """Tensors of the shapes that a codec takes, smooth and signed as features are."""
    random = np.random.default_rng(0)
    made = []
    for shape in filter(codec.takes, shapes):
        x = random.normal(0.3, 1, shape)
        for axis in range(len(shape) - 2, len(shape)):
            x = x + np.roll(x, 1, axis)
        made.append(x.astype(np.float32))
    assert made, f"{codec} takes none of {shapes}"
    return made
