"""Which instruction set the kernels use: the best that the processor has, or SPLITWIRE_ISA."""

import os


cdef extern from "_isa.h":
    int best_level()


NAMES = ("baseline", "avx2", "avx512")


def supported():
    """The names of the instruction sets that run here, the plainest first."""
    return NAMES[: best_level() + 1]


def name():
    """The name of the one in use."""
    return NAMES[level]


def use(name):
    """Use another one from now on, in every thread: for tests. Results are the same in all."""
    global level
    if name not in supported():
        raise ValueError(
            f"the instruction set is {name!r}; this processor has {', '.join(supported())}"
        )
    level = NAMES.index(name)


try:
    use(os.environ.get("SPLITWIRE_ISA") or NAMES[best_level()])
except ValueError as error:
    raise ImportError(f"SPLITWIRE_ISA: {error}") from None
