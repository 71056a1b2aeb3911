/* Mutated streams through the entropy decoders, under sanitizers, as fast as C goes:
 *
 *     gcc -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all \
 *         -I splitwire/kernels tests/fuzz/entropy.c -o /tmp/fuzz && /tmp/fuzz 10000000
 *
 * Each trial makes symbols and a stream, damages the stream (bits flipped, bytes overwritten, cut,
 * extended, or all of it random) in a block of exactly its length, and decodes it, with every
 * instruction set in turn. A decoder may refuse or give symbols of the alphabet; anything that it
 * reads or writes elsewhere ends the run. Streams that were not damaged must come back. The seed is
 * the second argument. */

#include <string.h>

#include "_mix.h"
#include "_range.h"
#include "_rans8_stream.h"
#include "_rans_stream.h"
#include "_rans_table.h"
#include "draws.h"

/* A damaged copy, in a block of its own so that a byte beyond it is noticed. */
static uint8_t *damaged(const uint8_t *stream, ptrdiff_t *length)
{
    const ptrdiff_t old = *length;
    const uint32_t kind = draw(6);
    uint8_t *copy;
    if (kind == 1 && old)
        *length = draw((uint32_t)old);
    if (kind == 2)
        *length = old + 1 + draw(40);
    copy = malloc((size_t)*length + (*length == 0));
    for (ptrdiff_t i = 0; i < *length; i++)
        copy[i] = i < old && kind != 3 ? stream[i] : (uint8_t)draw(256);
    for (uint32_t i = 0; *length && kind >= 4 && i < 1 + draw(4); i++)
        copy[draw((uint32_t)*length)] ^= (uint8_t)(kind == 4 ? 1u << draw(8) : draw(256));
    return copy;
}

static ptrdiff_t fuzz_rans(void)
{
    static const int sizes[] = {2, 3, 16, 17, 256, 257, 4096};
    static const ptrdiff_t lengths[] = {1, 5, 33, 300, 8200, 32800};
    const int symbols = sizes[draw(7)], wide = symbols > 256;
    const int precision = wide ? RANS_WIDE_PRECISION : RANS_PRECISION;
    const ptrdiff_t n = lengths[draw(draw(50) ? 4 : 6)], rows = 1 + (ptrdiff_t)draw(3);
    const ptrdiff_t total = n * rows, room = rans_capacity(total) + RANS_SPARE;
    int64_t *weights = malloc(sizeof(int64_t) * (size_t)symbols);
    uint16_t *frequencies = malloc(2 * (size_t)symbols), *slot_symbol = malloc((size_t)2 << 14);
    uint32_t *model = malloc(8 * (size_t)symbols), *slots = malloc((size_t)4 << 12);
    int32_t *of_row = calloc((size_t)rows, sizeof(int32_t));
    uint8_t *data = malloc((size_t)(2 * total)), *made = malloc((size_t)(2 * total));
    uint8_t *block = malloc((size_t)room), *end = block + room, *stream;
    ptrdiff_t trials = 20 + draw(40);
    rans_tables all = {model, model + symbols, NULL, NULL, of_row, n, symbols, precision};
    for (int s = 0; s < symbols; s++)
        weights[s] = draw(1u << draw(20));
    weights[0]++;
    require(rans_normalize(weights, symbols, precision, frequencies), "normalize");
    require(rans_fill_model(frequencies, symbols, precision, model, model + symbols), "model");
    rans_fill_slot_symbols(frequencies, symbols, slot_symbol);
    for (ptrdiff_t i = 0; i < total; i++)
        rans_set_symbol(data, i, wide, slot_symbol[draw(1u << precision)]);
    stream = rans_encode_stream(&all, data, 0, total, end, (int)draw((uint32_t)best_level() + 1));
    require(stream != NULL, "encode");
    if (wide)
        all.slot_symbol = slot_symbol;
    else
        rans_fill_slots(frequencies, symbols, slots), all.slots = slots;
    for (ptrdiff_t trial = 0; trial < trials; trial++) {
        ptrdiff_t length = end - stream;
        uint8_t *bad = damaged(stream, &length);
        const int whole = length == end - stream && !memcmp(bad, stream, (size_t)length);
        const int good =
            rans_decode_stream(&all, made, 0, total, bad, length, (int)(trial % (best_level() + 1)));
        require(!whole || (good && !memcmp(made, data, (size_t)(total << wide))), "round trip");
        for (ptrdiff_t i = 0; good && i < total; i++)
            require(rans_symbol(made, i, wide) < (uint32_t)symbols, "symbol");
        free(bad);
    }
    free(weights), free(frequencies), free(slot_symbol), free(model), free(slots), free(of_row);
    free(data), free(made), free(block);
    return trials;
}

