/* Mutated streams, profiles and specs through the C core, under sanitizers, as fast as C goes:
 *
 *     gcc -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -Iinclude -Icore \
 *         -Isplitwire/kernels tests/fuzz/core.c -o /tmp/fuzz -lm
 *     /tmp/fuzz 10000000 1 tests/golden/ftc.safetensors tests/golden/raw.safetensors
 *
 * Each trial damages a stream (bits flipped, bytes overwritten, cut, extended, or all of it random) in a
 * block of exactly its length, most often under a right CRC-32, and decodes it. That may give an error
 * or a tensor; anything that is read or written elsewhere ends the run. Streams that were not damaged
 * must come back. Profiles are damaged likewise, most often under a right digest, and what opens
 * must decode and encode without harm. */

#include "../../core/splitwire.c"
#include "draws.h"

/* A damaged copy, in a block of its own so that a byte beyond it is noticed. The first `safe` bytes stay. */
static uint8_t *damaged(const uint8_t *data, size_t *length, size_t safe)
{
    const size_t old = *length;
    const uint32_t kind = draw(8);
    uint8_t *copy;
    if (kind == 1)
        *length = safe + draw((uint32_t)(old - safe + 1));
    if (kind == 2)
        *length = old + 1 + draw(40);
    copy = malloc(*length + (*length == 0));
    for (size_t i = 0; i < *length; i++)
        copy[i] = i < old && (kind != 3 || i < safe) ? data[i] : (uint8_t)draw(256);
    for (uint32_t i = 0; *length > safe && kind >= 4 && i < 1 + draw(4); i++)
        copy[safe + draw((uint32_t)(*length - safe))] ^=
            (uint8_t)(kind < 6 ? 1u << draw(8) : draw(256));
    return copy;
}

static void right_crc(uint8_t *stream, size_t length)
{
    writer to = {stream + length - CRC_BYTES, stream + length, 0};
    write_crc(&to, stream);
}

typedef struct {
    uint8_t *file;
    size_t length;
    const sw_profile *profile;
    void *memory;
} opened;

static opened open_file(const char *path)
{
    opened made = {malloc(1 << 22), 0, NULL, NULL};
    FILE *file = fopen(path, "rb");
    sw_arena arena = {NULL, 0, 0};
    require(file != NULL, path);
    made.length = fread(made.file, 1, 1 << 22, file);
    fclose(file);
    arena.size = sw_profile_room(made.file, made.length, SW_ENCODE);
    arena.memory = made.memory = malloc(arena.size);
    require(!sw_profile_open(&arena, made.file, made.length, SW_ENCODE, &made.profile), "open");
    return made;
}

static void fill(float *x, size_t n)
{
    const uint32_t kind = draw(5);
    for (size_t i = 0; i < n; i++) {
        x[i] = ((float)draw(2001) - 1000) / (1 + (float)draw(300));
        if (kind == 0)
            x[i] = x[i] > 0 ? x[i] : 0;
        if (kind == 1)
            x[i] = 3;
        if (kind == 2)
            x[i] *= 1e30f;
    }
    if (!draw(40))
        x[draw((uint32_t)n)] = draw(2) ? FLT_MAX * 2 : FLT_MAX * 2 - FLT_MAX * 2;
}

static const char *const specs[] = {
    "raw", "raw:bits=3,per=channel", "raw:dtype=float32", "raw:dtype=float16", "raw:clip=laplace",
    "rans", "rans:bits=8,per=channel", "rans:bits=8", "rans:bits=1,clip=minmax", "ecsq", "ecsq:levels=2",
    "ecsq:levels=64,tradeoff=0", "ftc:quality=30", "ftc:quality=90", "ftc:target_bytes=200", "ftc",
};

/* A shape: the one that a profile is for, where there is one. */
static int some_shape(const sw_profile *profile, uint32_t *shape)
{
    int rank = profile ? 3 : 1 + (int)draw(4);
    for (int i = 0; i < rank; i++)
        shape[i] = 1 + draw(7);
    if (!draw(60)) /* enough to be coded by bytes */
        shape[0] = 8192 / (rank > 1 ? shape[1] : 1) + 1;
    if (profile && profile->codec == FTC) {
        sw_info info;
        sw_profile_info(profile, &info);
        memcpy(shape, info.shape, sizeof info.shape);
    } else if (profile && profile->range.pairs) {
        shape[0] = (uint32_t)profile->range.pairs;
    }
    return rank;
}

static size_t elements_of(int rank, const uint32_t *shape)
{
    size_t n = 1;
    for (int i = 0; i < rank; i++)
        n *= shape[i];
    return n;
}

/* Decodes whatever it is, to a place of just the size that the stream claims. */
static int decode(sw_arena *arena, const sw_profile *profile, const uint8_t *stream, size_t length)
{
    sw_info info;
    float *y;
    int error = sw_stream_info(stream, length, &info);
    if (error)
        return error;
    if (info.elements > 1 << 16) /* what a test has no time for; the arena refuses it anyway */
        return SW_NO_ROOM;
    y = malloc(sizeof *y * info.elements);
    error = sw_decode(arena, profile, stream, length, y, info.elements);
    require(arena->used == 0, "arena");
    free(y);
    return error;
}

