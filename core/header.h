/* The bytes around a payload: see docs/bitstream.md, "A stream". */

#ifndef SPLITWIRE_CORE_HEADER_H
#define SPLITWIRE_CORE_HEADER_H

#include "bytes.h"
#include "spec.h"

#define HAS_DIGEST 0x80
#define IN_SEQUENCE 0x40
#define CRC_BYTES 4
#define FREE_ELEMENTS ((uint64_t)1 << 24)
#define ELEMENTS_A_BYTE 4096

typedef struct {
    word spec;
    int rank;
    uint32_t shape[SW_MAX_RANK];
    size_t elements;
    const uint8_t *digest; /* NULL where no profile was used */
    reader payload;
} header;

/* Whether a payload of that many bytes may claim such a shape; `elements` is then known. */
static int justified(header *head, size_t payload)
{
    const uint64_t most = FREE_ELEMENTS + ELEMENTS_A_BYTE * (uint64_t)payload;
    uint64_t elements = 1;
    for (int i = 0; i < head->rank; i++) {
        if (head->shape[i] > most / elements) /* neither is 0 */
            return 0;
        elements *= head->shape[i];
    }
    head->elements = (size_t)elements;
    return elements <= SIZE_MAX / 512;
}

static int read_shape(reader *from, int rank, header *head)
{
    head->rank = rank;
    if (rank > SW_MAX_RANK)
        return 0;
    for (int i = 0; i < rank; i++) {
        const uint64_t n = read_varint(from);
        if (!n || n > UINT32_MAX) /* as many elements have no stream that justifies them */
            return 0;
        head->shape[i] = (uint32_t)n;
    }
    return 1;
}

/* The place in a sequence: SW_FOLLOWS, unless the stream stands alone. */
static int read_place(reader *from)
{
    uint64_t position, follows;
    read_bytes(from, 4);
    position = read_varint(from);
    follows = read_varint(from);
    if (from->failed || follows > position)
        return SW_DAMAGED;
    return follows ? SW_FOLLOWS : SW_OK;
}

static int read_fields(reader *from, header *head)
{
    const uint8_t *text;
    int flags, place = SW_OK;
    head->spec.length = (size_t)read_byte(from);
    text = read_bytes(from, head->spec.length);
    head->spec.at = (const char *)text;
    for (size_t i = 0; text && i < head->spec.length; i++)
        if (text[i] > 127)
            return SW_DAMAGED;
    flags = read_byte(from);
    if (!read_shape(from, flags & ~(HAS_DIGEST | IN_SEQUENCE), head))
        return SW_DAMAGED;
    head->digest = flags & HAS_DIGEST ? read_bytes(from, SW_DIGEST_BYTES) : NULL;
    if (flags & IN_SEQUENCE)
        place = read_place(from);
    if (from->failed || place == SW_DAMAGED)
        return SW_DAMAGED;
    if (place == SW_FOLLOWS)
        return head->spec.length || head->rank || head->digest ? SW_DAMAGED : SW_FOLLOWS;
    return head->rank && justified(head, bytes_left(from)) ? SW_OK : SW_DAMAGED;
}

/* SW_DAMAGED, SW_FOLLOWS. */
static int read_header(const uint8_t *stream, size_t length, header *head)
{
    reader *from = &head->payload;
    uint32_t crc = 0;
    if (length < 3 + CRC_BYTES || memcmp(stream, "SW\1", 3))
        return SW_DAMAGED;
    length -= CRC_BYTES;
    for (int i = 0; i < CRC_BYTES; i++)
        crc |= (uint32_t)stream[length + (size_t)i] << 8 * i;
    if (crc != crc32_of(stream, length))
        return SW_DAMAGED;
    *from = (reader){stream + 3, stream + length, 0};
    return read_fields(from, head);
}

static void write_header(writer *to, const char *spec, int rank, const uint32_t *shape,
                         const uint8_t *digest)
{
    write_bytes(to, "SW\1", 3);
    write_byte(to, (int)strlen(spec));
    write_bytes(to, spec, strlen(spec));
    write_byte(to, rank | (digest ? HAS_DIGEST : 0));
    for (int i = 0; i < rank; i++)
        write_varint(to, shape[i]);
    if (digest)
        write_bytes(to, digest, SW_DIGEST_BYTES);
}

static void write_crc(writer *to, const uint8_t *begin)
{
    const uint32_t crc = to->failed ? 0 : crc32_of(begin, (size_t)(to->at - begin));
    for (int i = 0; i < CRC_BYTES; i++)
        write_byte(to, (int)(crc >> 8 * i) & 255);
}

#endif
