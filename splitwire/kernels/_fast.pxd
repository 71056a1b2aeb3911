# The short way through the checks of arguments.py and ranges.py, for what callers mostly pass.
#
# What it doesn't know goes to the Python ones, which know how to convert and what to say in an error.

from cpython.long cimport PyLong_AsLongAndOverflow, PyLong_CheckExact
from cpython.tuple cimport PyTuple_CheckExact, PyTuple_GET_ITEM, PyTuple_GET_SIZE
from libc.stddef cimport ptrdiff_t

cdef extern from "_mosaic.h" nogil:
    ctypedef struct mosaic_layout:
        ptrdiff_t channels
        ptrdiff_t height
        ptrdiff_t width
        ptrdiff_t columns
        ptrdiff_t stride

    ptrdiff_t grid_columns(ptrdiff_t channels, ptrdiff_t height, ptrdiff_t width)
    ptrdiff_t grid_rows(const mosaic_layout *layout)


cdef class Lent:
    cdef object array
    cdef Py_buffer view
    cdef void *data

    cdef inline ptrdiff_t size(self) noexcept nogil:
        return self.view.len // self.view.itemsize


cdef Lent lend(object array, int flags)
cdef Lent floats(object x)
cdef Lent codes(object q, object name=*)
cdef Lent rows(object frame)
cdef Lent output(object out, object shape, char kind, Lent source)
cdef bint plain_range(object lo, object hi, int top, bint per_unit, float *pair) except -1


cdef inline int plain_top(object bits) noexcept:
    """The largest code of `bits` bits, or 0."""
    cdef int overflow = 0
    cdef long width
    if not PyLong_CheckExact(bits):
        return 0
    width = PyLong_AsLongAndOverflow(bits, &overflow)
    return (1 << width) - 1 if 1 <= width <= 8 else 0


cdef inline bint plain_size(object value, ptrdiff_t *size) noexcept:
    """Whether `value` is an int from 1 to 2**20, so that products of three cannot overflow."""
    cdef int overflow = 0
    cdef long number
    if not PyLong_CheckExact(value):
        return False
    number = PyLong_AsLongAndOverflow(value, &overflow)
    size[0] = number
    return 1 <= number <= 1 << 20


cdef inline bint plain_shape(object shape, mosaic_layout *layout) noexcept:
    """Whether `shape` is three such ints in a tuple; then fills all of `layout` but the stride."""
    if not (
        PyTuple_CheckExact(shape) and PyTuple_GET_SIZE(shape) == 3
        and plain_size(<object>PyTuple_GET_ITEM(shape, 0), &layout.channels)
        and plain_size(<object>PyTuple_GET_ITEM(shape, 1), &layout.height)
        and plain_size(<object>PyTuple_GET_ITEM(shape, 2), &layout.width)
    ):
        return False
    layout.columns = grid_columns(layout.channels, layout.height, layout.width)
    return True