static long long fuzz_streams(const opened *profiles, sw_arena *arena)
{
    const uint32_t which = draw(sizeof specs / sizeof *specs);
    const int ftc = !strncmp(specs[which], "ftc", 3), raw = !strncmp(specs[which], "raw", 3);
    const sw_profile *profile = ftc ? profiles[0].profile : NULL;
    const char *spec = specs[which];
    uint32_t shape[SW_MAX_RANK] = {1, 1, 1, 1};
    const long long trials = 20 + draw(60);
    size_t room, length;
    uint8_t *stream;
    float *x;
    int rank, error;
    if (raw && !draw(4)) {
        profile = profiles[1].profile;
        spec = "raw";
    }
    rank = some_shape(profile, shape);
    room = draw(8) ? sw_most_bytes(elements_of(rank, shape)) : draw(60);
    stream = malloc(room + 1);
    x = malloc(sizeof *x * elements_of(rank, shape));
    fill(x, elements_of(rank, shape));
    error = sw_encode(arena, spec, profile, x, rank, shape, stream, room, &length);
    require(arena->used == 0 && (!error || error == SW_BAD_TENSOR || error == SW_NO_ROOM ||
                                 error == SW_OVER_TARGET), sw_error(error));
    for (long long trial = 0; !error && trial < trials; trial++) {
        int outcome;
        size_t cut = length;
        uint8_t *bad = damaged(stream, &cut, 0);
        const int whole = cut == length && !memcmp(bad, stream, length);
        if (cut >= CRC_BYTES && draw(16))
            right_crc(bad, cut);
        outcome = decode(arena, draw(64) ? profile : NULL, bad, cut);
        require(!whole || !outcome || outcome == SW_NO_PROFILE || outcome == SW_NO_ROOM,
                sw_error(outcome));
        free(bad);
    }
    free(x), free(stream);
    return trials;
}

/* A profile with bytes changed and its digest made right, in place. */
static void right_digest(uint8_t *file, size_t length)
{
    array_file arrays;
    uint8_t digest[SW_DIGEST_BYTES];
    if (!read_arrays(file, length, &arrays) || arrays.digest.length != 16)
        return;
    digest_of(&arrays, digest);
    for (size_t i = 0; i < 16; i++)
        file[(const uint8_t *)arrays.digest.at - file + (ptrdiff_t)i] =
            (uint8_t)"0123456789abcdef"[digest[i / 2] >> (i % 2 ? 0 : 4) & 15];
}

static long long fuzz_profiles(const opened *profiles, sw_arena *arena)
{
    const opened *from = &profiles[draw(2)];
    size_t cut = from->length;
    uint8_t *bad = damaged(from->file, &cut, draw(2) ? 0 : cut > 3000 ? 1200 : 100);
    const int use = (int)draw(2);
    const sw_profile *profile;
    sw_arena memory = {NULL, 0, 0};
    if (draw(8))
        right_digest(bad, cut);
    memory.size = sw_profile_room(bad, cut, use);
    if (memory.size && memory.size < 1 << 24) {
        memory.memory = malloc(memory.size);
        if (!sw_profile_open(&memory, bad, cut, use, &profile)) {
            uint32_t shape[SW_MAX_RANK] = {1, 1, 1, 1};
            const int rank = some_shape(profile, shape);
            const size_t n = elements_of(rank, shape);
            uint8_t stream[1 << 14];
            float *x = malloc(sizeof *x * n);
            size_t length;
            fill(x, n);
            if (n < 1000 && !sw_encode(arena, codec_names[profile->codec], profile, x, rank, shape,
                                       stream, sizeof stream, &length))
                require(!decode(arena, profile, stream, length), "what a damaged profile made");
            free(x);
        }
        free(memory.memory);
    }
    free(bad);
    return 1;
}

static long long fuzz_specs(sw_arena *arena)
{
    const char *spec = specs[draw(sizeof specs / sizeof *specs)];
    size_t cut = strlen(spec), length;
    uint8_t *bad = damaged((const uint8_t *)spec, &cut, 0), stream[1000];
    char *text = calloc(cut + 1, 1);
    const uint32_t shape[] = {3, 2, 2};
    float x[12];
    memcpy(text, bad, cut);
    fill(x, 12);
    sw_encode(arena, text, NULL, x, 3, shape, stream, sizeof stream, &length);
    free(bad), free(text);
    return 1;
}

int main(int argc, char **argv)
{
    opened profiles[2];
    sw_arena arena = {NULL, sw_room(1 << 16), 0};
    const size_t size = arena.size;
    long long done = 0, wanted;
    require(argc == 5, "usage: COUNT SEED FTC-PROFILE RAW-PROFILE");
    wanted = atoll(argv[1]);
    arena.memory = malloc(size);
    state = strtoull(argv[2], NULL, 10) | 1;
    profiles[0] = open_file(argv[3]);
    profiles[1] = open_file(argv[4]);
    while (done < wanted) {
        const uint32_t which = draw(12);
        arena.size = draw(16) ? size : draw(1 << 20);
        done += which < 10 ? fuzz_streams(profiles, &arena)
                : which < 11 ? fuzz_profiles(profiles, &arena)
                             : fuzz_specs(&arena);
    }
    free(arena.memory);
    for (int i = 0; i < 2; i++)
        free(profiles[i].file), free(profiles[i].memory);
    printf("%lld damaged streams\n", done);
    return 0;
}
