/* Bytes to read and to write, never beyond their end. All numbers are little-endian. */

#ifndef SPLITWIRE_CORE_BYTES_H
#define SPLITWIRE_CORE_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "splitwire's C core is written for little-endian processors"
#endif

typedef struct {
    const uint8_t *at, *end;
    int failed; /* something was not there */
} reader;

typedef struct {
    uint8_t *at, *end;
    int failed; /* something had no room */
} writer;

static size_t bytes_left(const reader *from)
{
    return (size_t)(from->end - from->at);
}

/* `count` bytes, or NULL where there are fewer. */
static const uint8_t *read_bytes(reader *from, size_t count)
{
    const uint8_t *at = from->at;
    if (from->failed || count > bytes_left(from)) {
        from->failed = 1;
        return NULL;
    }
    from->at += count;
    return at;
}

static int read_byte(reader *from)
{
    const uint8_t *byte = read_bytes(from, 1);
    return byte ? *byte : 0;
}

/* LEB128 in its shortest form, at most five bytes. */
static uint64_t read_varint(reader *from)
{
    uint64_t value = 0;
    for (int i = 0; i < 5; i++) {
        const int byte = read_byte(from);
        value |= (uint64_t)(byte & 127) << (7 * i);
        if (byte < 128) {
            from->failed |= byte == 0 && i > 0;
            return value;
        }
    }
    from->failed = 1;
    return 0;
}

static void write_bytes(writer *to, const void *bytes, size_t count)
{
    if (to->failed || count > (size_t)(to->end - to->at)) {
        to->failed = 1;
        return;
    }
    if (count)
        memcpy(to->at, bytes, count);
    to->at += count;
}

static void write_byte(writer *to, int value)
{
    const uint8_t byte = (uint8_t)value;
    write_bytes(to, &byte, 1);
}

static void write_varint(writer *to, uint64_t value)
{
    for (; value > 127; value >>= 7)
        write_byte(to, (int)(value & 127) | 128);
    write_byte(to, (int)value);
}

/* The polynomial of zlib and PNG, four bits at a time: a table of 64 bytes. */
static uint32_t crc32_of(const uint8_t *bytes, size_t count)
{
    static const uint32_t table[16] = {
        0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4, 0x4DB26158, 0x5005713C,
        0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C, 0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C,
    };
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < count; i++) {
        crc ^= bytes[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

#endif
