"""Block motion between feature maps: finding it, and moving a map by it."""

import numpy as np

from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int16_t, int32_t, uint8_t
from libc.stdlib cimport abs
from splitwire.kernels import motion_arguments as arguments

cdef extern from "_motion.h" nogil:
    ctypedef struct motion_shape:
        ptrdiff_t height, width, lanes
    ctypedef struct motion_block:
        ptrdiff_t top, bottom, left, right
    double motion_cost(
        const float *now, const float *map, motion_shape shape, motion_block block, int down,
        int across
    )
    void move "motion_move"(
        const int32_t *map, int32_t *out, ptrdiff_t height, ptrdiff_t width, motion_block block,
        int down, int across
    )

cdef enum:
    LAST = 0
    LONG = 1
    BLANK = 2

cdef double STRANGE = 3.0  # bits of another source than the last map


cdef struct search_t:
    const float *now
    const float *last
    const float *before
    motion_shape shape
    int farthest_down, farthest_across  # quarter positions


cdef struct found_t:
    double cost
    int down, across


cdef inline int middle(int a, int b, int c) noexcept nogil:
    return max(min(a, b), min(max(a, b), c))


cdef inline int foreseen(const int16_t *vectors, ptrdiff_t block, ptrdiff_t columns, int axis) noexcept nogil:
    """As the coder of residuals has it."""
    cdef ptrdiff_t column = block % columns
    cdef int left = vectors[2 * (block - 1) + axis] if column else 0
    if block < columns:
        return left
    cdef int above = vectors[2 * (block - columns) + axis]
    cdef int right = vectors[2 * (block - columns + 1) + axis] if column + 1 < columns else 0
    return middle(left, above, right)


cdef inline double bits_of(int off) noexcept nogil:
    """About those of a vector's component."""
    cdef int size = abs(off), bits = 0
    if not size:
        return 1
    while size >> (bits + 1):
        bits += 1
    return 2 * bits + 3


cdef inline void attempt(
    const search_t *search, motion_block block, int down, int across, int down_due, int across_due,
    found_t *found
) noexcept nogil:
    cdef double cost
    if abs(down) > search.farthest_down or abs(across) > search.farthest_across:
        return
    cost = bits_of(down - down_due) + bits_of(across - across_due)
    if cost >= found.cost:
        return
    cost += motion_cost(search.now, search.last, search.shape, block, down, across)
    if cost < found.cost:
        found.cost = cost
        found.down = down
        found.across = across


cdef inline found_t find(
    const search_t *search, motion_block block, int down_due, int across_due
) noexcept nogil:
    """Whole positions first, then halves and quarters about the best."""
    cdef found_t found = found_t(1e300, 0, 0)
    cdef int down, across, step = 2, i, j
    attempt(search, block, down_due, across_due, down_due, across_due, &found)
    for down in range(-search.farthest_down, search.farthest_down + 1, 4):
        for across in range(-search.farthest_across, search.farthest_across + 1, 4):
            attempt(search, block, down, across, down_due, across_due, &found)
    while step:
        down, across = found.down, found.across
        for i in range(-1, 2):
            for j in range(-1, 2):
                if i or j:
                    attempt(
                        search, block, down + i * step, across + j * step, down_due, across_due,
                        &found
                    )
        step >>= 1
    return found


def motion_search(now, last, before, rows, columns, reach):
    """For each block, from where and how far moved it is foretold best.

    now, last, before: float32 (H, W, D), D a multiple of 8: leading components of a map, of the one
    that was coded last, and of one of long ago, in steps. rows, columns: where blocks begin, and
    the end. reach: how far a vector goes, in positions, 0 to 63; never further than the map is long.
    Returns vectors, int16 (B, 2), rows and columns in quarter positions, and sources, uint8 (B,): 0
    for the last map, 1 for the one before, 2 for nothing.
    Raises ValueError for other dtypes, shapes or reaches.
    """
    now, last, before = arguments.maps(now, last, before)
    down_reach, across_reach = arguments.farthest(reach, now.shape[:2])
    rows, columns = arguments.edges(rows, now.shape[0]), arguments.edges(columns, now.shape[1])
    cdef const float[:, :, ::1] one = now
    cdef const float[:, :, ::1] other = last
    cdef const float[:, :, ::1] old = before
    cdef const int32_t[::1] tops = rows
    cdef const int32_t[::1] lefts = columns
    cdef ptrdiff_t across = lefts.shape[0] - 1, count = (tops.shape[0] - 1) * across, b
    vectors, sources = np.zeros((count, 2), np.int16), np.zeros(count, np.uint8)
    cdef int16_t[:, ::1] ways = vectors
    cdef uint8_t[::1] origins = sources
    cdef search_t search = search_t(
        &one[0, 0, 0], &other[0, 0, 0], &old[0, 0, 0],
        motion_shape(one.shape[0], one.shape[1], one.shape[2]), down_reach, across_reach,
    )
    cdef motion_block block
    cdef found_t found
    cdef double cost
    with nogil:
        for b in range(count):
            block = motion_block(
                tops[b // across], tops[b // across + 1], lefts[b % across], lefts[b % across + 1]
            )
            found = find(
                &search, block, foreseen(&ways[0, 0], b, across, 0),
                foreseen(&ways[0, 0], b, across, 1),
            )
            ways[b, 0] = found.down
            ways[b, 1] = found.across
            cost = STRANGE + motion_cost(search.now, search.before, search.shape, block, 0, 0) + 2
            if cost < found.cost:
                found.cost = cost
                origins[b] = LONG
                ways[b, 0] = ways[b, 1] = 0
            cost = STRANGE + motion_cost(search.now, NULL, search.shape, block, 0, 0)
            if cost < found.cost:
                origins[b] = BLANK
                ways[b, 0] = ways[b, 1] = 0
    return vectors, sources


def motion_move(last, before, vectors, sources, rows, columns):
    """A map foretold block by block.

    last, before: int32 (C, H, W), within ±2**27. vectors, sources, rows, columns: as `motion_search`
    has them. Between positions is the bilinear mean, rounded; beyond the edges they go on. Exact.
    Returns int32 (C, H, W). Raises ValueError for other dtypes or shapes.
    """
    last, before = arguments.integers(last, before)
    rows, columns = arguments.edges(rows, last.shape[1]), arguments.edges(columns, last.shape[2])
    vectors, sources = arguments.moves(vectors, sources, (len(rows) - 1, len(columns) - 1))
    cdef const int32_t[:, :, ::1] newest = last
    cdef const int32_t[:, :, ::1] old = before
    cdef const int16_t[:, ::1] ways = vectors
    cdef const uint8_t[::1] origins = sources
    cdef const int32_t[::1] tops = rows
    cdef const int32_t[::1] lefts = columns
    result = np.zeros(last.shape, np.int32)
    cdef int32_t[:, :, ::1] out = result
    cdef ptrdiff_t across = lefts.shape[0] - 1, height = out.shape[1], width = out.shape[2], b, c
    cdef motion_block block
    with nogil:
        for c in range(out.shape[0]):
            for b in range(origins.shape[0]):
                if origins[b] == BLANK:
                    continue
                block = motion_block(
                    tops[b // across], tops[b // across + 1], lefts[b % across],
                    lefts[b % across + 1],
                )
                move(
                    &newest[c, 0, 0] if origins[b] == LAST else &old[c, 0, 0], &out[c, 0, 0],
                    height, width, block, ways[b, 0], ways[b, 1],
                )
    return result
