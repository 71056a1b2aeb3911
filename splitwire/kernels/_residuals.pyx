"""Residuals of prediction through mixed contexts, chosen by rate and distortion as they are coded.

A residual comes in components, each over places (a frequency of a block). Most of it is zero; where
it is not is told by six contexts at once, whose opinions `_mix.h` mixes:

    class and octave │ neighbouring blocks and components before │ lower frequencies and their kind
    components before and the residual before │ the residual before and lately │ lately and neighbours

All of them live on from one residual to the next, in a `Model`. All of decoding is integer.
"""

import numpy as np

from libc.math cimport log2
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int16_t, int32_t, uint8_t, uint16_t, uint32_t
from libc.stdlib cimport abs
from splitwire.kernels._range cimport (
    RANGE_TAIL, range_decode_bits, range_decode_odds, range_decoder, range_encode_bits,
    range_encode_odds, range_encoder, range_ends_well, range_finish, range_ran_out,
    range_start_decoder, range_start_encoder,
)
from splitwire.kernels import residual_arguments as arguments

cdef extern from "_mix.h" nogil:
    enum: MIX_INPUTS
    enum: MIX_SETTLED
    ctypedef struct mix_context:
        uint16_t p, seen
    ctypedef struct mix_bin:
        mix_context **of
        int32_t *weights
        int p
    void mix_fill_logits(int16_t *logits)
    void mix_fill_paces(uint16_t *paces)
    void mix_predict(mix_bin *bin, const int16_t *logits)
    void mix_learn(const mix_bin *bin, int one, const uint16_t *paces)
    void mix_learn_one(mix_context *context, int one, const uint16_t *paces)

cdef enum:
    ONE = 64       # unit of what fades
    FADE = 3
    LEVELS = 9
    OCTAVES = 3
    CLASSES = 24
    PLACES = 14
    NEAR = 12
    LOWER = 7      # where the lower frequencies begin in a row of `places`
    SIZE = 72 + 4 * 243 + 972
    POWER = 16     # largest square that counts
    ESCAPE_BITS = 15
    BLANK = 2
    FARTHEST = 255
    VECTOR = 5     # where contexts of vectors begin, behind those of sources
    STEPS = 8      # bins of a vector's component that have a context

cdef int[LEVELS - 1] THRESHOLDS = [16, 48, 96, 160, 256, 448, 768, 1536]  # in 1/64
cdef int16_t[4096] LOGITS
cdef uint16_t[MIX_SETTLED + 1] PACES
cdef float[4096] PRICES  # bits, of probabilities in 1/4096; what no decoder needs
cdef float LEAST = 0.75  # steps, below which nothing is ever coded
mix_fill_logits(LOGITS)
mix_fill_paces(PACES)
for _p in range(4096):
    PRICES[_p] = -log2((_p + 0.5) / 4096)


cdef struct scan_t:
    # The component at hand and those before, with one place more that is always empty.
    mix_context *contexts
    int32_t *weights
    const int32_t *places
    int *now
    int *fading
    uint8_t *before
    uint16_t *lately


cdef inline int level_of(int sum) noexcept nogil:
    cdef int level = 0, i
    for i in range(LEVELS - 1):
        level += sum >= THRESHOLDS[i]
    return level


cdef inline int last_at(const scan_t *scan, ptrdiff_t row, int place, ptrdiff_t count) noexcept nogil:
    """Of the residual before, or of this one where it is coded already (on the left and above)."""
    return scan.before[row + place] if place < count else 0