/* Symbols about a level, over a spread of levels, or of few levels. */
static uint8_t some_level(uint32_t kind, uint32_t spread)
{
    if (kind == 0)
        return (uint8_t)(draw(draw(spread) + 1) + 100);
    return (uint8_t)(kind == 1 ? draw(256) : 7 * draw(1 + spread % 30));
}

static ptrdiff_t fuzz_rans8(void)
{
    static const ptrdiff_t lengths[] = {1, 65, 129, 300, 1000, 9000};
    const ptrdiff_t n = lengths[draw(draw(20) ? 5 : 6)], capacity = rans8_capacity(n);
    const ptrdiff_t trials = 20 + draw(40);
    const uint32_t kind = draw(3), spread = 1 + draw(150);
    uint8_t *data = malloc((size_t)n), *made = malloc((size_t)n), *room = malloc((size_t)capacity);
    int64_t counts[RANS8_LEVELS] = {0};
    uint8_t *stream;
    for (ptrdiff_t i = 0; i < n; i++)
        counts[data[i] = some_level(kind, spread)] += draw(3) ? 1 : draw(1000);
    for (ptrdiff_t i = 0; i < n; i++)
        counts[data[i]] += !counts[data[i]];
    stream = rans8_encode_stream(counts, data, n, room, (int)draw((uint32_t)best_level() + 1));
    require(stream != NULL, "encode");
    for (ptrdiff_t trial = 0; trial < trials; trial++) {
        ptrdiff_t length = room + capacity - stream;
        uint8_t *bad = damaged(stream, &length);
        const int whole =
            length == room + capacity - stream && !memcmp(bad, stream, (size_t)length);
        const int good =
            rans8_decode_stream(bad, length, made, n, (int)(trial % (best_level() + 1)));
        require(!whole || (good && !memcmp(made, data, (size_t)n)), "round trip");
        free(bad);
    }
    free(data), free(made), free(room);
    return trials;
}

static ptrdiff_t fuzz_table(void)
{
    const int symbols = 2 + (int)draw(draw(8) ? 300 : 4095);
    const int precision = symbols > 256 ? RANS_WIDE_PRECISION : RANS_PRECISION;
    int64_t *weights = malloc(sizeof(int64_t) * (size_t)symbols);
    uint16_t *frequencies = malloc(2 * (size_t)symbols);
    uint8_t *stream = malloc((size_t)rans_packed_capacity(symbols, precision));
    const uint32_t spread = 1 + draw(20);
    ptrdiff_t length, trials = 20;
    for (int s = 0; s < symbols; s++)
        weights[s] = draw(1u << spread) * draw(2);
    weights[draw((uint32_t)symbols)]++;
    rans_normalize(weights, symbols, precision, frequencies);
    length = rans_pack_levels(frequencies, symbols, precision, stream);
    for (ptrdiff_t trial = 0; trial < trials; trial++) {
        ptrdiff_t cut = length;
        uint8_t *bad = damaged(stream, &cut);
        int64_t sum = 0;
        if (rans_unpack_levels(bad, cut, symbols, precision, weights)) {
            rans_normalize(weights, symbols, precision, frequencies);
            for (int s = 0; s < symbols; s++)
                sum += frequencies[s];
            require(sum == 1 << precision, "sum");
        }
        free(bad);
    }
    free(weights), free(frequencies), free(stream);
    return trials;
}

static ptrdiff_t fuzz_range(void)
{
    enum { LARGEST = 12, COUNT = 400 };
    uint8_t symbols[COUNT], made[COUNT], *stream = malloc(2 * COUNT * (LARGEST + 1) + RANGE_TAIL);
    range_context first[LARGEST], contexts[LARGEST];
    const int largest = 1 + (int)draw(LARGEST);
    const ptrdiff_t n = 1 + (ptrdiff_t)draw(COUNT), trials = 20 + draw(40);
    ptrdiff_t length;
    for (int i = 0; i < LARGEST; i++)
        range_start_context(&first[i], (uint16_t)(1 + draw(65535)), draw(RANGE_SEEN + 1));
    for (ptrdiff_t i = 0; i < n; i++)
        symbols[i] = (uint8_t)draw(1 + draw((uint32_t)largest + 1));
    memcpy(contexts, first, sizeof first);
    length = range_encode_symbols(contexts, largest, symbols, n, stream);
    for (ptrdiff_t trial = 0; trial < trials; trial++) {
        ptrdiff_t cut = length;
        uint8_t *bad = damaged(stream, &cut);
        const int whole = cut == length && !memcmp(bad, stream, (size_t)cut);
        int good;
        memcpy(contexts, first, sizeof first);
        good = range_decode_symbols(contexts, largest, made, n, bad, cut);
        require(!whole || (good && !memcmp(made, symbols, (size_t)n)), "round trip");
        for (ptrdiff_t i = 0; good && i < n; i++)
            require(made[i] <= largest, "symbol");
        free(bad);
    }
    free(stream);
    return trials;
}

