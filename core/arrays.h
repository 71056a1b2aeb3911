/* The arrays of a safetensors file, and the digest that they must have: see docs/bitstream.md,
 * "Profiles".
 *
 * Such a file is the length of a JSON text (8 bytes), the text, and the arrays' bytes. The text is one
 * object that says of each array its dtype, shape and place, and under `__metadata__` words by name. */

#ifndef SPLITWIRE_CORE_ARRAYS_H
#define SPLITWIRE_CORE_ARRAYS_H

#include "json.h"
#include "sha256.h"

#define MOST_ARRAYS 64
#define MOST_AXES 8

typedef struct {
    word name;
    const char *dtype; /* as NumPy spells it */
    int item_bytes, rank;
    uint64_t shape[MOST_AXES];
    const uint8_t *bytes;
    size_t length;
} array;

typedef struct {
    array all[MOST_ARRAYS];
    int count;
    word codec, digest; /* of the metadata */
} array_file;

static void read_dtype(reader *from, array *made)
{
    static const struct {
        const char *name, *numpy;
        int bytes;
    } known[] = {{"F32", "<f4", 4}, {"I16", "<i2", 2}, {"U16", "<u2", 2}, {"I32", "<i4", 4},
                 {"I8", "|i1", 1},  {"U8", "|u1", 1},  {"F64", "<f8", 8}, {"I64", "<i8", 8},
                 {"U32", "<u4", 4}, {"U64", "<u8", 8}, {"F16", "<f2", 2}, {"BOOL", "|b1", 1}};
    const word name = json_string(from);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (word_is(name, known[i].name)) {
            made->dtype = known[i].numpy;
            made->item_bytes = known[i].bytes;
            return;
        }
    from->failed = 1;
}

static void read_array(reader *from, array *made, const reader *data)
{
    uint64_t ends[2] = {1, 0}, bytes;
    made->dtype = NULL;
    made->rank = 0;
    json_need(from, '{');
    do {
        const word key = json_string(from);
        json_need(from, ':');
        if (word_is(key, "dtype"))
            read_dtype(from, made);
        else if (word_is(key, "shape"))
            made->rank = json_numbers(from, made->shape, MOST_AXES);
        else if (word_is(key, "data_offsets"))
            from->failed |= json_numbers(from, ends, 2) != 2;
        else
            from->failed = 1;
    } while (!from->failed && json_char(from, ','));
    json_need(from, '}');
    if (from->failed || !made->dtype || ends[0] > ends[1] || ends[1] > bytes_left(data)) {
        from->failed = 1;
        return;
    }
    bytes = (uint64_t)made->item_bytes;
    for (int i = 0; i < made->rank && !from->failed; i++) {
        from->failed |= made->shape[i] && bytes > bytes_left(data) / made->shape[i];
        bytes *= from->failed ? 0 : made->shape[i];
    }
    from->failed |= bytes != ends[1] - ends[0];
    made->bytes = data->at + ends[0];
    made->length = (size_t)bytes;
}

static void read_metadata(reader *from, array_file *file)
{
    json_need(from, '{');
    if (json_char(from, '}'))
        return;
    do {
        const word key = json_string(from);
        word value;
        json_need(from, ':');
        value = json_string(from);
        if (word_is(key, "codec"))
            file->codec = value;
        if (word_is(key, "digest"))
            file->digest = value;
    } while (!from->failed && json_char(from, ','));
    json_need(from, '}');
}

static int words_compare(word a, word b)
{
    const int order = memcmp(a.at, b.at, a.length < b.length ? a.length : b.length);
    return order ? order : (a.length > b.length) - (a.length < b.length);
}

/* Puts an array in its place, by name; two of one name are none. */
static void keep_array(array_file *file, const array *made, reader *from)
{
    int at = file->count;
    for (; at > 0 && words_compare(file->all[at - 1].name, made->name) >= 0; at--)
        from->failed |= !words_compare(file->all[at - 1].name, made->name);
    memmove(file->all + at + 1, file->all + at, (size_t)(file->count - at) * sizeof *made);
    file->all[at] = *made;
    file->count++;
}

/* Returns 0 for bytes that are no such file. */
static int read_arrays(const uint8_t *bytes, size_t length, array_file *file)
{
    uint64_t text = 0;
    reader from, data;
    memset(file, 0, sizeof *file);
    for (int i = 0; i < 8 && length >= 8; i++)
        text |= (uint64_t)bytes[i] << 8 * i;
    if (length < 8 || text > length - 8)
        return 0;
    from = (reader){bytes + 8, bytes + 8 + text, 0};
    data = (reader){from.end, bytes + length, 0};
    json_need(&from, '{');
    do {
        array made = {0};
        made.name = json_string(&from);
        json_need(&from, ':');
        if (word_is(made.name, "__metadata__")) {
            read_metadata(&from, file);
        } else {
            read_array(&from, &made, &data);
            from.failed |= file->count == MOST_ARRAYS;
            if (!from.failed)
                keep_array(file, &made, &from);
        }
    } while (!from.failed && json_char(&from, ','));
    json_need(&from, '}');
    return !from.failed;
}

static void add_number(sha256 *sha, uint64_t number)
{
    char digits[20];
    int at = 20;
    do
        digits[--at] = (char)('0' + number % 10);
    while (number /= 10);
    sha256_add(sha, digits + at, (size_t)(20 - at));
}

/* As Python prints a tuple. */
static void add_shape(sha256 *sha, const array *of)
{
    sha256_add(sha, "(", 1);
    for (int i = 0; i < of->rank; i++) {
        add_number(sha, of->shape[i]);
        sha256_add(sha, ", ", i + 1 < of->rank ? 2 : of->rank == 1 ? 1 : 0);
    }
    sha256_add(sha, ")", 1);
}

static void digest_of(const array_file *file, uint8_t *digest)
{
    sha256 sha;
    sha256_start(&sha);
    sha256_add(&sha, file->codec.at, file->codec.length);
    for (int i = 0; i < file->count; i++) {
        const array *of = &file->all[i];
        sha256_add(&sha, of->name.at, of->name.length);
        sha256_add(&sha, " ", 1);
        sha256_add(&sha, of->dtype, strlen(of->dtype));
        sha256_add(&sha, " ", 1);
        add_shape(&sha, of);
        sha256_add(&sha, of->bytes, of->length);
    }
    sha256_finish(&sha, digest, SW_DIGEST_BYTES);
}

/* Whether the digest is the one that the metadata state. */
static int digest_stated(const array_file *file, const uint8_t *digest)
{
    if (file->digest.length != 2 * SW_DIGEST_BYTES)
        return 0;
    for (size_t i = 0; i < 2 * SW_DIGEST_BYTES; i++)
        if (file->digest.at[i] != "0123456789abcdef"[digest[i / 2] >> (i % 2 ? 0 : 4) & 15])
            return 0;
    return 1;
}

/* The array of that name and dtype; NULL where there is none. */
static const array *array_named(const array_file *file, const char *name, const char *dtype)
{
    for (int i = 0; i < file->count; i++)
        if (word_is(file->all[i].name, name))
            return strcmp(file->all[i].dtype, dtype) ? NULL : &file->all[i];
    return NULL;
}

#endif
