/* Register tiles: the two products that everything is made of.
 *
 *     outer   C[i, v]  (+)= sum_k A(i, k) Bm[k, v]      rows of Bm are vectors, A is broadcast
 *     dot     Z[i, p]    =  sum_j H[i, j] W[p, j]       both operands are vectors along j
 *
 * The accumulators of a tile stay in registers over the whole sum; the loops over them have
 * constant bounds and are unrolled, else the compiler spills them and the speed falls to a third.
 * 16 registers: 6x2 and 3x4 accumulators; 32: 6x4. An element's sum runs over k in order,
 * whatever tile it falls into: that is what makes all splits of the work give the same bits.
 */

/* Most vectors side by side for MR rows, so that the MR * NV accumulators stay in registers (where
 * these and the operands do not fit together, operands come straight from memory). */
#if VECTOR_REGISTERS >= 32
#define OUTER_MAX_VECTORS(MR) ((MR) <= 3 ? 8 : 4)
#define DOT_MAX_ROWS 6
#else
#define OUTER_MAX_VECTORS(MR) ((MR) == 1 ? 8 : (MR) == 2 ? 4 : 2)
#define DOT_MAX_ROWS 3
#endif
#define OUTER_MAX_ROWS 6

/* How many rows a tile takes so that `rows` split evenly: 20 is 5+5+5+5, not 6+6+6+2. */
INLINE intp even_tile(intp rows, intp largest)
{
    const intp tiles = (rows + largest - 1) / largest;
    return (rows + tiles - 1) / tiles;
}

/* It takes UNROLL for a statement. */
/* clang-format off */

/* ---------------------------------------------------------------- outer */

/* One product of a sum: K terms, A(i, k) = a[i row + k k_stride], Bm (K, width) with row stride
 * ldb. With `pairs` the numbers are words (bfloat16.h): K times two terms. */
typedef struct {
    intp K;
    const REAL *a;
    intp row, k_stride;
    const REAL *bm;
    intp ldb;
    int pairs;
} factors;

/* SUM + the products of the word X with each word of ACROSS */
#if !HAS_PAIRS
#define ADD_PAIRS(SUM, X, ACROSS) (SUM) /* never called */
#elif !defined ADD_PAIRS
#define ADD_PAIRS(SUM, X, ACROSS)                                                                  \
    ((vec)_mm512_dpbf16_ps((__m512)(SUM), (__m512bh)_mm512_set1_ps(X), (__m512bh)(ACROSS)))
#endif

/* What happens to the old C: it is overwritten; the sum continues from it; the finished sum is added
 * to it (not the same rounding as going on); or the sum is its gradient and it descends along that:
 * C - rate (sum + alpha C). */
enum product_mode { SET, CONTINUE, ADD, DESCEND };
typedef struct {
    enum product_mode mode;
    REAL rate, alpha;
} epilogue;

#ifdef NEON
#include "tiles_neon.h"
#endif

/* `tiles` tiles of MR x NV, one below the other. */
INLINE void outer_tiles(const int PAIRS, const int MR, const int NV, intp tiles,
                        const factors *first_factor, int count, intp i0, intp v0, REAL *c, intp ldc,
                        epilogue last)
{
    const enum product_mode mode = last.mode;
    if (NV > OUTER_MAX_VECTORS(MR)) /* never called: known to the compiler, nothing is left */
        return;
    for (; tiles > 0; tiles--, i0 += MR, c += MR * ldc) {
        vec acc[6][8];
        UNROLL for (int i = 0; i < MR; i++)
            UNROLL for (int v = 0; v < NV; v++)
                acc[i][v] = mode == CONTINUE ? load(c + i * ldc + v * LANES) : (vec){0};
        for (const factors *f = first_factor; f < first_factor + count; f++) {
            const REAL *a = f->a + i0 * f->row, *bm = f->bm + v0;
#ifdef NEON
            add_terms(MR, NV, acc, f, a, bm);
#else
            const intp K = f->K, row = f->row, k_stride = f->k_stride, ldb = f->ldb;
            for (intp k = 0; k < K; k++, a += k_stride, bm += ldb) {
                vec across[8];
                UNROLL for (int v = 0; v < NV; v++)
                    across[v] = load(bm + v * LANES);
                UNROLL for (int i = 0; i < MR; i++) {
                    const REAL x = a[i * row];
                    UNROLL for (int v = 0; v < NV; v++)
                        acc[i][v] = PAIRS ? ADD_PAIRS(acc[i][v], x, across[v])
                                          : acc[i][v] + x * across[v];
                }
            }
#endif
        }
        if (mode == ADD)
            UNROLL for (int i = 0; i < MR; i++)
                UNROLL for (int v = 0; v < NV; v++)
                    acc[i][v] += load(c + i * ldc + v * LANES);
        if (mode == DESCEND)
            UNROLL for (int i = 0; i < MR; i++)
                UNROLL for (int v = 0; v < NV; v++) {
                    const vec old = load(c + i * ldc + v * LANES);
                    acc[i][v] = old - last.rate * (acc[i][v] + last.alpha * old);
                }
        UNROLL for (int i = 0; i < MR; i++)
            UNROLL for (int v = 0; v < NV; v++)
                store(c + i * ldc + v * LANES, acc[i][v]);
    }
}

