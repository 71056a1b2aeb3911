/* A feature tensor to a stream and back:
 *     cc -O3 -ffp-contract=off -fno-math-errno -Iinclude -Icore -Isplitwire/kernels \
 *         core/splitwire.c examples/edge.c -o edge
 *     ./edge PROFILE ftc:quality=50 FEATURES STREAM DECODED
 * FEATURES is float32 in C order, of the shape that the profile is for; STREAM decodes in Python, and
 * DECODED holds what it decodes to. */

#include <stdio.h>

#include "splitwire.h"

static unsigned char memory[32 << 20], profile_file[8 << 20], stream[1 << 20];
static float x[1 << 18], y[1 << 18];

static size_t load(const char *path, void *data, size_t room)
{
    FILE *file = fopen(path, "rb");
    const size_t count = file ? fread(data, 1, room, file) : 0;
    return file ? fclose(file), count : 0;
}

static int save(const char *path, const void *data, size_t count)
{
    FILE *file = fopen(path, "wb");
    return file && fwrite(data, 1, count, file) == count && fclose(file) == 0 ? SW_OK : SW_NO_ROOM;
}

int main(int argc, char **argv)
{
    sw_arena arena = {memory, sizeof memory, 0};
    const sw_profile *profile;
    sw_info info;
    size_t length = argc == 6 ? load(argv[1], profile_file, sizeof profile_file) : 0;
    int error = sw_profile_open(&arena, profile_file, length, SW_ENCODE, &profile);
    if (!error)
        sw_profile_info(profile, &info);
    if (!error && load(argv[3], x, sizeof x) != 4 * info.elements)
        error = SW_BAD_TENSOR;
    if (!error)
        error = sw_encode(&arena, argv[2], profile, x, info.rank, info.shape, stream, sizeof stream, &length);
    if (!error)
        error = sw_decode(&arena, profile, stream, length, y, info.elements);
    if (!error)
        error = save(argv[4], stream, length) || save(argv[5], y, 4 * info.elements) ? SW_NO_ROOM : SW_OK;
    return error ? fprintf(stderr, "edge: %s\n", sw_error(error)), 1 : 0;
}
