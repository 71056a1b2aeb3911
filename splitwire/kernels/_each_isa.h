/* Compiles the file that BODY names once for each instruction set.
 *
 * In that file every function is marked TARGET and named IN(name). VECTOR_BYTES is 0 for plain C;
 * otherwise V(add_ps) is the intrinsic _mm256_add_ps or _mm512_add_ps, WHOLE(or) is
 * _mm256_or_si256 or _mm512_or_si512, and FLOATS, DOUBLES and INTS are the types of a vector. */

#define VECTOR_BYTES 0
#define TARGET
#define IN(name) name##_baseline
#include BODY
#undef VECTOR_BYTES
#undef TARGET
#undef IN

#ifdef SPLITWIRE_X86
#define VECTOR_BYTES 32
#define TARGET __attribute__((target("avx2,fma")))
#define IN(name) name##_avx2
#define V(name) _mm256_##name
#define WHOLE(name) _mm256_##name##_si256
#define FLOATS __m256
#define DOUBLES __m256d
#define LOAD_HALF _mm_loadu_ps
#define INTS __m256i
#include BODY
#undef VECTOR_BYTES
#undef TARGET
#undef IN
#undef V
#undef WHOLE
#undef FLOATS
#undef DOUBLES
#undef LOAD_HALF
#undef INTS

#define VECTOR_BYTES 64
#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,fma")))
#define IN(name) name##_avx512
#define V(name) _mm512_##name
#define WHOLE(name) _mm512_##name##_si512
#define FLOATS __m512
#define DOUBLES __m512d
#define LOAD_HALF _mm256_loadu_ps
#define INTS __m512i
#include BODY
#undef VECTOR_BYTES
#undef TARGET
#undef IN
#undef V
#undef WHOLE
#undef FLOATS
#undef DOUBLES
#undef LOAD_HALF
#undef INTS
#endif

#undef BODY