typedef void outer_function(intp tiles, const factors *f, int count, intp i0, intp v0, REAL *c,
                            intp ldc, epilogue last);

#define OUTER(NAME, PAIRS, MR, NV)                                                                 \
    NOINLINE void NAME##_##MR##x##NV(intp tiles, const factors *f, int count, intp i0, intp v0,    \
                                     REAL *c, intp ldc, epilogue last)                             \
    {                                                                                              \
        outer_tiles(PAIRS, MR, NV, tiles, f, count, i0, v0, c, ldc, last);                         \
    }
#define OUTER_ROWS(NAME, PAIRS, MR)                                                                \
    OUTER(NAME, PAIRS, MR, 1)                                                                      \
    OUTER(NAME, PAIRS, MR, 2)                                                                      \
    OUTER(NAME, PAIRS, MR, 4)                                                                      \
    OUTER(NAME, PAIRS, MR, 8)
#define OUTER_POINTERS(NAME, MR)                                                                   \
    {NAME##_##MR##x1, NAME##_##MR##x2, NAME##_##MR##x4, NAME##_##MR##x8}
#define OUTER_TABLE(NAME, PAIRS)                                                                   \
    OUTER_ROWS(NAME, PAIRS, 1)                                                                     \
    OUTER_ROWS(NAME, PAIRS, 2)                                                                     \
    OUTER_ROWS(NAME, PAIRS, 3)                                                                     \
    OUTER_ROWS(NAME, PAIRS, 4)                                                                     \
    OUTER_ROWS(NAME, PAIRS, 5)                                                                     \
    OUTER_ROWS(NAME, PAIRS, 6)                                                                     \
    static outer_function *const NAME##_table[6][4] = {                                            \
        OUTER_POINTERS(NAME, 1), OUTER_POINTERS(NAME, 2), OUTER_POINTERS(NAME, 3),                 \
        OUTER_POINTERS(NAME, 4), OUTER_POINTERS(NAME, 5), OUTER_POINTERS(NAME, 6)};

OUTER_TABLE(outer, 0)
#if HAS_PAIRS
OUTER_TABLE(pairs, 1)
#define TABLE_FOR(F) ((F)->pairs ? pairs_table : outer_table)
#else
#define TABLE_FOR(F) outer_table
#endif

/* C (rows, width) by `last` the products f[0] + ... + f[count - 1]; `width` a multiple of the
 * lanes. */
static void outer_product(intp rows, intp width, const factors *f, int count, REAL *c, intp ldc,
                          epilogue last)
{
    CHECK(width % LANES == 0);
    for (intp i = 0, height, tiles; i < rows; i += tiles * height) {
        height = even_tile(rows - i, OUTER_MAX_ROWS);
        tiles = (rows - i) / height;
        intp v = 0;
        for (int log2 = 3; log2 >= 0; log2--) {
            const intp NV = (intp)1 << log2;
            if (NV > OUTER_MAX_VECTORS(height))
                continue;
            for (; v + NV * LANES <= width; v += NV * LANES)
                TABLE_FOR(f)
                [height - 1][log2](tiles, f, count, i, v, c + i * ldc + v, ldc, last);
        }
    }
}

/* c[0:width] by `mode` sum_i values[i] Bm[index[i], :], in order; at most 8 vectors at a time.
 * A term of `outer` whose A(i, k) is 0 adds nothing, so leaving it out leaves the same bits. */
INLINE void sparse_tile(const int NV, intp count, const int32_t *index, const REAL *values,
                        const REAL *bm, intp ldb, REAL *c, enum product_mode mode)
{
    vec acc[8];
    UNROLL for (int v = 0; v < NV; v++)
        acc[v] = mode == CONTINUE ? load(c + v * LANES) : (vec){0};
    for (intp i = 0; i < count; i++) {
        const REAL x = values[i], *across = bm + index[i] * ldb;
        UNROLL for (int v = 0; v < NV; v++)
            acc[v] += x * load(across + v * LANES);
    }
    UNROLL for (int v = 0; v < NV; v++)
        store(c + v * LANES, mode == ADD ? acc[v] + load(c + v * LANES) : acc[v]);
}

static void sparse_product(intp width, intp count, const int32_t *index, const REAL *values,
                           const REAL *bm, intp ldb, REAL *c, enum product_mode mode)
{
    intp v = 0;
    for (; v + 8 * LANES <= width; v += 8 * LANES)
        sparse_tile(8, count, index, values, bm + v, ldb, c + v, mode);
    for (; v + 4 * LANES <= width; v += 4 * LANES)
        sparse_tile(4, count, index, values, bm + v, ldb, c + v, mode);
    for (; v < width; v += LANES)
        sparse_tile(1, count, index, values, bm + v, ldb, c + v, mode);
}