/* Bins of mixed odds, all that a decoder of residuals does with them: contexts and weights that are
 * the same on both sides as long as the bins are, and within their bounds whatever the bytes say. */
enum { MIXED = 60, MIXED_BINS = 500 };

typedef struct {
    mix_context contexts[MIXED];
    int32_t weights[MIX_INPUTS];
} mix_state;

static void look(mix_state *at, mix_bin *bin, uint32_t turn, const int16_t *logits)
{
    for (uint32_t i = 0; i < MIX_INPUTS; i++)
        bin->of[i] = at->contexts + (turn * (2 * i + 3) + 7 * i) % MIXED;
    bin->weights = at->weights;
    mix_predict(bin, logits);
    require(bin->p >= MIX_LEAST && bin->p <= 65536 - MIX_LEAST, "mixed odds");
}

static void check_mixed(const mix_state *at)
{
    for (int i = 0; i < MIXED; i++)
        require(at->contexts[i].seen <= MIX_SETTLED, "bins behind a context");
    for (int i = 0; i < MIX_INPUTS; i++)
        require(abs(at->weights[i]) <= MIX_HEAVIEST, "weight");
}

static ptrdiff_t fuzz_mix(void)
{
    static int16_t logits[4096];
    static uint16_t paces[MIX_SETTLED + 1];
    uint8_t bins[MIXED_BINS], stream[2 * MIXED_BINS + RANGE_TAIL];
    const ptrdiff_t n = 1 + (ptrdiff_t)draw(MIXED_BINS), trials = 5 + draw(10);
    const uint32_t ones = 1 + draw(64);
    mix_state first, at;
    mix_bin bin;
    range_encoder coder;
    ptrdiff_t length;
    mix_fill_logits(logits);
    mix_fill_paces(paces);
    for (int i = 0; i < MIXED; i++)
        first.contexts[i] =
            (mix_context){(uint16_t)draw(65536), (uint16_t)draw(MIX_SETTLED + 1)};
    for (int i = 0; i < MIX_INPUTS; i++)
        first.weights[i] = (int32_t)draw(2 * MIX_HEAVIEST + 1) - MIX_HEAVIEST;
    at = first;
    range_start_encoder(&coder, stream);
    for (ptrdiff_t i = 0; i < n; i++) {
        bins[i] = draw(65) < ones;
        look(&at, &bin, (uint32_t)i, logits);
        range_encode_odds(&coder, (uint32_t)bin.p, bins[i]);
        mix_learn(&bin, bins[i], paces);
    }
    length = range_finish(&coder);
    check_mixed(&at);
    for (ptrdiff_t trial = 0; trial < trials; trial++) {
        ptrdiff_t cut = length;
        uint8_t *bad = damaged(stream, &cut);
        const int whole = cut == length && !memcmp(bad, stream, (size_t)cut);
        int same = 1;
        range_decoder decoder;
        at = first;
        range_start_decoder(&decoder, bad, cut);
        for (ptrdiff_t i = 0; i < n && !range_ran_out(&decoder); i++) {
            int one;
            look(&at, &bin, (uint32_t)i, logits);
            one = range_decode_odds(&decoder, (uint32_t)bin.p);
            mix_learn(&bin, one, paces);
            same &= one == bins[i];
        }
        check_mixed(&at);
        require(!whole || (same && range_ends_well(&decoder)), "round trip");
        free(bad);
    }
    return trials;
}

int main(int argc, char **argv)
{
    const long long wanted = argc > 1 ? atoll(argv[1]) : 100000;
    long long done = 0;
    if (argc > 2)
        state = strtoull(argv[2], NULL, 10) | 1;
    rans_prepare();
    while (done < wanted) {
        const uint32_t which = draw(12);
        done += which < 4    ? fuzz_rans()
                : which < 7  ? fuzz_rans8()
                : which < 8  ? fuzz_table()
                : which < 11 ? fuzz_range()
                             : fuzz_mix();
    }
    printf("%lld damaged streams\n", done);
    return 0;
}
