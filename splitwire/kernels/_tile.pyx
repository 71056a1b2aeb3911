"""The channels of a tensor to and from a mosaic."""

cimport numpy as cnp
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport uint8_t

from splitwire.kernels._fast cimport (
    fits, grid_columns, grid_rows, is_frame, is_plain, mosaic_layout, plain_shape, plain_size,
)
from splitwire.kernels._isa cimport level

from splitwire.kernels import arguments

cnp.import_array()


cdef extern from "_mosaic.h" nogil:
    void (**tile_maps)(const uint8_t *maps, const mosaic_layout *layout,
                       uint8_t *frame) noexcept nogil
    void (**untile_maps)(const uint8_t *frame, const mosaic_layout *layout,
                         uint8_t *maps) noexcept nogil
    void finish_frame(const mosaic_layout *layout, ptrdiff_t frame_height, uint8_t *frame)


cdef int frame_layout(cnp.ndarray maps, block, mosaic_layout *layout,
                      cnp.npy_intp *shape) except -1:
    """The layout and the shape of the frame that takes the (C, H, W) array `maps`."""
    cdef ptrdiff_t height, width, size
    layout.channels = cnp.PyArray_DIM(maps, 0)
    layout.height = cnp.PyArray_DIM(maps, 1)
    layout.width = cnp.PyArray_DIM(maps, 2)
    layout.columns = grid_columns(layout.channels, layout.height, layout.width)
    if plain_size(block, &size):
        height, width = grid_rows(layout) * layout.height, layout.columns * layout.width
        shape[0] = (height + size - 1) // size * size
        shape[1] = (width + size - 1) // size * size
    else:
        shape[0], shape[1] = arguments.frame_shape((<object>maps).shape, block)
    layout.stride = shape[1]
    return 0


cdef cnp.ndarray maps_layout(frame, shape, mosaic_layout *layout):
    """The layout of the maps of `shape` in `frame`, and `frame` as an array with plain rows."""
    cdef cnp.ndarray array
    if (
        is_frame(frame)
        and plain_shape(shape, layout)
        and cnp.PyArray_DIM(frame, 0) >= grid_rows(layout) * layout.height
        and cnp.PyArray_DIM(frame, 1) >= layout.columns * layout.width
    ):
        array = frame
    else:
        array, sizes = arguments.mosaic_frame(frame, shape)
        layout.channels, layout.height, layout.width = sizes
        layout.columns = grid_columns(layout.channels, layout.height, layout.width)
    layout.stride = cnp.PyArray_STRIDE(array, 0)
    return array


def tile(q, block=1, out=None):
    """Lay the channels of `q` out on a grid, as one grey picture.

    q: uint8, (C, H, W). The grid makes the frame about square (isqrt(C) rows where maps are);
    channel c stands at divmod(c, columns), with no gap; places left over hold 128. The whole is
    padded on the right and below to a multiple of `block` samples, repeating its edge. Returns the uint8
    frame of shape `frame_shape(q.shape, block)`, in `out` if given. Raises TypeError for a wrong
    dtype; ValueError for another rank, an empty tensor, a block below one or an `out` that
    doesn't fit.
    """
    cdef cnp.ndarray source = q if is_plain(q, cnp.NPY_UINT8) else arguments.codes(q)
    cdef cnp.ndarray frame
    cdef cnp.npy_intp[2] shape
    cdef mosaic_layout layout
    if cnp.PyArray_NDIM(source) != 3:
        arguments.channel_maps(source, "q")
    frame_layout(source, block, &layout, shape)
    if out is None:
        frame = cnp.PyArray_EMPTY(2, shape, cnp.NPY_UINT8, 0)
    elif fits(out, 2, shape, cnp.NPY_UINT8, source):
        frame = out
    else:
        frame = arguments.output(out, (shape[0], shape[1]), arguments.UINT8, source)
    with nogil:
        tile_maps[level](<const uint8_t *>cnp.PyArray_DATA(source), &layout,
                         <uint8_t *>cnp.PyArray_DATA(frame))
        finish_frame(&layout, shape[0], <uint8_t *>cnp.PyArray_DATA(frame))
    return frame


def untile(frame, shape, out=None):
    """Take the channels of a tensor of `shape` (C, H, W) back out of its mosaic.

    frame: uint8, two-dimensional, at least as large as the mosaic; what lies to the right or below
    is padding and is ignored. Returns uint8 of `shape`, in `out` if given. Raises TypeError for a
    wrong dtype; ValueError for a frame too small, a shape that is not (C, H, W) or an `out` that
    doesn't fit.
    """
    cdef mosaic_layout layout
    cdef cnp.ndarray source = maps_layout(frame, shape, &layout)
    cdef cnp.ndarray result
    cdef cnp.npy_intp[3] sizes = [layout.channels, layout.height, layout.width]
    if out is None:
        result = cnp.PyArray_EMPTY(3, sizes, cnp.NPY_UINT8, 0)
    elif fits(out, 3, sizes, cnp.NPY_UINT8, source):
        result = out
    else:
        result = arguments.output(out, (sizes[0], sizes[1], sizes[2]), arguments.UINT8, source)
    with nogil:
        untile_maps[level](<const uint8_t *>cnp.PyArray_DATA(source), &layout,
                           <uint8_t *>cnp.PyArray_DATA(result))
    return result
