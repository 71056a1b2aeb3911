/* Specs: `NAME[:key=value,...]`. What is not said is at its default. */

#ifndef SPLITWIRE_CORE_SPEC_H
#define SPLITWIRE_CORE_SPEC_H

#include <string.h>

#include "splitwire.h"

typedef enum { RAW, RANS, ECSQ, FTC, CODECS } codec_kind;
typedef enum { CODES, FLOAT32, FLOAT16 } raw_dtype;
typedef enum { DEVIATIONS, MINMAX, LAPLACE, LEARNT } clip_rule;

static const char *const codec_names[CODECS] = {"raw", "rans", "ecsq", "ftc"};

typedef struct {
    codec_kind codec;
    clip_rule clip;
    double deviations; /* of the rule DEVIATIONS */
    int clip_said, per_channel, bits, levels, quality;
    raw_dtype dtype;
    double tradeoff;
    uint32_t target_bytes; /* 0: none */
} settings;

typedef struct {
    const char *at;
    size_t length;
} word;

static int word_is(word text, const char *other)
{
    return text.length == strlen(other) && !memcmp(text.at, other, text.length);
}

/* The codec of that name, or CODECS. */
static codec_kind codec_named(word name)
{
    int kind = 0;
    while (kind < CODECS && !word_is(name, codec_names[kind]))
        kind++;
    return (codec_kind)kind;
}

/* Splits off what stands before a mark, or all; the mark is gone. */
static word word_before(word *text, char mark)
{
    word first = {text->at, 0};
    while (first.length < text->length && text->at[first.length] != mark)
        first.length++;
    text->at += first.length;
    text->length -= first.length;
    if (text->length) {
        text->at++;
        text->length--;
    }
    return first;
}

/* Digits, with a point among them or not: exact, and so rounded once. Returns 0 for other text. */
static int word_number(word text, double *value)
{
    uint64_t digits = 0;
    double scale = 1;
    int point = 0, any = 0;
    for (size_t i = 0; i < text.length; i++) {
        const char c = text.at[i];
        if (c == '.' && !point) {
            point = 1;
            continue;
        }
        if (c < '0' || c > '9' || digits > ((uint64_t)1 << 49) || scale > 1e20)
            return 0;
        digits = 10 * digits + (uint64_t)(c - '0');
        scale *= point ? 10 : 1;
        any = 1;
    }
    *value = (double)digits / scale;
    return any;
}

/* An integer within limits. */
static int word_integer(word text, uint32_t low, uint32_t high, uint32_t *value)
{
    uint64_t digits = 0;
    if (!text.length || text.length > 10)
        return 0;
    for (size_t i = 0; i < text.length; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return 0;
        digits = 10 * digits + (uint64_t)(text.at[i] - '0');
    }
    *value = (uint32_t)digits;
    return digits >= low && digits <= high;
}

static int parse_clip(word value, settings *set)
{
    set->clip_said = 1;
    set->clip = word_is(value, "minmax") ? MINMAX : word_is(value, "laplace") ? LAPLACE
                : word_is(value, "profile") ? LEARNT : DEVIATIONS;
    if (set->clip != DEVIATIONS)
        return 1;
    if (value.length < 3 || memcmp(value.at + value.length - 2, "sd", 2))
        return 0;
    value.length -= 2;
    return word_number(value, &set->deviations) && set->deviations > 0;
}

/* One parameter of its codec; 0 where it has none of that name, or not such a value. */
static int parse_parameter(word key, word value, settings *set)
{
    const int codes = set->codec == RAW || set->codec == RANS;
    uint32_t number = 0;
    int good = 0;
    if (codes && word_is(key, "clip"))
        return parse_clip(value, set);
    if (codes && word_is(key, "per")) {
        set->per_channel = word_is(value, "channel");
        return set->per_channel || word_is(value, "tensor");
    }
    if (set->codec == RAW && word_is(key, "dtype")) {
        set->dtype = word_is(value, "float32") ? FLOAT32 : word_is(value, "float16") ? FLOAT16 : CODES;
        return set->dtype != CODES || word_is(value, "codes");
    }
    if (set->codec == ECSQ && word_is(key, "tradeoff"))
        return word_number(value, &set->tradeoff) && set->tradeoff <= 10;
    if (codes && word_is(key, "bits")) {
        good = word_integer(value, 1, 8, &number);
        set->bits = (int)number;
    } else if (set->codec == ECSQ && word_is(key, "levels")) {
        good = word_integer(value, 2, 64, &number);
        set->levels = (int)number;
    } else if (set->codec == FTC && word_is(key, "quality")) {
        good = word_integer(value, 0, 100, &number);
        set->quality = (int)number;
    } else if (set->codec == FTC && word_is(key, "target_bytes")) {
        good = word_integer(value, 0, UINT32_MAX, &set->target_bytes);
    }
    return good;
}

static settings settings_of(codec_kind codec)
{
    settings set = {codec, codec == RANS ? LAPLACE : DEVIATIONS, 3, 0, 0, codec == RANS ? 5 : 8, 8, 50,
                    CODES, 0.25, 0};
    return set;
}

static int settings_agree(const settings *set)
{
    if (set->codec == RAW && set->dtype != CODES)
        return set->bits == 8 && set->clip != LEARNT;
    return !(set->codec == FTC && set->target_bytes && set->quality != 50);
}

/* SW_UNKNOWN_CODEC, SW_BAD_SPEC. */
static int parse_spec(word text, settings *set)
{
    const word name = word_before(&text, ':');
    word keys[4];
    int said = 0;
    *set = settings_of(codec_named(name));
    if (set->codec == CODECS)
        return SW_UNKNOWN_CODEC;
    while (text.length) {
        word value = word_before(&text, ','), key;
        if (!value.length)
            continue;
        key = word_before(&value, '=');
        for (int i = 0; i < said; i++)
            if (keys[i].length == key.length && !memcmp(keys[i].at, key.at, key.length))
                return SW_BAD_SPEC;
        if (said == 4 || !parse_parameter(key, value, set))
            return SW_BAD_SPEC;
        keys[said++] = key;
    }
    return settings_agree(set) ? SW_OK : SW_BAD_SPEC;
}

static void append(char *text, const char *more)
{
    strcat(text, strchr(text, ':') ? "," : ":");
    strcat(text, more);
}

/* What decoding needs, as it stands in streams. `text` holds SW_MAX_SPEC and a zero. */
static void travelling_spec(const settings *set, char *text)
{
    const settings plain = settings_of(set->codec);
    char bits[] = "bits=0", levels[] = "levels=00";
    strcpy(text, codec_names[set->codec]);
    if (set->per_channel)
        append(text, "per=channel");
    bits[5] = (char)('0' + set->bits);
    if (set->bits != plain.bits)
        append(text, bits);
    if (set->dtype != CODES)
        append(text, set->dtype == FLOAT32 ? "dtype=float32" : "dtype=float16");
    levels[7] = (char)('0' + set->levels / 10);
    levels[8] = (char)('0' + set->levels % 10);
    if (set->levels < 10)
        memmove(levels + 7, levels + 8, 2);
    if (set->levels != plain.levels)
        append(text, levels);
}

#endif
