/* Pieces of the caller's memory. */

#ifndef SPLITWIRE_CORE_ARENA_H
#define SPLITWIRE_CORE_ARENA_H

#include <string.h>

#include "splitwire.h"

#define ARENA_ALIGNMENT 16

/* Under the address sanitizer pieces stand apart, and nobody may touch what is between. */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define ARENA_APART 32
#else
#define ARENA_APART 0
#define ASAN_POISON_MEMORY_REGION(at, count) ((void)(at), (void)(count))
#define ASAN_UNPOISON_MEMORY_REGION(at, count) ((void)(at), (void)(count))
#endif

/* `count` things of `size` bytes, not set to anything; NULL where there is no room. */
static void *arena_take(sw_arena *arena, size_t count, size_t size)
{
    const uintptr_t mask = ARENA_ALIGNMENT - 1, base = (uintptr_t)arena->memory;
    const size_t at = ((base + arena->used + mask) & ~mask) - base + ARENA_APART;
    uint8_t *piece;
    if (!arena->memory || at > arena->size || count > (arena->size - at) / size)
        return NULL;
    piece = (uint8_t *)arena->memory + at;
    ASAN_POISON_MEMORY_REGION(piece - ARENA_APART, ARENA_APART);
    ASAN_UNPOISON_MEMORY_REGION(piece, count * size);
    arena->used = at + count * size;
    return piece;
}

static void *arena_take_zeros(sw_arena *arena, size_t count, size_t size)
{
    void *piece = arena_take(arena, count, size);
    return piece ? memset(piece, 0, count * size) : NULL;
}

#endif