cdef inline void find(
    const scan_t *scan, ptrdiff_t k, ptrdiff_t p, ptrdiff_t count, int kind, int *which
) noexcept nogil:
    """The six contexts of a coefficient, without their stage."""
    cdef const int32_t *near = scan.places + NEAR * p
    cdef ptrdiff_t row = k * count
    cdef int octave = near[0], i, lower = 0, active = 0
    cdef int around = 2 * (scan.now[near[1]] + scan.now[near[2]]) + scan.now[near[3]] + scan.now[near[4]]
    for i in range(LOWER, NEAR):
        lower += scan.now[near[i]]
        active += scan.fading[near[i]]
    cdef int past = 2 * scan.before[row + p] + (
        last_at(scan, row, near[1], count) + last_at(scan, row, near[2], count)
        + last_at(scan, row, near[5], count) + last_at(scan, row, near[6], count)
    )
    cdef int space = level_of(around * (ONE // 2)), others = level_of(4 * scan.fading[p])
    cdef int then = level_of(past * ONE), lately = level_of(2 * scan.lately[row + p])
    which[0] = kind * OCTAVES + octave
    which[1] = 72 + (space * LEVELS + others) * OCTAVES + octave
    which[2] = 315 + (level_of(lower * ONE) * LEVELS + level_of(2 * active)) * OCTAVES + octave
    which[3] = 558 + (others * LEVELS + then) * OCTAVES + octave
    which[4] = 801 + (then * LEVELS + lately) * OCTAVES + octave
    which[5] = 1044 + (lately * (CLASSES // 2) + kind // 2) * LEVELS + space


cdef inline void look(scan_t *scan, mix_bin *bin, const int *which, int stage, int octave) noexcept nogil:
    cdef int i
    for i in range(MIX_INPUTS):
        bin.of[i] = scan.contexts + stage * SIZE + which[i]
    bin.weights = scan.weights + MIX_INPUTS * (stage * OCTAVES + octave)
    mix_predict(bin, LOGITS)


cdef inline void keep(scan_t *scan, ptrdiff_t k, ptrdiff_t p, ptrdiff_t count, int size) noexcept nogil:
    cdef ptrdiff_t at = k * count + p
    cdef int met = size if size < 255 else 255
    cdef int power = POWER if size >= 4 else size * size
    scan.now[p] = met
    scan.fading[p] += (met * ONE - scan.fading[p]) >> FADE
    scan.before[at] = <uint8_t>met
    scan.lately[at] = <uint16_t>(scan.lately[at] + (((power << 8) - scan.lately[at]) * 51 >> 8))


cdef inline int escape_bits(int size) noexcept nogil:
    cdef int bits = 0
    while size >> (bits + 1):
        bits += 1
    return bits


cdef inline void encode_escape(range_encoder *coder, int size) noexcept nogil:
    """A number from 1 on, Exp-Golomb coded."""
    cdef int bits = escape_bits(size), i
    for i in range(bits):
        range_encode_bits(coder, 1, 1)
    range_encode_bits(coder, 0, 1)
    if bits:
        range_encode_bits(coder, size - (1 << bits), bits)


cdef inline int decode_escape(range_decoder *coder) noexcept nogil:
    """Such a number, or one beyond 32767 where no encoder goes."""
    cdef int bits = 0, size
    while range_decode_bits(coder, 1):
        bits += 1
        if bits == ESCAPE_BITS:
            return 1 << 16
    size = 1 << bits
    return size + range_decode_bits(coder, bits) if bits else size


cdef inline int choose(
    scan_t *scan, mix_bin *bins, const int *which, int octave, double x, double tradeoff
) noexcept nogil:
    """The magnitude that costs least, with the bins that tell it looked up in `bins`."""
    cdef int top = <int>(x + 0.5), size, best = 0, least = top - 2
    cdef double told = 0, cost, cheapest
    look(scan, bins, which, 0, octave)
    if top == 0:
        return 0
    for size in range(1, (top if top < PLACES - 1 else PLACES - 1) + 1):
        look(scan, bins + size, which, 1 if size == 1 else 2, octave)
    if top >= PLACES:
        return top
    cheapest = x * x + tradeoff * PRICES[(65536 - bins[0].p) >> 4]
    for size in range(1, top + 1):
        told += PRICES[bins[size - 1].p >> 4]
        if size < least:
            continue
        cost = told + 1
        if size < PLACES:
            cost += PRICES[(65536 - bins[size].p) >> 4]
        cost = (x - size) * (x - size) + tradeoff * cost
        if cost < cheapest:
            cheapest = cost
            best = size
    return best


cdef inline int encode_one(
    range_encoder *coder, scan_t *scan, const int *which, int octave, float x, double tradeoff
) noexcept nogil:
    cdef mix_bin[PLACES] bins
    cdef int size = choose(scan, bins, which, octave, x if x >= 0 else -x, tradeoff), place
    for place in range(PLACES):
        if place > 2:  # the bin before has taught its contexts, and they are the same
            look(scan, &bins[place], which, 2, octave)
        range_encode_odds(coder, bins[place].p, size > place)
        mix_learn(&bins[place], size > place, PACES)
        if size <= place:
            break
    if size:
        range_encode_bits(coder, x < 0, 1)
    if size >= PLACES:
        encode_escape(coder, size - PLACES + 1)
    return -size if x < 0 else size


cdef inline int decode_one(range_decoder *coder, scan_t *scan, const int *which, int octave) noexcept nogil:
    """A value, or one beyond 32767 where no encoder goes."""
    cdef mix_bin bin
    cdef int size = 0, one
    cdef bint negative
    while size < PLACES:
        look(scan, &bin, which, size if size < 2 else 2, octave)
        one = range_decode_odds(coder, bin.p)
        mix_learn(&bin, one, PACES)
        if not one:
            break
        size += 1
    if not size:
        return 0
    negative = range_decode_bits(coder, 1)
    if size == PLACES:
        size += decode_escape(coder) - 1
    return -size if negative else size


cdef inline void encode_move(range_encoder *coder, mix_context *context, int one) noexcept nogil:
    range_encode_odds(coder, context.p, one)
    mix_learn_one(context, one, PACES)


cdef inline int decode_move(range_decoder *coder, mix_context *context) noexcept nogil:
    cdef int one = range_decode_odds(coder, context.p)
    mix_learn_one(context, one, PACES)
    return one


cdef inline int middle(int a, int b, int c) noexcept nogil:
    return max(min(a, b), min(max(a, b), c))


cdef inline int foreseen(const int16_t *vectors, ptrdiff_t block, ptrdiff_t columns, int axis) noexcept nogil:
    """The median of the vectors on the left, above and above on the right; 0 beyond the edges."""
    cdef ptrdiff_t column = block % columns
    cdef int left = vectors[2 * (block - 1) + axis] if column else 0
    if block < columns:
        return left
    cdef int above = vectors[2 * (block - columns) + axis]
    cdef int right = vectors[2 * (block - columns + 1) + axis] if column + 1 < columns else 0
    return middle(left, above, right)


cdef inline int strange(const uint8_t *sources, ptrdiff_t block, ptrdiff_t columns) noexcept nogil:
    """How many of the blocks on the left and above are not predicted from the last."""
    return (block % columns > 0 and sources[block - 1] > 0) + (
        block >= columns and sources[block - columns] > 0
    )


cdef inline void encode_moves(
    range_encoder *coder, mix_context *moves, const int16_t *vectors, const uint8_t *sources,
    ptrdiff_t count, ptrdiff_t columns
) noexcept nogil:
    cdef ptrdiff_t block, i
    cdef int moving = 0, axis, off, size, place
    for i in range(count):
        moving |= vectors[2 * i] | vectors[2 * i + 1] | sources[i]
    encode_move(coder, moves, moving != 0)
    if not moving:
        return
    for block in range(count):
        encode_move(coder, moves + 1 + strange(sources, block, columns), sources[block] > 0)
        if sources[block]:
            encode_move(coder, moves + 4, sources[block] == BLANK)
            if sources[block] == BLANK:
                continue
        for axis in range(2):
            off = vectors[2 * block + axis] - foreseen(vectors, block, columns, axis)
            size = abs(off)
            for place in range(STEPS):
                encode_move(coder, moves + VECTOR + (STEPS + 1) * axis + place, size > place)
                if size <= place:
                    break
            if size:
                range_encode_bits(coder, off < 0, 1)
            if size >= STEPS:
                encode_escape(coder, size - STEPS + 1)


cdef inline bint decode_moves(
    range_decoder *coder, mix_context *moves, int16_t *vectors, uint8_t *sources, ptrdiff_t count,
    ptrdiff_t columns
) noexcept nogil:
    """False where a vector goes further than any encoder's."""
    cdef ptrdiff_t block
    cdef int axis, off, size
    if not decode_move(coder, moves):
        return True
    for block in range(count):
        sources[block] = decode_move(coder, moves + 1 + strange(sources, block, columns))
        if sources[block]:
            sources[block] += decode_move(coder, moves + 4)
            if sources[block] == BLANK:
                continue
        for axis in range(2):
            size = 0
            while size < STEPS and decode_move(coder, moves + VECTOR + (STEPS + 1) * axis + size):
                size += 1
            off = 0
            if size:
                off = range_decode_bits(coder, 1)
                if size == STEPS:
                    size += decode_escape(coder) - 1
                off = -size if off else size
            off += foreseen(vectors, block, columns, axis)
            if abs(off) > FARTHEST:
                return False
            vectors[2 * block + axis] = off
    return True


cdef class _Scan:
    # A model's copy and what is met on the way, held in memory for a `scan_t`.
    cdef object memory
    cdef object model
    cdef scan_t scan
    cdef mix_context *moves
    cdef ptrdiff_t count

    def __cinit__(self, model, const int32_t[:, ::1] places):
        cdef ptrdiff_t count = places.shape[0]
        cdef uint16_t[:, :, ::1] contexts = model.contexts
        cdef int32_t[:, ::1] weights = model.weights
        cdef uint16_t[:, ::1] moves = model.moves
        cdef uint8_t[:, ::1] before = model.before
        cdef uint16_t[:, ::1] lately = model.lately
        cdef int[::1] met = np.zeros(2 * (count + 1), np.intc)
        self.memory = (met, places)
        self.model = model
        self.count = count
        self.scan.contexts = <mix_context *>&contexts[0, 0, 0]
        self.scan.weights = &weights[0, 0]
        self.scan.places = &places[0, 0]
        self.scan.now = &met[0]
        self.scan.fading = &met[count + 1]
        self.scan.before = &before[0, 0]
        self.scan.lately = &lately[0, 0]
        self.moves = <mix_context *>&moves[0, 0]


cdef inline void rest(scan_t *scan, ptrdiff_t begin, ptrdiff_t end) noexcept nogil:
    """Components that are zero throughout."""
    cdef ptrdiff_t at
    for at in range(begin, end):
        scan.before[at] = 0
        scan.lately[at] = <uint16_t>(scan.lately[at] + ((-<int>scan.lately[at] * 51) >> 8))


cdef inline int width_of(ptrdiff_t components) noexcept nogil:
    """Bits of a number from 0 to that."""
    cdef int bits = 1
    while components >> bits:
        bits += 1
    return bits


def residuals_encode(z, vectors, sources, grid, kinds, places, model, double tradeoff):
    """Choose the magnitudes that cost least, in squared error and `tradeoff` times bits; code them.

    z: float32 (K, P), coefficients in steps; taken to ±32000 where beyond, to 0 where NaN.
    vectors: int16 (B, 2), rows and columns in quarter positions, to ±255; sources: uint8 (B,), what
    each block is predicted from (0 the last map, 1 the one of long ago, 2 nothing): both of the
    blocks of grid, (rows, columns). kinds: uint8 (K, P), the class of each coefficient, below 24.
    places: int32 (P, 12), for each place its octave (0 to 2) and the places on the left, above,
    above on the left and on the right, on the right, below, and of five lower frequencies; P where
    there is none. model: what was seen before; it stays as it is.
    Returns the stream, uint8 (bytes,), the indices chosen, int16 (K, P), and the next model.
    Raises ValueError for other dtypes, shapes or values.
    """
    table = arguments.checked_places(places)
    kinds = arguments.checked_kinds(kinds, table)
    z = arguments.checked_residual(z, kinds)
    vectors, sources = arguments.checked_moves(vectors, sources, grid)
    after = arguments.checked_model(model, *kinds.shape)
    cdef _Scan held = _Scan(after, table)
    cdef scan_t scan = held.scan
    cdef const float[:, ::1] source = z
    cdef const uint8_t[:, ::1] classes = kinds
    cdef const int16_t[:, ::1] ways = vectors
    cdef const uint8_t[::1] origins = sources
    cdef ptrdiff_t columns = grid[1], count = held.count, components = z.shape[0]
    live = np.flatnonzero((np.abs(z) >= LEAST).any(1))
    cdef ptrdiff_t reached = live.max() + 1 if live.size else 0, k, p, length
    stream = np.empty(2 * arguments.most_calls(z, len(sources)) + RANGE_TAIL, np.uint8)
    cdef uint8_t[::1] out = stream
    result = np.zeros(z.shape, np.int16)
    cdef int16_t[:, ::1] q = result
    cdef range_encoder coder
    cdef int[MIX_INPUTS] which
    with nogil:
        range_start_encoder(&coder, &out[0])
        encode_moves(&coder, held.moves, &ways[0, 0], &origins[0], origins.shape[0], columns)
        range_encode_bits(&coder, <uint32_t>reached, width_of(components))
        for k in range(reached):
            for p in range(count):
                scan.now[p] = 0
            for p in range(count):
                find(&scan, k, p, count, classes[k, p], which)
                q[k, p] = encode_one(
                    &coder, &scan, which, scan.places[NEAR * p], source[k, p], tradeoff
                )
                keep(&scan, k, p, count, abs(q[k, p]))
        rest(&scan, reached * count, components * count)
        length = range_finish(&coder)
    return stream[:length], result, after


def residuals_decode(buffer, grid, kinds, places, model):
    """Decode what `residuals_encode` made with this grid, these kinds and places, and this model.

    buffer: bytes-like, or a uint8 array of any shape, from any source: it is checked, and nothing
    outside it is read. Returns the indices, int16 (K, P), vectors, int16 (B, 2), sources, uint8
    (B,), and the next model.
    Raises ValueError for other dtypes, shapes or values, and for bytes that are no such stream.
    Other damage may decode to other residuals.
    """
    table = arguments.checked_places(places)
    kinds = arguments.checked_kinds(kinds, table)
    grid = arguments.checked_grid(grid)
    after = arguments.checked_model(model, *kinds.shape)
    data = arguments.bytes_of(buffer)
    cdef _Scan held = _Scan(after, table)
    cdef scan_t scan = held.scan
    cdef const uint8_t[::1] stream = data
    cdef const uint8_t[:, ::1] classes = kinds
    vectors, sources = np.zeros((grid[0] * grid[1], 2), np.int16), np.zeros(grid[0] * grid[1], np.uint8)
    cdef int16_t[:, ::1] ways = vectors
    cdef uint8_t[::1] origins = sources
    cdef ptrdiff_t columns = grid[1], count = held.count, components = kinds.shape[0]
    result = np.zeros(kinds.shape, np.int16)
    cdef int16_t[:, ::1] q = result
    cdef range_decoder coder
    cdef int[MIX_INPUTS] which
    cdef ptrdiff_t k, p, reached = 0
    cdef int value
    cdef bint whole
    with nogil:
        range_start_decoder(&coder, &stream[0] if stream.shape[0] else NULL, stream.shape[0])
        whole = decode_moves(&coder, held.moves, &ways[0, 0], &origins[0], origins.shape[0], columns)
        if whole:
            reached = range_decode_bits(&coder, width_of(components))
            whole = reached <= components
        if whole:
            for k in range(reached):
                for p in range(count):
                    scan.now[p] = 0
                for p in range(count):
                    find(&scan, k, p, count, classes[k, p], which)
                    value = decode_one(&coder, &scan, which, scan.places[NEAR * p])
                    if abs(value) > 32767 or range_ran_out(&coder):
                        whole = False
                        break
                    q[k, p] = value
                    keep(&scan, k, p, count, abs(value))
                if not whole:
                    break
            rest(&scan, reached * count, components * count)
        whole = whole and range_ends_well(&coder)
    if not whole:
        arguments.refuse()
    return result, vectors, sources, after
