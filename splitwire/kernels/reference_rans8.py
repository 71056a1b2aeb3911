"""The plain Python twin of rANS by bytes: the same streams, symbol after symbol, by division.

What each function takes, gives and raises is told by the docstring of its compiled twin; the
stream is explained in `_rans8.h`, its tree in `_rans8_tree.h`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from splitwire.kernels import arguments, entropy_arguments
from splitwire.kernels.arguments import Codes
from splitwire.kernels.reference_rans import best_frequencies

_LEVELS, _LANES, _LEAST = 256, 64, 1 << 16
_BIT, _NAT = 1 << 16, 94548
