"""Quantise and dequantise, alone and fused with the mosaic."""

cimport cython
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport uint8_t

from splitwire.kernels import arguments, ranges


cdef extern from "_fused.h" nogil:
    ctypedef struct affine_map:
        const float *lo
        const float *factor
        ptrdiff_t step

    ctypedef struct mosaic_layout:
        ptrdiff_t channels
        ptrdiff_t height
        ptrdiff_t width
        ptrdiff_t columns
        ptrdiff_t stride

    void quantize_channels(const float *x, ptrdiff_t channels, ptrdiff_t plane, affine_map map,
                           float top, uint8_t *codes)
    void dequantize_channels(const uint8_t *codes, ptrdiff_t channels, ptrdiff_t plane,
                             affine_map map, float *x)
    void quantize_to_mosaic(const float *x, affine_map map, float top, const mosaic_layout *layout,
                            uint8_t *frame)
    void dequantize_from_mosaic(const uint8_t *frame, affine_map map, const mosaic_layout *layout,
                                float *x)
    void finish_frame(const mosaic_layout *layout, ptrdiff_t frame_height, uint8_t *frame)


@cython.final
@cython.freelist(4)
cdef class Affine:
    """Holds what an affine_map points at: two floats, or two arrays with one float a channel."""

    cdef affine_map map
    cdef float lo
    cdef float factor
    cdef const float[::1] los
    cdef const float[::1] factors


cdef Affine affine(pair):
    cdef Affine held = Affine.__new__(Affine)
    lo, factor = pair
    if isinstance(lo, float):
        held.lo, held.factor = lo, factor
        held.map = affine_map(&held.lo, &held.factor, 0)
    else:
        held.los, held.factors = lo, factor
        held.map = affine_map(&held.los[0], &held.factors[0], 1)
    return held


def quantize(x, lo, hi, bits=8, out=None):
    """Clip `x` to [lo, hi] and round it to codes of `bits` bits.

    x: real, any shape of rank one or more; taken as float32. lo, hi: finite, scalars or of shape
    (x.shape[0],). Returns uint8 codes of x's shape, in `out` if given: half rounds to even, a NaN
    becomes 0, infinities the ends; where hi == lo every code is 0. Raises TypeError for a wrong
    dtype; ValueError for an empty `x`, a bad range, `bits` outside 1..8 or an `out` that doesn't
    fit.
    """
    x = arguments.features(x)
    cdef ptrdiff_t channels = len(x)
    cdef float top = arguments.top_code(bits)
    cdef Affine held = affine(ranges.quantizer(lo, hi, bits, channels))
    result = arguments.output(out, x.shape, arguments.UINT8, x)
    cdef const float[::1] source = x.reshape(-1)
    cdef uint8_t[::1] target = result.reshape(-1)
    with nogil:
        quantize_channels(&source[0], channels, source.shape[0] // channels, held.map, top,
                          &target[0])
    return result


def dequantize(q, lo, hi, bits=8, out=None):
    """Map codes back to values: lo + q * float32((hi - lo) / (2**bits - 1)).

    q: uint8, any shape of rank one or more; codes above the largest of `bits` bits are not
    checked, and extrapolate. lo, hi: as in `quantize`. Returns float32 of q's shape, in `out` if
    given. Raises as `quantize` does.
    """
    q = arguments.codes(q)
    cdef ptrdiff_t channels = len(q)
    cdef Affine held = affine(ranges.dequantizer(lo, hi, bits, channels))
    result = arguments.output(out, q.shape, arguments.FLOAT32, q)
    cdef const uint8_t[::1] source = q.reshape(-1)
    cdef float[::1] target = result.reshape(-1)
    with nogil:
        dequantize_channels(&source[0], channels, source.shape[0] // channels, held.map,
                            &target[0])
    return result


def quantize_tile(x, lo, hi, bits=8, block=1, out=None):
    """`tile(quantize(x, lo, hi, bits), block)` in one pass, with no tensor of codes in between.

    x: real, (C, H, W). Returns the uint8 frame of shape `frame_shape(x.shape, block)`, in `out` if
    given. Raises as the two do.
    """
    x = arguments.channel_maps(arguments.features(x), "x")
    cdef float top = arguments.top_code(bits)
    cdef Affine held = affine(ranges.quantizer(lo, hi, bits, len(x)))
    frame_shape = arguments.frame_shape(x.shape, block)
    result = arguments.output(out, frame_shape, arguments.UINT8, x)
    cdef const float[:, :, ::1] source = x
    cdef uint8_t[:, ::1] frame = result
    cdef mosaic_layout layout = mosaic_layout(
        source.shape[0], source.shape[1], source.shape[2],
        arguments.grid(source.shape[0], source.shape[1], source.shape[2])[1], frame.shape[1],
    )
    with nogil:
        quantize_to_mosaic(&source[0, 0, 0], held.map, top, &layout, &frame[0, 0])
        finish_frame(&layout, frame.shape[0], &frame[0, 0])
    return result


def dequantize_untile(frame, shape, lo, hi, bits=8, out=None):
    """`dequantize(untile(frame, shape), lo, hi, bits)` in one pass, with no codes in between.

    frame: uint8, at least as large as the mosaic of `shape`. Returns float32 of `shape`
    (C, H, W), in `out` if given. Raises as the two do.
    """
    frame, sizes = arguments.mosaic_frame(frame, shape)
    cdef Affine held = affine(ranges.dequantizer(lo, hi, bits, sizes[0]))
    result = arguments.output(out, sizes, arguments.FLOAT32, frame)
    cdef const uint8_t[:, :] source = frame
    cdef float[:, :, ::1] target = result
    cdef mosaic_layout layout = mosaic_layout(
        target.shape[0], target.shape[1], target.shape[2],
        arguments.grid(target.shape[0], target.shape[1], target.shape[2])[1], source.strides[0],
    )
    with nogil:
        dequantize_from_mosaic(&source[0, 0], held.map, &layout, &target[0, 0, 0])
    return result
