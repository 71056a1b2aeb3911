/* Pieces of the caller's memory. */

#ifndef SPLITWIRE_CORE_ARENA_H
#define SPLITWIRE_CORE_ARENA_H

#include <string.h>

#include "splitwire.h"

#define ARENA_ALIGNMENT 16

/* `count` things of `size` bytes, not set to anything; NULL where there is no room. */
static void *arena_take(sw_arena *arena, size_t count, size_t size)
{
    const uintptr_t base = (uintptr_t)arena->memory;
    const size_t at = ((base + arena->used + ARENA_ALIGNMENT - 1) & ~(uintptr_t)(ARENA_ALIGNMENT - 1)) - base;
    if (!arena->memory || at > arena->size || count > (arena->size - at) / size)
        return NULL;
    arena->used = at + count * size;
    return (uint8_t *)arena->memory + at;
}

static void *arena_take_zeros(sw_arena *arena, size_t count, size_t size)
{
    void *piece = arena_take(arena, count, size);
    return piece ? memset(piece, 0, count * size) : NULL;
}

#endif
