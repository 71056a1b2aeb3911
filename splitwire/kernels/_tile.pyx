"""The channels of a tensor to and from a mosaic."""

from libc.stddef cimport ptrdiff_t
from libc.stdint cimport uint8_t

from splitwire.kernels import arguments


cdef extern from "_mosaic.h" nogil:
    ctypedef struct mosaic_layout:
        ptrdiff_t channels
        ptrdiff_t height
        ptrdiff_t width
        ptrdiff_t columns
        ptrdiff_t stride

    void scatter_rows(const uint8_t *rows, ptrdiff_t first, ptrdiff_t last,
                      const mosaic_layout *layout, uint8_t *frame)
    void gather_rows(const uint8_t *frame, ptrdiff_t first, ptrdiff_t last,
                     const mosaic_layout *layout, uint8_t *rows)
    void finish_frame(const mosaic_layout *layout, ptrdiff_t frame_height, uint8_t *frame)


def tile(q, block=1, out=None):
    """Lay the channels of `q` out on a grid, as one grey picture.

    q: uint8, (C, H, W). The grid makes the frame about square (isqrt(C) rows where maps are);
    channel c stands at divmod(c, columns), with no gap; places left over hold 128. The whole is
    padded on the right and below to a multiple of `block` samples, repeating its edge. Returns the uint8
    frame of shape `frame_shape(q.shape, block)`, in `out` if given. Raises TypeError for a wrong
    dtype; ValueError for another rank, an empty tensor, a block below one or an `out` that
    doesn't fit.
    """
    q = arguments.channel_maps(arguments.codes(q), "q")
    frame_shape = arguments.frame_shape(q.shape, block)
    result = arguments.output(out, frame_shape, arguments.UINT8, q)
    cdef const uint8_t[:, :, ::1] source = q
    cdef uint8_t[:, ::1] frame = result
    cdef mosaic_layout layout = mosaic_layout(
        source.shape[0], source.shape[1], source.shape[2],
        arguments.grid(source.shape[0], source.shape[1], source.shape[2])[1], frame.shape[1],
    )
    with nogil:
        scatter_rows(&source[0, 0, 0], 0, layout.channels * layout.height, &layout, &frame[0, 0])
        finish_frame(&layout, frame.shape[0], &frame[0, 0])
    return result


def untile(frame, shape, out=None):
    """Take the channels of a tensor of `shape` (C, H, W) back out of its mosaic.

    frame: uint8, two-dimensional, at least as large as the mosaic; what lies to the right or below
    is padding and is ignored. Returns uint8 of `shape`, in `out` if given. Raises TypeError for a
    wrong dtype; ValueError for a frame too small, a shape that is not (C, H, W) or an `out` that
    doesn't fit.
    """
    frame, sizes = arguments.mosaic_frame(frame, shape)
    result = arguments.output(out, sizes, arguments.UINT8, frame)
    cdef const uint8_t[:, :] source = frame
    cdef uint8_t[:, :, ::1] target = result
    cdef mosaic_layout layout = mosaic_layout(
        target.shape[0], target.shape[1], target.shape[2],
        arguments.grid(target.shape[0], target.shape[1], target.shape[2])[1], source.strides[0],
    )
    with nogil:
        gather_rows(&source[0, 0], 0, layout.channels * layout.height, &layout, &target[0, 0, 0])
    return result
