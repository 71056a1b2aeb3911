/* SHA-256 (FIPS 180-4), for the digests of profiles. */

#ifndef SPLITWIRE_CORE_SHA256_H
#define SPLITWIRE_CORE_SHA256_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    uint32_t h[8];
    uint8_t block[64];
    uint64_t length; /* bytes so far */
} sha256;

static const uint32_t sha256_k[64] = {
    0x428A2F98, 0x71374491, 0xB5C0FBCF, 0xE9B5DBA5, 0x3956C25B, 0x59F111F1, 0x923F82A4, 0xAB1C5ED5,
    0xD807AA98, 0x12835B01, 0x243185BE, 0x550C7DC3, 0x72BE5D74, 0x80DEB1FE, 0x9BDC06A7, 0xC19BF174,
    0xE49B69C1, 0xEFBE4786, 0x0FC19DC6, 0x240CA1CC, 0x2DE92C6F, 0x4A7484AA, 0x5CB0A9DC, 0x76F988DA,
    0x983E5152, 0xA831C66D, 0xB00327C8, 0xBF597FC7, 0xC6E00BF3, 0xD5A79147, 0x06CA6351, 0x14292967,
    0x27B70A85, 0x2E1B2138, 0x4D2C6DFC, 0x53380D13, 0x650A7354, 0x766A0ABB, 0x81C2C92E, 0x92722C85,
    0xA2BFE8A1, 0xA81A664B, 0xC24B8B70, 0xC76C51A3, 0xD192E819, 0xD6990624, 0xF40E3585, 0x106AA070,
    0x19A4C116, 0x1E376C08, 0x2748774C, 0x34B0BCB5, 0x391C0CB3, 0x4ED8AA4A, 0x5B9CCA4F, 0x682E6FF3,
    0x748F82EE, 0x78A5636F, 0x84C87814, 0x8CC70208, 0x90BEFFFA, 0xA4506CEB, 0xBEF9A3F7, 0xC67178F2,
};

static inline uint32_t sha256_turned(uint32_t x, int by)
{
    return x >> by | x << (32 - by);
}

static void sha256_mix(uint32_t *h, const uint8_t *block)
{
    uint32_t w[64], s[8];
    for (int i = 0; i < 16; i++, block += 4)
        w[i] = (uint32_t)block[0] << 24 | (uint32_t)block[1] << 16 | (uint32_t)block[2] << 8 | block[3];
    for (int i = 16; i < 64; i++) {
        const uint32_t a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + w[i - 7] + (sha256_turned(a, 7) ^ sha256_turned(a, 18) ^ a >> 3) +
               (sha256_turned(b, 17) ^ sha256_turned(b, 19) ^ b >> 10);
    }
    memcpy(s, h, sizeof s);
    for (int i = 0; i < 64; i++) {
        const uint32_t a = s[0], e = s[4];
        const uint32_t one = s[7] + sha256_k[i] + w[i] + ((e & s[5]) ^ (~e & s[6])) +
                             (sha256_turned(e, 6) ^ sha256_turned(e, 11) ^ sha256_turned(e, 25));
        const uint32_t two = ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2])) +
                             (sha256_turned(a, 2) ^ sha256_turned(a, 13) ^ sha256_turned(a, 22));
        memmove(s + 1, s, 7 * sizeof *s);
        s[4] += one;
        s[0] = one + two;
    }
    for (int i = 0; i < 8; i++)
        h[i] += s[i];
}

static void sha256_start(sha256 *sha)
{
    static const uint32_t first[8] = {0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A,
                                      0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19};
    memcpy(sha->h, first, sizeof first);
    sha->length = 0;
}

static void sha256_add(sha256 *sha, const void *bytes, size_t count)
{
    const uint8_t *at = bytes;
    while (count) {
        const size_t filled = sha->length % 64, some = count < 64 - filled ? count : 64 - filled;
        memcpy(sha->block + filled, at, some);
        sha->length += some;
        at += some;
        count -= some;
        if (sha->length % 64 == 0)
            sha256_mix(sha->h, sha->block);
    }
}

/* The first `count` bytes of the digest, at most 32. */
static void sha256_finish(sha256 *sha, uint8_t *digest, int count)
{
    const uint64_t bits = 8 * sha->length;
    uint8_t tail[8];
    sha256_add(sha, "\x80", 1);
    while (sha->length % 64 != 56)
        sha256_add(sha, "", 1);
    for (int i = 0; i < 8; i++)
        tail[i] = (uint8_t)(bits >> (56 - 8 * i));
    sha256_add(sha, tail, 8);
    for (int i = 0; i < count; i++)
        digest[i] = (uint8_t)(sha->h[i / 4] >> (24 - i % 4 * 8));
}

#endif
