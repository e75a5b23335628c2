/* Vector types of one SIMD level and one real type, by GCC's and clang's vector extensions.
 *
 * Set by the unit that includes this: REAL (float or double), REAL_IS_FLOAT, VECTOR_BYTES,
 * VECTOR_REGISTERS. Arithmetic operators work lane by lane; a scalar operand is broadcast.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef DAE_DEBUG
#include <assert.h>
#define CHECK(condition) assert(condition)
#else
#define CHECK(condition) ((void)0)
#endif

#define INLINE static inline __attribute__((always_inline))
#define NOINLINE static __attribute__((noinline))
#define UNROLL _Pragma("GCC unroll 16")

typedef ptrdiff_t intp;

INLINE intp at_most(intp value, intp limit) { return value < limit ? value : limit; }
INLINE int is_nan(REAL x) { return x != x; }

#if REAL_IS_FLOAT
typedef int32_t word;
typedef uint32_t uword;
#define MANTISSA_BITS 23
#else
typedef int64_t word;
typedef uint64_t uword;
#define MANTISSA_BITS 52
#endif

#define LANES ((intp)(VECTOR_BYTES / sizeof(REAL)))

typedef REAL vec __attribute__((vector_size(VECTOR_BYTES)));
typedef word ivec __attribute__((vector_size(VECTOR_BYTES)));
typedef double dvec __attribute__((vector_size(VECTOR_BYTES / sizeof(REAL) * sizeof(double))));

typedef uint64_t wide __attribute__((vector_size(VECTOR_BYTES))); /* for random words */
#define WIDE_LANES ((int)(VECTOR_BYTES / sizeof(uint64_t)))

/* The same in memory: any element may come first, any type may lie there. */
typedef REAL vec_mem __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(REAL)), may_alias));

INLINE vec load(const REAL *p) { return *(const vec_mem *)p; }
INLINE void store(REAL *p, vec v) { *(vec_mem *)p = v; }

/* The first `count` lanes; the others read as 0 and are not written. */
INLINE vec load_part(const REAL *p, intp count)
{
    if (count >= LANES)
        return load(p);
    vec v = {0};
    memcpy(&v, p, (size_t)count * sizeof(REAL));
    return v;
}

INLINE void store_part(REAL *p, vec v, intp count)
{
    if (count >= LANES)
        store(p, v);
    else
        memcpy(p, &v, (size_t)count * sizeof(REAL));
}

INLINE dvec as_double(vec v) { return __builtin_convertvector(v, dvec); }

INLINE double sum_lanes(dvec v)
{
    double sum = 0;
    for (intp lane = 0; lane < LANES; lane++)
        sum += v[lane];
    return sum;
}

/* A vector whose lanes from `count` on are 0. */
INLINE vec zero_tail(vec v, intp count)
{
    if (count >= LANES)
        return v;
    vec kept = {0};
    memcpy(&kept, &v, (size_t)count * sizeof(REAL));
    return kept;
}

INLINE vec broadcast(REAL x) { return x - (vec){0}; }
INLINE vec blend(ivec mask, vec yes, vec no)
{
    return (vec)((mask & (ivec)yes) | (~mask & (ivec)no));
}
INLINE vec minus_absolute(vec v) { return (vec)((ivec)v | (ivec)broadcast((REAL)-0.0)); }

/* What the extensions have no operator for, lane by lane: the square root; a > b ? a : b, which is
 * b where either is NaN; and the 64-bit product of the low halves of two 64-bit lanes. */
