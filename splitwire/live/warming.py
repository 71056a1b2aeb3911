"""A first run of everything, before a deadline counts: first runs are slow.

A network runs already as it is cut. But profiles are opened, tables are made of them and memory is
asked for when something is first coded; that can outlast a frame's deadline, so that an edge would
leave a cloud that is only warming up.
"""

from contextlib import suppress

import numpy as np

from splitwire.runner.choice import AnyChoice
from splitwire.runner.local import decode_arrays, encode


def warm(choice: AnyChoice) -> None:
    """Run a black picture through both halves, and what crosses through its codecs and back.

    What goes wrong is left for the first frame to tell.
    """
    split = choice.split
    with suppress(Exception):  # of any kind: codecs may be a user's own
        features = split.start(np.zeros(split.model.input_shape[1:], np.float32))
        if choice.codecs:
            shapes = [crossing.shape for crossing in split.crossings]
            decode_arrays(encode(features, choice.codecs), choice.codecs, shapes)
        split.finish(features)
