/* The terms of `outer` (tiles.h) by products with one lane of a register.
 *
 * AArch64 multiplies a vector by any lane of another one, so the factors that are broadcast need
 * not be loaded one by one: one load brings those of LANES terms, or of LANES rows, whichever lie
 * side by side. Terms are added in the same order and rounded once each, as everywhere: the bits
 * are those of the baseline. */

/* acc[i][v] += X bm[v], where X is the factor of row i */
#define ADD_TERM(BM, X)                                                                            \
    do {                                                                                           \
        UNROLL for (int v = 0; v < NV; v++)                                                        \
        {                                                                                          \
            const vec across = load((BM) + v * LANES);                                             \
            UNROLL for (int i = 0; i < MR; i++)                                                    \
                acc[i][v] += (X) * across;                                                         \
        }                                                                                          \
    } while (0)

/* clang-format off */
INLINE void add_terms(const int MR, const int NV, vec acc[6][8], const factors *f, const REAL *a,
                      const REAL *bm)
{
    const intp K = f->K, row = f->row, k_stride = f->k_stride, ldb = f->ldb;
    const int whole = MR / (int)LANES * (int)LANES;
    vec x[6];
    if (row == 1) { /* the rows lie side by side */
        for (intp k = 0; k < K; k++, a += k_stride, bm += ldb) {
            UNROLL for (int i = 0; i < whole; i += (int)LANES)
                x[i] = load(a + i);
            ADD_TERM(bm, i < whole ? x[i / LANES * LANES][i % LANES] : a[i]);
        }
        return;
    }
    intp k = 0;
    if (k_stride == 1) /* the terms do */
        for (; k + LANES <= K; k += LANES, a += LANES) {
            UNROLL for (int i = 0; i < MR; i++)
                x[i] = load(a + i * row);
            UNROLL for (int lane = 0; lane < LANES; lane++, bm += ldb) {
                ADD_TERM(bm, x[i][lane]);
                __asm__ volatile("" ::: "memory"); /* GCC would load ahead until it spills */
            }
        }
    for (; k < K; k++, a += k_stride, bm += ldb)
        ADD_TERM(bm, a[i * row]);
}
/* clang-format on */
#undef ADD_TERM