/* ---------------------------------------------------------------- dot */

typedef REAL quad __attribute__((vector_size(16)));

#if REAL_IS_FLOAT && VECTOR_BYTES == 64
#define EVENS 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29
#define ODDS 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31
#define FIRST_PAIRS 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29
#define SECOND_PAIRS 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31
#elif REAL_IS_FLOAT && VECTOR_BYTES == 32
#define EVENS 0, 8, 1, 9, 4, 12, 5, 13
#define ODDS 2, 10, 3, 11, 6, 14, 7, 15
#define FIRST_PAIRS 0, 1, 8, 9, 4, 5, 12, 13
#define SECOND_PAIRS 2, 3, 10, 11, 6, 7, 14, 15
#elif REAL_IS_FLOAT
#define EVENS 0, 4, 1, 5
#define ODDS 2, 6, 3, 7
#define FIRST_PAIRS 0, 1, 4, 5
#define SECOND_PAIRS 2, 3, 6, 7
#elif VECTOR_BYTES == 64
#define EVENS 0, 8, 2, 10, 4, 12, 6, 14
#define ODDS 1, 9, 3, 11, 5, 13, 7, 15
#elif VECTOR_BYTES == 32
#define EVENS 0, 4, 2, 6
#define ODDS 1, 5, 3, 7
#else
#define EVENS 0, 2
#define ODDS 1, 3
#endif

/* Sum of the vector's 16-byte parts. */
INLINE quad fold(vec v)
{
    union {
        vec whole;
        quad part[VECTOR_BYTES / 16];
    } u = {v};
    for (int step = VECTOR_BYTES / 32; step > 0; step /= 2)
        UNROLL for (int i = 0; i < step; i++)
            u.part[i] += u.part[i + step];
    return u.part[0];
}

/* z[0..3] <- the sums of the lanes of a, b, c, d: added pairwise, so that the shuffles serve all
 * four at once. */
INLINE void store_four_sums(REAL *z, vec a, vec b, vec c, vec d)
{
    const vec ab = SHUFFLE(a, b, EVENS) + SHUFFLE(a, b, ODDS);
    const vec cd = SHUFFLE(c, d, EVENS) + SHUFFLE(c, d, ODDS);
#if REAL_IS_FLOAT
    const quad sums = fold(SHUFFLE(ab, cd, FIRST_PAIRS) + SHUFFLE(ab, cd, SECOND_PAIRS));
    memcpy(z, &sums, sizeof sums);
#else
    const quad first = fold(ab), second = fold(cd);
    memcpy(z, &first, sizeof first);
    memcpy(z + 2, &second, sizeof second);
#endif
}

INLINE void dot_tile(const int RB, intp J, const REAL *h, intp ldh, const REAL *const w[4], REAL *z,
                     intp ldz)
{
    if (RB > DOT_MAX_ROWS)
        return;
    vec acc[6][4];
    UNROLL for (int i = 0; i < RB; i++)
        UNROLL for (int p = 0; p < 4; p++)
            acc[i][p] = (vec){0};
    for (intp j = 0; j < J; j += LANES) {
        vec hv[6];
        UNROLL for (int i = 0; i < RB; i++)
            hv[i] = load(h + i * ldh + j);
        UNROLL for (int p = 0; p < 4; p++) {
            const vec wv = load(w[p] + j);
            UNROLL for (int i = 0; i < RB; i++)
                acc[i][p] += hv[i] * wv;
        }
    }
    UNROLL for (int i = 0; i < RB; i++)
        store_four_sums(z + i * ldz, acc[i][0], acc[i][1], acc[i][2], acc[i][3]);
}

typedef void dot_function(intp J, const REAL *h, intp ldh, const REAL *const w[4], REAL *z,
                          intp ldz);

#define DOT(RB)                                                                                    \
    NOINLINE void dot_##RB(intp J, const REAL *h, intp ldh, const REAL *const w[4], REAL *z,       \
                           intp ldz)                                                               \
    {                                                                                              \
        dot_tile(RB, J, h, ldh, w, z, ldz);                                                        \
    }
DOT(1) DOT(2) DOT(3) DOT(4) DOT(5) DOT(6)
static dot_function *const dot_table[6] = {dot_1, dot_2, dot_3, dot_4, dot_5, dot_6};

/* Z (rows, 4) = H (rows, J) W^T for the rows w[0..3] of W; J a multiple of the lanes, ldz >= 4. */
static void dot_product(intp rows, intp J, const REAL *h, intp ldh, const REAL *const w[4],
                        REAL *z, intp ldz)
{
    CHECK(J % LANES == 0);
    for (intp i = 0, height; i < rows; i += height) {
        height = even_tile(rows - i, DOT_MAX_ROWS);
        dot_table[height - 1](J, h + i * ldh, ldh, w, z + i * ldz, ldz);
    }
}
