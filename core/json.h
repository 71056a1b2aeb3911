/* What the head of a safetensors file takes of JSON, and no more. */

#ifndef SPLITWIRE_CORE_JSON_H
#define SPLITWIRE_CORE_JSON_H

#include "bytes.h"
#include "spec.h"

/* Whether that mark comes next, behind space; it is then gone. */
static int json_char(reader *from, char mark)
{
    while (from->at < from->end && memchr(" \n\t\r", *from->at, 4))
        from->at++;
    if (from->at == from->end || *from->at != (uint8_t)mark)
        return 0;
    from->at++;
    return 1;
}

static void json_need(reader *from, char mark)
{
    from->failed |= !json_char(from, mark);
}

/* A string as it stands, escapes and all: no name that is looked for has any. */
static word json_string(reader *from)
{
    word text = {"", 0};
    json_need(from, '"');
    if (from->failed)
        return text;
    text.at = (const char *)from->at;
    while (from->at < from->end && *from->at != '"')
        from->at += *from->at == '\\' && from->end - from->at > 1 ? 2 : 1;
    text.length = (size_t)((const char *)from->at - text.at);
    json_need(from, '"');
    return text;
}

static uint64_t json_number(reader *from)
{
    uint64_t value = 0;
    json_char(from, ' '); /* skips space */
    from->failed |= from->at == from->end || *from->at < '0' || *from->at > '9';
    while (from->at < from->end && *from->at >= '0' && *from->at <= '9') {
        if (value > UINT64_MAX / 20)
            from->failed = 1;
        value = 10 * value + (uint64_t)(*from->at++ - '0');
    }
    return value;
}

static int json_numbers(reader *from, uint64_t *numbers, int most)
{
    int count = 0;
    json_need(from, '[');
    if (json_char(from, ']'))
        return 0;
    do {
        const uint64_t number = json_number(from);
        from->failed |= count == most;
        if (from->failed)
            return 0;
        numbers[count++] = number;
    } while (json_char(from, ','));
    json_need(from, ']');
    return count;
}

#endif
