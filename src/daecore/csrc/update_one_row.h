/* Batches of one row in one micro-batch: one pass over the weights to learn, and to encode the next
 * row. */

/* A batch of one row: NV vectors of columns, from j on, of rows [d0, d1) of a weight array. The
 * gradient is an outer product a term. The right factors stay in registers, and so does the sum of
 * next[d] W[d, :] over the moved weights, left in `out` by `mode` unless next is NULL. */
INLINE void step_columns(const int kind, const int decays, const int NV, const dae_layer *layer,
                         const dae_update *solver, const dae_parameter *p, intp d0, intp d1, intp j,
                         const gradient_terms *terms, const REAL *next, REAL *out, int mode)
{
    const int two = terms->count == 2;
    const REAL *left0 = terms->term[0].left, *left1 = two ? terms->term[1].left : left0;
    const REAL *right0 = terms->term[0].right + j,
               *right1 = two ? terms->term[1].right + j : right0;
    const REAL rate = (REAL)solver->learning_rate, alpha = (REAL)solver->alpha;
    const REAL scale = kind == DAE_SGD ? -rate : 1;
    vec across0[8], across1[8], sum[8];
    UNROLL for (int v = 0; v < NV; v++) {
        across0[v] = load(right0 + v * LANES);
        across1[v] = load(right1 + v * LANES);
        sum[v] = (vec){0};
    }
    for (intp d = d0; d < d1; d++) {
        const intp at = d * layer->stride + j;
        REAL *w = (REAL *)p->value + at;
        const REAL x0 = scale * left0[d], x1 = two ? scale * left1[d] : 0, x = next ? next[d] : 0;
        UNROLL for (int v = 0; v < NV; v++) {
            const vec old = load(w + v * LANES);
            vec g = x0 * across0[v] + x1 * across1[v];
            if (kind == DAE_SGD) { /* that is the step already */
                if (decays)
                    g -= rate * alpha * old;
                store(w + v * LANES, old + g);
            } else
                solver_step(kind, solver, w + v * LANES, (REAL *)p->moment1 + at + v * LANES,
                            p->moment2 ? (REAL *)p->moment2 + at + v * LANES : NULL,
                            g + alpha * old, LANES);
            sum[v] += x * load(w + v * LANES);
        }
    }
    /* clang-format off */
    if (next)
        UNROLL for (int v = 0; v < NV; v++) {
            REAL *c = out + j + v * LANES;
            store(c, mode == ADD ? load(c) + sum[v] : sum[v]);
        }
}
/* clang-format on */

INLINE void step_outer_by(const int kind, const int decays, const dae_layer *layer,
                          const dae_update *solver, const dae_parameter *p, intp d0, intp d1,
                          const gradient_terms *terms, const REAL *next, REAL *out, int mode)
{
    enum { HELD = VECTOR_REGISTERS >= 32 ? 8 : 4 };
    const intp width = whole_lines(layer->n_hidden);
    intp j = 0;
    for (; j + HELD * LANES <= width; j += HELD * LANES)
        step_columns(kind, decays, HELD, layer, solver, p, d0, d1, j, terms, next, out, mode);
    for (; j + HELD / 2 * LANES <= width; j += HELD / 2 * LANES)
        step_columns(kind, decays, HELD / 2, layer, solver, p, d0, d1, j, terms, next, out, mode);
    for (; j < width; j += LANES)
        step_columns(kind, decays, 1, layer, solver, p, d0, d1, j, terms, next, out, mode);
}

/* Rows [d0, d1) of a weight array by the outer products of a batch of one row, and the next row's
 * projection: one pass over the weights. (784-500: 4 cycles a cache line of weights; two passes
 * took 9.) */
static void step_outer(const dae_layer *layer, const dae_update *solver, const dae_parameter *p,
                       intp d0, intp d1, const gradient_terms *terms, const REAL *next, REAL *out,
                       int mode)
{
    switch (solver->kind) {
        /* clang-format off */
#define CASE(KIND, NAME)                                                                           \
    case KIND:                                                                                     \
        if (KIND == DAE_SGD && solver->alpha == 0)                                                 \
            step_outer_by(KIND, 0, layer, solver, p, d0, d1, terms, next, out, mode);              \
        else                                                                                       \
            step_outer_by(KIND, 1, layer, solver, p, d0, d1, terms, next, out, mode);              \
        break;
        FOR_EACH_SOLVER(CASE)
#undef CASE
        /* clang-format on */
    }
}

static void update_and_project(const dae_layer *layer, const dae_update *solver,
                               const dae_batch *batch, const dae_batch *next, const void *delta,
                               const void *code_delta, const void *visible_grad, intp start,
                               intp stop, void *out, int add)
{
    gradient_terms of_V, of_W;
    CHECK(batch->B == 1 && batch->ends_batch && !batch->sparse && (!next || next->B == 1));
    gradients(layer, batch, delta, code_delta, 0, &of_V, &of_W);
    if (layer->decoder.value && !layer->tied)
        step_outer(layer, solver, &layer->decoder, start, stop, &of_V, NULL, NULL, SET);
    step_outer(layer, solver, &layer->encoder, start, stop, &of_W, next ? next->shown : NULL, out,
               add ? ADD : SET);
    step_visible_bias(layer, solver, batch, visible_grad, start, stop);
}
