"""Quantise and dequantise, alone and fused with the mosaic."""

from libc.stddef cimport ptrdiff_t
from libc.stdint cimport uint8_t

from splitwire.kernels._fast cimport (
    Lent, codes, floats, mosaic_layout, output, plain_range, plain_top,
)
from splitwire.kernels._isa cimport level
from splitwire.kernels._tile cimport frame_layout, maps_layout

from splitwire.kernels import arguments, ranges


cdef extern from "_fused.h" nogil:
    ctypedef struct affine_map:
        const float *lo
        const float *factor
        ptrdiff_t step

    void (**quantize_channels)(const float *x, ptrdiff_t channels, ptrdiff_t plane, affine_map map,
                               float top, uint8_t *codes) noexcept nogil
    void (**dequantize_channels)(const uint8_t *codes, ptrdiff_t channels, ptrdiff_t plane,
                                 affine_map map, float *x) noexcept nogil
    void (**quantize_to_mosaic)(const float *x, affine_map map, float top,
                                const mosaic_layout *layout, uint8_t *frame) noexcept nogil
    void (**dequantize_from_mosaic)(const uint8_t *frame, affine_map map,
                                    const mosaic_layout *layout, float *x) noexcept nogil
    void finish_frame(const mosaic_layout *layout, ptrdiff_t frame_height, uint8_t *frame)


cdef object fill_map(lo, hi, bits, int top, ptrdiff_t channels, bint per_unit, float *pair,
                     affine_map *map):
    """Point `map` at `pair` or at arrays; returns what the caller must keep while it uses them."""
    cdef const float[::1] los, factors
    if not plain_range(lo, hi, top, per_unit, pair):
        checked = (ranges.quantizer if per_unit else ranges.dequantizer)(lo, hi, bits, channels)
        if not isinstance(checked[0], float):
            los, factors = checked
            map.lo = &los[0]
            map.factor = &factors[0]
            map.step = 1
            return checked
        pair[0], pair[1] = checked
    map.lo = pair
    map.factor = pair + 1
    map.step = 0
    return None


def quantize(x, lo, hi, bits=8, out=None):
    """Clip `x` to [lo, hi] and round it to codes of `bits` bits.

    x: real, any shape of rank one or more; taken as float32. lo, hi: finite, scalars or of shape
    (x.shape[0],). Returns uint8 codes of x's shape, in `out` if given: half rounds to even, a NaN
    becomes 0, infinities the ends; where hi == lo every code is 0. Raises TypeError for a wrong
    dtype; ValueError for an empty `x`, a bad range, `bits` outside 1..8 or an `out` that doesn't
    fit.
    """
    cdef Lent source = floats(x)
    cdef Lent result
    cdef ptrdiff_t channels = source.view.shape[0]
    cdef ptrdiff_t plane = source.size() // channels
    cdef int top = plain_top(bits) or arguments.top_code(bits)
    cdef float[2] pair
    cdef affine_map map
    held = fill_map(lo, hi, bits, top, channels, True, pair, &map)
    result = output(out, source.array.shape, c"B", source)
    with nogil:
        quantize_channels[level](<const float *>source.data, channels, plane, map,
                                 top, <uint8_t *>result.data)
    return result.array


def dequantize(q, lo, hi, bits=8, out=None):
    """Map codes back to values: lo + q * float32((hi - lo) / (2**bits - 1)).

    q: uint8, any shape of rank one or more; codes above the largest of `bits` bits are not
    checked, and extrapolate. lo, hi: as in `quantize`. Returns float32 of q's shape, in `out` if
    given. Raises as `quantize` does.
    """
    cdef Lent source = codes(q)
    cdef Lent result
    cdef ptrdiff_t channels = len(source.array)  # refuses a scalar
    cdef ptrdiff_t plane = source.size() // channels
    cdef int top = plain_top(bits) or arguments.top_code(bits)
    cdef float[2] pair
    cdef affine_map map
    held = fill_map(lo, hi, bits, top, channels, False, pair, &map)
    result = output(out, source.array.shape, c"f", source)
    with nogil:
        dequantize_channels[level](<const uint8_t *>source.data, channels, plane, map,
                                   <float *>result.data)
    return result.array


def quantize_tile(x, lo, hi, bits=8, block=1, out=None):
    """`tile(quantize(x, lo, hi, bits), block)` in one pass, with no tensor of codes in between.

    x: real, (C, H, W). Returns the uint8 frame of shape `frame_shape(x.shape, block)`, in `out` if
    given. Raises as the two do.
    """
    cdef Lent source = floats(x)
    cdef Lent frame
    cdef int top
    cdef float[2] pair
    cdef affine_map map
    cdef mosaic_layout layout
    if source.view.ndim != 3:
        arguments.channel_maps(source.array, "x")
    top = plain_top(bits) or arguments.top_code(bits)
    held = fill_map(lo, hi, bits, top, source.view.shape[0], True, pair, &map)
    shape = frame_layout(source, block, &layout)
    frame = output(out, shape, c"B", source)
    with nogil:
        quantize_to_mosaic[level](<const float *>source.data, map, top, &layout,
                                  <uint8_t *>frame.data)
        finish_frame(&layout, frame.view.shape[0], <uint8_t *>frame.data)
    return frame.array


def dequantize_untile(frame, shape, lo, hi, bits=8, out=None):
    """`dequantize(untile(frame, shape), lo, hi, bits)` in one pass, with no codes in between.

    frame: uint8, at least as large as the mosaic of `shape`. Returns float32 of `shape`
    (C, H, W), in `out` if given. Raises as the two do.
    """
    cdef mosaic_layout layout
    cdef Lent source = maps_layout(frame, shape, &layout)
    cdef Lent result
    cdef int top = plain_top(bits) or arguments.top_code(bits)
    cdef float[2] pair
    cdef affine_map map
    held = fill_map(lo, hi, bits, top, layout.channels, False, pair, &map)
    result = output(out, (layout.channels, layout.height, layout.width), c"f", source)
    with nogil:
        dequantize_from_mosaic[level](<const uint8_t *>source.data, map, &layout,
                                      <float *>result.data)
    return result.array
