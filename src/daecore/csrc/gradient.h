/* The gradient of a weight array, as terms of products, and what follows when it is made: the
 * part of the zeros that were skipped, and the solver's step. */

/* The gradient of a weight array is a sum of products left^T right over the batch, in a block of
 * columns: dZ^T H[:, J] for V, X^T dH[:, J] for W, both where they are one. With `pairs`, B counts
 * words of two rows (bfloat16.h). */
typedef struct {
    intp B;
    int count, pairs;
    intp origin; /* the feature that `left` begins with */
    struct {
        const REAL *left, *right; /* IN (B, n - origin), (B, width) */
        intp left_stride, right_stride;
    } term[2];
} gradient_terms;

INLINE void add_term(gradient_terms *terms, const REAL *left, intp left_stride, const REAL *right,
                     intp right_stride)
{
    const int i = terms->count++;
    terms->term[i].left = left;
    terms->term[i].left_stride = left_stride;
    terms->term[i].right = right;
    terms->term[i].right_stride = right_stride;
}

/* The terms of the gradients of V and of W in the columns from j on. */
INLINE void gradients(const dae_layer *layer, const dae_batch *batch, const void *delta,
                      const void *code_delta, intp j, gradient_terms *of_V, gradient_terms *of_W)
{
    const intp ld = batch->shown_stride;
    *of_V = *of_W = (gradient_terms){.B = batch->B};
    if (layer->decoder.value)
        add_term(layer->tied ? of_W : of_V, delta, ld, (const REAL *)batch->decoded + j,
                 layer->stride);
    if (!batch->sparse)
        add_term(of_W, batch->shown, ld, (const REAL *)code_delta + j, layer->stride);
}

/* G (d1 - d0, ldg) += X[:, d0:d1]^T dH[:, J] by the lists of X's non-zeros */
static void add_sparse_gradient(const dae_batch *batch, intp d0, intp d1, intp width,
                                const REAL *dH, intp stride, REAL *G, intp ldg)
{
    for (intp d = d0; d < d1; d++) {
        const intp at = d * batch->B;
        if (batch->column_count[d] == 0) /* a border pixel of MNIST: 1 % of a step of 20 rows */
            continue;
        sparse_product(width, batch->column_count[d], batch->column_rows + at,
                       (const REAL *)batch->column_values + at, dH, stride, G + (d - d0) * ldg,
                       CONTINUE);
    }
}

/* rows [d0, d1) of a weight array, columns [start, start + width), by the gradient G */
INLINE void step_rows_by(const int kind, const dae_layer *layer, const dae_update *solver,
                         const dae_parameter *p, intp d0, intp d1, intp start, intp width,
                         const REAL *G, intp ldg)
{
    const REAL alpha = (REAL)solver->alpha;
    for (intp d = d0; d < d1; d++) {
        const intp at = d * layer->stride + start;
        REAL *w = (REAL *)p->value + at;
        REAL *m1 = p->moment1 ? (REAL *)p->moment1 + at : NULL;
        REAL *m2 = p->moment2 ? (REAL *)p->moment2 + at : NULL;
        for (intp j = 0; j < width; j += LANES)
            solver_step(kind, solver, w + j, m1 ? m1 + j : NULL, m2 ? m2 + j : NULL,
                        load(G + (d - d0) * ldg + j) + alpha * load(w + j), LANES);
    }
}

static void step_rows(const dae_layer *layer, const dae_update *solver, const dae_parameter *p,
                      intp d0, intp d1, intp start, intp width, const REAL *G, intp ldg)
{
    switch (solver->kind) {
        /* clang-format off */
#define CASE(KIND, NAME)                                                                           \
    case KIND: step_rows_by(KIND, layer, solver, p, d0, d1, start, width, G, ldg); break;
        FOR_EACH_SOLVER(CASE)
#undef CASE
        /* clang-format on */
    }
}
