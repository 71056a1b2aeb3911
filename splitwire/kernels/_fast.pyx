"""Arrays by their buffers, and ranges as two floats: what calls of the kernels begin with."""

cimport cython
from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBUF_STRIDES, PyBUF_WRITABLE, PyBuffer_Release,
    PyObject_GetBuffer,
)
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_Check
from libc.math cimport fabs

from numpy import empty, float32, ndarray

from splitwire.kernels import arguments

cdef object FLOAT32 = arguments.FLOAT32
cdef object UINT8 = arguments.UINT8


@cython.final
@cython.freelist(8)
cdef class Lent:
    """An array and its memory, which goes back when this object does, whatever the way out."""

    def __dealloc__(self):
        PyBuffer_Release(&self.view)


cdef Lent lend(array, int flags):
    """The memory of `array`, or the error of NumPy if it isn't what `flags` ask for."""
    cdef Lent lent = Lent.__new__(Lent)
    PyObject_GetBuffer(array, &lent.view, flags)
    lent.array = array
    lent.data = lent.view.buf
    return lent


cdef Lent lend_plain(x, char kind, int flags):
    """The same if `x` is an array of that kind, aligned and not empty; otherwise None."""
    cdef Lent lent
    if type(x) is not ndarray:
        return None
    try:
        lent = lend(x, flags | PyBUF_FORMAT)
    except (ValueError, BufferError):  # not contiguous, read-only, or a dtype without a format
        return None
    if (
        lent.view.format[0] == kind and lent.view.format[1] == 0 and lent.view.ndim > 0
        and lent.view.len > 0 and <size_t>lent.data % lent.view.itemsize == 0
    ):
        return lent
    return None


cdef Lent floats(x):
    """`x` as `arguments.features` gives it."""
    cdef Lent lent = lend_plain(x, c"f", PyBUF_C_CONTIGUOUS)
    return lend(arguments.features(x), PyBUF_C_CONTIGUOUS) if lent is None else lent


cdef Lent codes(q, name="q"):
    """`q`, called `name`, as `arguments.codes` gives it."""
    cdef Lent lent = lend_plain(q, c"B", PyBUF_C_CONTIGUOUS)
    return lend(arguments.codes(q, name), PyBUF_C_CONTIGUOUS) if lent is None else lent


cdef Lent rows(frame):
    """`frame` if it is rows of bytes, one after the other, gaps allowed; otherwise None."""
    cdef Lent lent = lend_plain(frame, c"B", PyBUF_STRIDES)
    if (
        lent is not None and lent.view.ndim == 2 and lent.view.strides[1] == 1
        and lent.view.strides[0] >= lent.view.shape[1]
    ):
        return lent
    return None


cdef bint apart(Lent out, Lent source) noexcept:
    """Whether `out` surely shares no byte with `source`."""
    cdef const char *begin = <const char *>out.data
    cdef const char *other = <const char *>source.data
    return (
        begin + out.view.len <= other
        or other + source.view.strides[0] * source.view.shape[0] <= begin
    )


cdef Lent output(out, shape, char kind, Lent source):
    """What `arguments.output` gives; a kind is a format of the buffer protocol, "f" or "B"."""
    cdef Lent lent
    dtype = FLOAT32 if kind == c"f" else UINT8
    if out is None:
        out = empty(shape, dtype)
    else:
        lent = lend_plain(out, kind, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE)
        if lent is not None and apart(lent, source) and out.shape == shape:
            return lent
        out = arguments.output(out, shape, dtype, source.array)
    return lend(out, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE)


cdef bint plain_limit(object value, double *limit) except -1:
    cdef int overflow = 0
    if PyFloat_Check(value):
        limit[0] = PyFloat_AS_DOUBLE(value)
        return True
    if PyLong_CheckExact(value):
        limit[0] = PyLong_AsLongAndOverflow(value, &overflow)
        return overflow == 0
    if type(value) is float32:
        limit[0] = value
        return True
    return False


cdef bint plain_range(object lo, object hi, int top, bint per_unit, float *pair) except -1:
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
