# The short way through the checks of arguments.py and ranges.py, for what callers mostly pass.
#
# Each function either accepts, and then what it gives is what the Python ones would give, or says
# no; then the Python ones decide, which know how to convert and what to say in an error.

cimport numpy as cnp
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_Check
from cpython.long cimport PyLong_AsLongAndOverflow, PyLong_CheckExact
from cpython.tuple cimport PyTuple_CheckExact, PyTuple_GET_ITEM, PyTuple_GET_SIZE
from libc.math cimport fabs
from libc.stddef cimport ptrdiff_t

cdef extern from *:
    """
    #define IS_FLOAT32_SCALAR(value) PyArray_IsScalar(value, Float)
    """
    bint IS_FLOAT32_SCALAR(object value)

cdef extern from "_mosaic.h" nogil:
    ctypedef struct mosaic_layout:
        ptrdiff_t channels
        ptrdiff_t height
        ptrdiff_t width
        ptrdiff_t columns
        ptrdiff_t stride

    ptrdiff_t grid_columns(ptrdiff_t channels, ptrdiff_t height, ptrdiff_t width)
    ptrdiff_t grid_rows(const mosaic_layout *layout)


cdef inline bint is_plain(object x, int kind) noexcept:
    """Whether a kernel takes `x` as it is: right type, contiguous, aligned and not empty."""
    return (
        cnp.PyArray_CheckExact(x) and cnp.PyArray_TYPE(x) == kind and cnp.PyArray_ISCARRAY_RO(x)
        and cnp.PyArray_NDIM(x) > 0 and cnp.PyArray_SIZE(x) > 0
    )


cdef inline bint is_frame(object x) noexcept:
    """Whether a kernel takes `x` as a frame: rows of bytes, one after the other, gaps allowed."""
    return (
        cnp.PyArray_CheckExact(x) and cnp.PyArray_TYPE(x) == cnp.NPY_UINT8
        and cnp.PyArray_NDIM(x) == 2 and cnp.PyArray_STRIDE(x, 1) == 1
        and cnp.PyArray_STRIDE(x, 0) >= cnp.PyArray_DIM(x, 1)
    )


cdef inline bint fits(object out, int rank, const cnp.npy_intp *shape, int kind,
                      cnp.ndarray source) noexcept:
    """Whether `out` can be written to as it is, and lies apart from `source`."""
    cdef int axis
    cdef const char *begin
    cdef const char *other
    if not (cnp.PyArray_CheckExact(out) and cnp.PyArray_TYPE(out) == kind
            and cnp.PyArray_ISCARRAY(out) and cnp.PyArray_NDIM(out) == rank):
        return False
    for axis in range(rank):
        if cnp.PyArray_DIM(out, axis) != shape[axis]:
            return False
    begin = <const char *>cnp.PyArray_DATA(out)
    other = <const char *>cnp.PyArray_DATA(source)
    return (
        begin + cnp.PyArray_NBYTES(out) <= other
        or other + cnp.PyArray_STRIDE(source, 0) * cnp.PyArray_DIM(source, 0) <= begin
    )


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


cdef inline bint plain_limit(object value, double *limit) noexcept:
    cdef int overflow = 0
    if PyFloat_Check(value):
        limit[0] = PyFloat_AS_DOUBLE(value)
        return True
    if PyLong_CheckExact(value):
        limit[0] = PyLong_AsLongAndOverflow(value, &overflow)
        return overflow == 0
    if IS_FLOAT32_SCALAR(value):
        limit[0] = value
        return True
    return False


cdef inline bint plain_range(object lo, object hi, int top, bint per_unit, float *pair) noexcept:
    """Whether the range is two good scalars; then `pair` is what ranges.py makes of them."""
    cdef double beyond = 2.0 ** 128 - 2.0 ** 103  # the least that rounds to an infinity
    cdef double low, high, span
    if not (plain_limit(lo, &low) and plain_limit(hi, &high)
            and fabs(low) < beyond and fabs(high) < beyond):
        return False
    pair[0] = <float>low
    span = <double><float>high - <double>pair[0]
    if not 0.0 <= span < beyond:
        return False
    if span == 0.0:
        pair[1] = 0.0
    else:
        pair[1] = <float>(top / span if per_unit else span / top)
    return True
