"""The channels of a tensor to and from a mosaic."""

from cpython.buffer cimport PyBUF_STRIDES
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport uint8_t

from splitwire.kernels._fast cimport (
    Lent, codes, grid_columns, grid_rows, lend, mosaic_layout, output, plain_shape, plain_size, rows,
)
from splitwire.kernels._isa cimport level

from splitwire.kernels import arguments


cdef extern from "_mosaic.h" nogil:
    void (**tile_maps)(const uint8_t *maps, const mosaic_layout *layout,
                       uint8_t *frame) noexcept nogil
    void (**untile_maps)(const uint8_t *frame, const mosaic_layout *layout,
                         uint8_t *maps) noexcept nogil
    void finish_frame(const mosaic_layout *layout, ptrdiff_t frame_height, uint8_t *frame)


cdef tuple frame_layout(Lent maps, block, mosaic_layout *layout):
    """The layout and the shape of the frame that takes the (C, H, W) array `maps`."""
    cdef ptrdiff_t height, width, size
    layout.channels = maps.view.shape[0]
    layout.height = maps.view.shape[1]
    layout.width = maps.view.shape[2]
    layout.columns = grid_columns(layout.channels, layout.height, layout.width)
    if plain_size(block, &size):
        height, width = grid_rows(layout) * layout.height, layout.columns * layout.width
        height = (height + size - 1) // size * size
        width = (width + size - 1) // size * size
    else:
        height, width = arguments.frame_shape(maps.array.shape, block)
    layout.stride = width
    return height, width


cdef Lent maps_layout(frame, shape, mosaic_layout *layout):
    """The layout of the maps of `shape` in `frame`, and `frame` as an array with plain rows."""
    cdef Lent lent = rows(frame)
    if not (
        lent is not None
        and plain_shape(shape, layout)
        and lent.view.shape[0] >= grid_rows(layout) * layout.height
        and lent.view.shape[1] >= layout.columns * layout.width
    ):
        array, sizes = arguments.mosaic_frame(frame, shape)
        layout.channels, layout.height, layout.width = sizes
        layout.columns = grid_columns(layout.channels, layout.height, layout.width)
        lent = lend(array, PyBUF_STRIDES)
    layout.stride = lent.view.strides[0]
    return lent


def tile(q, block=1, out=None):
    """Lay the channels of `q` out on a grid, as one grey picture.

    q: uint8, (C, H, W). The grid makes the frame about square (isqrt(C) rows where maps are);
    channel c stands at divmod(c, columns), with no gap; places left over hold 128. The whole is
    padded on the right and below to a multiple of `block` samples, repeating its edge. Returns the
    uint8 frame of shape `frame_shape(q.shape, block)`, in `out` if given. Raises TypeError for a
    wrong dtype; ValueError for another rank, an empty tensor, a block below one or an `out` that
    doesn't fit.
    """
    cdef Lent source = codes(q)
    cdef Lent frame
    cdef mosaic_layout layout
    if source.view.ndim != 3:
        arguments.channel_maps(source.array, "q")
    shape = frame_layout(source, block, &layout)
    frame = output(out, shape, c"B", source)
    with nogil:
        tile_maps[level](<const uint8_t *>source.data, &layout, <uint8_t *>frame.data)
        finish_frame(&layout, frame.view.shape[0], <uint8_t *>frame.data)
    return frame.array


def untile(frame, shape, out=None):
    """Take the channels of a tensor of `shape` (C, H, W) back out of its mosaic.

    frame: uint8, two-dimensional, at least as large as the mosaic; what lies to the right or below
    is padding and is ignored. Returns uint8 of `shape`, in `out` if given. Raises TypeError for a
    wrong dtype; ValueError for a frame too small, a shape that is not (C, H, W) or an `out` that
    doesn't fit.
    """
    cdef mosaic_layout layout
    cdef Lent source = maps_layout(frame, shape, &layout)
    cdef Lent result = output(
        out, (layout.channels, layout.height, layout.width), c"B", source
    )
    with nogil:
        untile_maps[level](<const uint8_t *>source.data, &layout, <uint8_t *>result.data)
    return result.array
