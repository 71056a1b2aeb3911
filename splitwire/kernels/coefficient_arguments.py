"""What the coder of coefficients takes: the checks that the compiled functions and twins share."""

from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from splitwire.kernels import arguments, entropy_arguments
from splitwire.kernels.arguments import Codes, Features
from splitwire.kernels.entropy_arguments import Seen, States, Words

Coefficients = npt.NDArray[np.int16]

ONE = 64
PLACES = 14
LIVELY = 6
CONTEXTS = LIVELY**2
THRESHOLDS = (6, 11, 17, 26, 43)
FINE = 64
FADE = 3
LIMIT = 65000
TRELLIS = ((0, 2), (5, 7), (1, 3), (6, 4), (2, 0), (4, 6), (3, 1), (7, 5))
ESCAPE_BITS = 15

_ESCAPE = ESCAPE_BITS + 2  # calls of the coder behind the last place, at most


def classified(
    q: npt.ArrayLike, classes: npt.ArrayLike, expected: States
) -> tuple[Coefficients, Codes, Words]:
    """Coefficients, their classes and what each class leads to expect."""
    values = indices(q)
    kinds, due = _classes(classes, expected)
    if values.shape != kinds.shape:
        raise ValueError(f"q has shape {values.shape}; classes has {kinds.shape}")
    return values, kinds, due


def indices(q: npt.ArrayLike) -> Coefficients:
    """Indices of quantised coefficients."""
    values = np.asarray(q)
    if values.dtype != np.int16:
        raise TypeError(f"q has dtype {values.dtype}; expected int16")
    if values.ndim != 3 or not values.size:
        raise ValueError(f"q has shape {values.shape}; expected (K, H, W), not empty")
    if values.min() == -32768:
        raise ValueError("q holds -32768; expected -32767 to 32767")
    return np.require(values, requirements=("C", "A"))


def trellis(
    z: npt.ArrayLike, contexts: npt.ArrayLike, rates: npt.ArrayLike
) -> tuple[Features, Words, Features]:
    """Coefficients, their contexts, and the bits of each magnitude in each."""
    values, bits = np.asarray(z), np.asarray(rates)
    for name, array in (("z", values), ("rates", bits)):
        if array.dtype != np.float32:
            raise TypeError(f"{name} has dtype {array.dtype}; expected float32")
    which = entropy_arguments.words(contexts, "contexts")
    if values.ndim != 3 or not values.size or which.shape != values.shape:
        raise ValueError(f"z has shape {values.shape}, contexts {which.shape}; expected (K, H, W)")
    if bits.ndim != 3 or bits.shape[1:] != (2, PLACES + 1) or len(bits) <= which.max():
        raise ValueError(f"rates has shape {bits.shape}; expected ({which.max() + 1}, 2, 15)")
    return np.ascontiguousarray(values), which, np.ascontiguousarray(bits)


def coefficients(
    q: npt.ArrayLike, classes: npt.ArrayLike, expected: States, states: States, seen: Seen
) -> tuple[Coefficients, Codes, Words, Words, Codes]:
    """Coefficients, their classes, and the flat states of the contexts with what they rest on."""
    values, kinds, due = classified(q, classes, expected)
    return values, kinds, due, *_states(states, seen, len(due))


def coded(
    buffer: Any, classes: npt.ArrayLike, expected: States, states: States, seen: Seen
) -> tuple[Codes, Codes, Words, Words, Codes]:
    """A stream's bytes, the classes, and the flat states of the contexts."""
    kinds, due = _classes(classes, expected)
    return arguments.packed_array(buffer), kinds, due, *_states(states, seen, len(due))


def most_bins(values: Coefficients) -> int:
    """How often the range coder is called for these coefficients, at most."""
    sizes = np.abs(values)
    long = int(np.count_nonzero(sizes >= PLACES))
    return int(np.minimum(sizes, PLACES).sum(dtype=np.int64)) + 2 * values.size + _ESCAPE * long


def refuse() -> NoReturn:
    """Say that bytes are no stream of coefficients."""
    raise ValueError("buffer is no stream of coefficients of these classes")


def _classes(classes: npt.ArrayLike, expected: States) -> tuple[Codes, Words]:
    kinds = arguments.codes(classes, "classes")
    if kinds.ndim != 3:
        raise ValueError(f"classes has shape {kinds.shape}; expected (K, H, W)")
    due = entropy_arguments.words(expected, "expected")
    if due.ndim != 1 or not due.size:
        raise ValueError(f"expected has shape {due.shape}; expected one dimension, not empty")
    if kinds.max() >= due.size:
        raise ValueError(f"classes holds {kinds.max()}; there are {due.size}")
    return np.require(kinds, requirements=("C", "A")), due


def _states(states: States, seen: Seen, classes: int) -> tuple[Words, Codes]:
    array = np.asarray(states)
    shape = (classes, CONTEXTS, 2, PLACES)
    if array.shape != shape:
        raise ValueError(f"states has shape {array.shape}; expected {shape}")
    rests = seen if isinstance(seen, int) else np.asarray(seen)
    if not isinstance(rests, int) and rests.shape != array.shape:
        raise ValueError(f"seen has shape {rests.shape}; expected one number or {array.shape}")
    flat = rests if isinstance(rests, int) else rests.reshape(-1)
    return entropy_arguments.checked_states(array.reshape(-1), flat)