#if defined(NEON)
#include "simd_neon.h"
#elif defined(__AVX512F__) && VECTOR_BYTES == 64
#include <immintrin.h>
INLINE vec square_root(vec v)
{
    return REAL_IS_FLOAT ? (vec)_mm512_sqrt_ps((__m512)v) : (vec)_mm512_sqrt_pd((__m512d)v);
}
INLINE wide multiply_low(wide a, wide b) { return (wide)_mm512_mul_epu32((__m512i)a, (__m512i)b); }
INLINE vec maximum(vec a, vec b)
{
    return REAL_IS_FLOAT ? (vec)_mm512_max_ps((__m512)a, (__m512)b)
                         : (vec)_mm512_max_pd((__m512d)a, (__m512d)b);
}
#elif defined(__AVX__) && VECTOR_BYTES == 32
#include <immintrin.h>
INLINE vec square_root(vec v)
{
    return REAL_IS_FLOAT ? (vec)_mm256_sqrt_ps((__m256)v) : (vec)_mm256_sqrt_pd((__m256d)v);
}
INLINE wide multiply_low(wide a, wide b) { return (wide)_mm256_mul_epu32((__m256i)a, (__m256i)b); }
INLINE vec maximum(vec a, vec b)
{
    return REAL_IS_FLOAT ? (vec)_mm256_max_ps((__m256)a, (__m256)b)
                         : (vec)_mm256_max_pd((__m256d)a, (__m256d)b);
}
#elif defined(__SSE2__) && VECTOR_BYTES == 16
#include <immintrin.h>
INLINE vec square_root(vec v)
{
    return REAL_IS_FLOAT ? (vec)_mm_sqrt_ps((__m128)v) : (vec)_mm_sqrt_pd((__m128d)v);
}
INLINE wide multiply_low(wide a, wide b) { return (wide)_mm_mul_epu32((__m128i)a, (__m128i)b); }
INLINE vec maximum(vec a, vec b)
{
    return REAL_IS_FLOAT ? (vec)_mm_max_ps((__m128)a, (__m128)b)
                         : (vec)_mm_max_pd((__m128d)a, (__m128d)b);
}
#else
INLINE vec square_root(vec v)
{
    for (intp lane = 0; lane < LANES; lane++)
        v[lane] = (REAL)(REAL_IS_FLOAT ? __builtin_sqrtf((float)v[lane]) : __builtin_sqrt(v[lane]));
    return v;
}
INLINE vec maximum(vec a, vec b) { return blend(a > b, a, b); }
INLINE wide multiply_low(wide a, wide b) { return (a & 0xFFFFFFFFu) * (b & 0xFFFFFFFFu); }
#endif

/* values[0:count] <- the non-zeros of x, NaN among them, columns[0:count] <- their lanes, counted
 * from `first`; returns count. What is behind them, up to LANES, is written over. */
#if !defined(NEON) || !REAL_IS_FLOAT
INLINE int32_t pick_nonzero(vec x, int32_t first, int32_t *columns, REAL *values)
{
#if defined(__AVX512F__) && VECTOR_BYTES == 64 && REAL_IS_FLOAT
    const __mmask16 mask = _mm512_cmp_ps_mask((__m512)x, _mm512_setzero_ps(), _CMP_NEQ_UQ);
    const __m512i lanes =
        _mm512_add_epi32(_mm512_set1_epi32(first),
                         _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
    _mm512_storeu_ps(values, _mm512_maskz_compress_ps(mask, (__m512)x));
    _mm512_storeu_si512(columns, _mm512_maskz_compress_epi32(mask, lanes));
    return __builtin_popcount(mask);
#elif defined(__AVX512VL__) && VECTOR_BYTES == 64
    const __mmask8 mask = _mm512_cmp_pd_mask((__m512d)x, _mm512_setzero_pd(), _CMP_NEQ_UQ);
    const __m256i lanes =
        _mm256_add_epi32(_mm256_set1_epi32(first), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    _mm512_storeu_pd(values, _mm512_maskz_compress_pd(mask, (__m512d)x));
    _mm256_storeu_si256((__m256i *)columns, _mm256_maskz_compress_epi32(mask, lanes));
    return __builtin_popcount(mask);
#else
    int32_t count = 0;
    for (intp lane = 0; lane < LANES; lane++) {
        columns[count] = first + (int32_t)lane; /* no branch: what is no non-zero is written over */
        values[count] = x[lane];
        count += x[lane] != 0;
    }
    return count;
#endif
}
#endif

/* Lanes of a and b by index, b's counted from LANES. Same list for both compilers. */
#if defined(__clang__) || __GNUC__ >= 12
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#define SHUFFLE_WIDE SHUFFLE
#else
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (ivec){__VA_ARGS__})
#define SHUFFLE_WIDE(a, b, ...) __builtin_shuffle(a, b, (wide){__VA_ARGS__})
#endif

/* a0 b0 a1 b1 ...: the first half of that, and the second */
#if VECTOR_BYTES == 64
#define FIRST_OF_BOTH 0, 8, 1, 9, 2, 10, 3, 11
#define LAST_OF_BOTH 4, 12, 5, 13, 6, 14, 7, 15
#elif VECTOR_BYTES == 32
#define FIRST_OF_BOTH 0, 4, 1, 5
#define LAST_OF_BOTH 2, 6, 3, 7
#else
#define FIRST_OF_BOTH 0, 2
#define LAST_OF_BOTH 1, 3
#endif
