/* The instruction sets that the kernels know, and what the compiler and the processor offer.
 *
 * A level is an index into the tables of functions that BODIES makes: 0 is plain C, which every
 * compiler takes (on x86-64 it becomes SSE2); the others are written with Intel's intrinsics. */

#ifndef SPLITWIRE_ISA_H
#define SPLITWIRE_ISA_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__)) && !defined(_MSC_VER)
#define SPLITWIRE_X86
#include <immintrin.h>
#endif

#if defined(__GNUC__) || defined(__clang__)
#define PREFETCH(address) __builtin_prefetch(address)
#define PREFETCH_TO_WRITE(address) __builtin_prefetch(address, 1)
#define ALWAYS_INLINE inline __attribute__((always_inline))
#define NEVER_INLINE __attribute__((noinline, unused))
#else
#define PREFETCH(address) ((void)(address))
#define PREFETCH_TO_WRITE(address) ((void)(address))
#define ALWAYS_INLINE inline
#define NEVER_INLINE
#endif

/* A kernel that moves this much in all writes to memory past the caches, which are too small to hold
 * it anyway: that saves reading each line before it is overwritten. */
#define STREAM_BYTES ((ptrdiff_t)20 << 20)

/* How far ahead to fetch: in a row of a frame (bytes) and in a tensor (floats). */
#define FRAME_AHEAD 256
#define TENSOR_AHEAD 2048

#ifdef SPLITWIRE_X86
#define BODIES(name) {name##_baseline, name##_avx2, name##_avx512}

static inline int best_level(void)
{
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") ||
        !__builtin_cpu_supports("bmi") || !__builtin_cpu_supports("bmi2") ||
        !__builtin_cpu_supports("popcnt"))
        return 0;
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                   __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                   __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vbmi2")
               ? 2
               : 1;
}

/* Finish the streaming stores of a kernel before anyone is told that it has ended. */
static inline void end_stream(void)
{
    _mm_sfence();
}
#else
#define BODIES(name) {name##_baseline}

static inline int best_level(void)
{
    return 0;
}

static inline void end_stream(void)
{
}
#endif

#endif
