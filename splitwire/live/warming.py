"""A first run of everything, before a deadline counts: first runs are slow.

Kernels are chosen, memory is asked for, and profiles are opened when something first runs. With a
big network that can outlast a frame's deadline, so that an edge would leave a cloud that is only
warming up.
"""

from contextlib import suppress

import numpy as np

from splitwire.errors import SplitwireError
from splitwire.runner.choice import AnyChoice
from splitwire.runner.local import encode


def warm(choice: AnyChoice) -> None:
    """Run a black picture through both halves, of which an edge may need the second, and code it.

    What goes wrong is left for the first frame to tell.
    """
    split = choice.split
    with suppress(SplitwireError):
        features = split.start(np.zeros(split.model.input_shape[1:], np.float32))
        if choice.codecs:
            encode(features, choice.codecs)
        split.finish(features)
