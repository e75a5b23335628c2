/* Numbers of float32 rounded to bfloat16, 8 bits of precision, to nearest, ties to even; and what
 * packing them takes. A word is two of them, in the place of one float32: the low half the first.
 * NaN stays NaN, what is beyond the range becomes infinity, what is below 2^-126 becomes 0. */

/* The first `count` lanes, zeros behind; reads nothing else. */
INLINE vec load_masked(const float *p, intp count)
{
    if (count >= 16)
        return load(p);
    return count > 0 ? (vec)_mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), p) : (vec){0};
}

/* clang-format off */
/* 16 x 16 numbers, or words: rows become columns. */
INLINE void transpose_16(__m512 r[16])
{
    __m512 t[16];
    UNROLL for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
    }
    UNROLL for (int i = 0; i < 16; i += 4)
        UNROLL for (int j = 0; j < 2; j++) {
            const __m512d a = _mm512_castps_pd(t[i + j]), b = _mm512_castps_pd(t[i + j + 2]);
            r[i + 2 * j] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, b));
            r[i + 2 * j + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, b));
        }
    UNROLL for (int i = 0; i < 16; i += 8)
        UNROLL for (int j = 0; j < 4; j++) {
            t[i + j] = _mm512_shuffle_f32x4(r[i + j], r[i + j + 4], 0x88);
            t[i + j + 4] = _mm512_shuffle_f32x4(r[i + j], r[i + j + 4], 0xDD);
        }
    UNROLL for (int j = 0; j < 8; j++) {
        r[j] = _mm512_shuffle_f32x4(t[j], t[j + 8], 0x88);
        r[j + 8] = _mm512_shuffle_f32x4(t[j], t[j + 8], 0xDD);
    }
}
/* clang-format on */

/* 16 rows of 16 numbers at `from` become columns at `to`, which may be the same place. */
INLINE void transpose_tile(const float *from, intp from_stride, float *to, intp to_stride)
{
    __m512 r[16];
    UNROLL for (int i = 0; i < 16; i++)
        r[i] = _mm512_loadu_ps(from + i * from_stride);
    transpose_16(r);
    UNROLL for (int i = 0; i < 16; i++)
        _mm512_storeu_ps(to + i * to_stride, r[i]);
}

#ifdef __AVX512BF16__
/* Word i: low[i] and high[i]. */
INLINE vec pair_words(vec low, vec high)
{
    const __m512i rounded = (__m512i)_mm512_cvtne2ps_pbh((__m512)high, (__m512)low);
    const __m512i halves = _mm512_set_epi32(
        31 << 16 | 15, 30 << 16 | 14, 29 << 16 | 13, 28 << 16 | 12, 27 << 16 | 11, 26 << 16 | 10,
        25 << 16 | 9, 24 << 16 | 8, 23 << 16 | 7, 22 << 16 | 6, 21 << 16 | 5, 20 << 16 | 4,
        19 << 16 | 3, 18 << 16 | 2, 17 << 16 | 1, 16 << 16 | 0);
    return (vec)_mm512_permutexvar_epi16(halves, rounded);
}

/* Word i: numbers 2i and 2i + 1 of the 32 in both vectors. */
INLINE vec row_words(vec first, vec second)
{
    return (vec)_mm512_cvtne2ps_pbh((__m512)second, (__m512)first);
}
#else /* a level that does not round */
INLINE vec pair_words(vec low, vec high)
{
    (void)high;
    return low;
}
#endif
