/* The kernels of one SIMD level for one real type. A unit sets
 *     REAL, REAL_IS_FLOAT, VECTOR_BYTES, VECTOR_REGISTERS, MATRIX_TILES (whether large batches go
 *     through the matrix unit) and TABLE (the name of its table)
 * and includes this; everything but the table is static. */
#include <math.h>

#include "kernels.h"
#include "simd.h"
#include "tiles.h"
#if MATRIX_TILES
#include "matrix_tiles.h"
#endif
#include "activations.h"
#include "losses.h"
#include "corruption.h"
#include "solvers.h"

enum {
    LINE = 64 / sizeof(REAL), /* weights' rows are whole cache lines */
    /* A gradient is made for a block of SPAN rows and BLOCK columns of the weights, from BATCH_ROWS
     * rows of the batch at a time: 16 KiB of H and as much of dH serve 48 KiB of gradient. At batch
     * 512 (784-500, one thread) this is 5 to 10 % faster than half the block and twice the rows. */
    SPAN = 96,
    BLOCK = 512 / sizeof(REAL),
    BATCH_ROWS = 32,
    RUN = 384,     /* rows of the weights in one run of a sum: 192 KiB of a block */
    /* features, and rows of the batch, decoded at a time: the outputs stay in the L1 cache */
    STEP = MATRIX_TILES ? 2 * DAE_UNIT : DAE_UNIT,
    CODE_ROWS = MATRIX_TILES ? DAE_PIECE : 64
};

INLINE intp whole_lines(intp m) { return (m + LINE - 1) / LINE * LINE; }
INLINE intp units(intp n) { return (n + DAE_UNIT - 1) / DAE_UNIT; }
INLINE intp list_room(intp n) { return n + DAE_UNIT; }
_Static_assert(DAE_UNIT % LANES == 0, "a vector of features belongs to one unit");

/* ---------------------------------------------------------------- the corrupted batch */

/* Columns and values of the non-zeros of row x; -1 if more than half of them are. */
static int32_t find_nonzero(const REAL *x, intp n, int32_t *restrict columns, REAL *restrict values,
                            int32_t *restrict starts)
{
    int32_t count = 0;
    for (intp d = 0; d < n; d++)
        count += x[d] != 0;
    if (2 * (intp)count > n)
        return -1;
    count = 0;
    for (intp d = 0; d < n; d += LANES) {
        if (d % DAE_UNIT == 0)
            *starts++ = count;
        count += pick_nonzero(load_part(x + d, n - d), (int32_t)d, columns + count, values + count);
    }
    *starts = count;
    return count;
}

static void show(const dae_data *data, const dae_layer *layer, const dae_batch *batch, intp first,
                 intp last)
{
    const intp n = layer->n_features;
    for (intp b = first; b < last; b++) {
        REAL *out = (REAL *)batch->shown + b * batch->shown_stride;
        const intp row = batch->rows[b];
        if (data->corrupted || data->corruption.kind == DAE_NONE) {
            const REAL *from = data->corrupted ? data->corrupted : data->clean;
            memcpy(out, from + row * n, (size_t)n * sizeof(REAL));
        } else
            corrupt_row(&data->corruption, data->clean, n, row, out);
        if (batch->entry_weight)
            weigh_entries(data, n, row, out,
                          (REAL *)batch->entry_weight + b * batch->shown_stride);
        if (batch->row_count)
            batch->row_count[b] = find_nonzero(out, n, batch->row_columns + b * list_room(n),
                                               (REAL *)batch->row_values + b * list_room(n),
                                               batch->row_starts + b * (units(n) + 1));
    }
}

static void transpose(const dae_layer *layer, const dae_batch *batch, intp first, intp last)
{
    const intp n = layer->n_features, B = batch->B;
    memset(batch->column_count + first, 0, (size_t)(last - first) * sizeof(int32_t));
    for (intp b = 0; b < B; b++) {
        const int32_t *columns = batch->row_columns + b * list_room(n);
        const REAL *values = (const REAL *)batch->row_values + b * list_room(n);
        const int32_t *starts = batch->row_starts + b * (units(n) + 1);
        for (intp i = starts[first / DAE_UNIT]; i < starts[units(last)]; i++) {
            const intp d = columns[i], at = d * B + batch->column_count[d]++;
            batch->column_rows[at] = (int32_t)b;
            ((REAL *)batch->column_values)[at] = values[i];
        }
    }
}

/* ---------------------------------------------------------------- encode */

/* out[:, J] by `mode` A[:, D] W[D, J]; A (B, n) like the shown rows, W with the network's stride */
INLINE void project_rows(const dae_layer *layer, const dae_batch *batch, const REAL *A,
                         const REAL *W, intp first, intp last, REAL *out, enum product_mode mode)
{
    const intp B = batch->B, A_stride = batch->shown_stride;
    const intp stride = layer->stride, width = whole_lines(layer->n_hidden);
#if MATRIX_TILES
    /* what is added here by one thread is set by another, so both have to go the same way */
    const intp terms = last - first;
    if (batch->packed &&
        (terms <= RUN_BLOCKS * DEPTH || (mode == SET && terms == layer->n_features))) {
        matrix_project(B, A, A_stride, W, stride, first, last, width, out, mode == ADD,
                       batch->scratch);
        return;
    }
#endif
    /* a sum that is to be added must be whole; else it is made of runs that find W in the cache */
    const intp run = mode == ADD ? last - first : at_most(last - first, RUN);
    for (intp d = first; d < last; d += run)
        for (intp j = 0; j < width; j += BLOCK) {
            const factors f = {at_most(last - d, run), A + d, A_stride, 1, W + d * stride + j, stride};
            outer_product(B, at_most(width - j, BLOCK), &f, 1, out + j, stride,
                          (epilogue){.mode = d > first ? CONTINUE : mode});
        }
}

static void project(const dae_layer *layer, const dae_batch *batch, intp first, intp last, void *out,
                    int add)
{
    const intp n = layer->n_features, stride = layer->stride, width = whole_lines(layer->n_hidden);
    const enum product_mode mode = add ? ADD : SET;
    if (!batch->sparse) {
        project_rows(layer, batch, batch->shown, layer->encoder.value, first, last, out, mode);
        return;
    }
    for (intp j = 0; j < width; j += BLOCK)
        for (intp b = 0; b < batch->B; b++) {
            const int32_t *starts = batch->row_starts + b * (units(n) + 1);
            const intp from = starts[first / DAE_UNIT], to = starts[units(last)];
            sparse_product(at_most(width - j, BLOCK), to - from,
                           batch->row_columns + b * list_room(n) + from,
                           (const REAL *)batch->row_values + b * list_room(n) + from,
                           (const REAL *)layer->encoder.value + j, stride,
                           (REAL *)out + b * stride + j, mode);
        }
}

/* Element `at` of a sum that may be in two halves, the second NULL if it is not. */
INLINE vec whole_sum(const void *sum, const void *more, intp at)
{
    const vec half = load((const REAL *)sum + at);
    return more ? half + load((const REAL *)more + at) : half;
}

static void finish_code(const dae_layer *layer, const dae_batch *batch, const void *sum,
                        const void *more, intp first, intp last)
{
    const REAL *bias = layer->hidden_bias.value;
    for (intp b = 0; b < batch->B; b++) {
        REAL *code = (REAL *)batch->code + b * layer->stride;
        for (intp j = first; j < last; j += LANES) {
            const intp count = at_most(layer->n_hidden - j, LANES);
            vec h = {0};
            if (count > 0) {
                const vec a = whole_sum(sum, more, b * layer->stride + j) + load_part(bias + j, count);
                store_part((REAL *)&h, activate(layer->activation, a), count);
            }
            store(code + j, h);
        }
    }
}

static void add(const dae_layer *layer, intp B, void *into, const void *from, intp first, intp last)
{
    for (intp b = 0; b < B; b++) {
        REAL *c = (REAL *)into + b * layer->stride;
        const REAL *x = (const REAL *)from + b * layer->stride;
        for (intp j = first; j < last; j += LANES)
            store(c + j, load(c + j) + load(x + j));
    }
}

/* ---------------------------------------------------------------- decode */

/* z (rows, STEP) <- code V[D, :]^T for at most CODE_ROWS rows of the batch from b0 on and at most STEP
 * features, without bias; up to a multiple of 4 columns */
static void pre_decode(const dae_layer *layer, const dae_batch *batch, const REAL *V,
                       const REAL *code, intp b0, intp rows, intp first, intp last, REAL *z)
{
    const intp J = whole_lines(layer->n_hidden), stride = layer->stride;
    CHECK(rows <= CODE_ROWS && last - first <= STEP);
#if MATRIX_TILES
    if (batch->packed) {
        CHECK(b0 == 0 && rows == batch->B);
        matrix_dot(layer, batch, code, V + first * stride, last - first, z);
        return;
    }
#endif
    (void)batch;
    /* the STEP rows of V stay in the L1 cache while the rows of the batch pass by */
    for (intp b = 0, step; b < rows; b += step) {
        step = even_tile(rows - b, DOT_MAX_ROWS);
        for (intp d = first; d < last; d += 4) {
            const REAL *w[4];
            for (intp p = 0; p < 4; p++)
                w[p] = V + at_most(d + p, last - 1) * stride;
            dot_product(step, J, code + (b0 + b) * stride, stride, w, z + b * STEP + d - first, STEP);
        }
    }
}

static void decode(const dae_layer *layer, const dae_batch *batch, const void *code, intp first,
                   intp last, void *z, intp z_stride)
{
    const intp B = batch->B;
    const REAL *bias = layer->visible_bias.value;
    REAL outputs[CODE_ROWS * STEP] = {0}; /* the last may leave columns of it unwritten */
    for (intp b0 = 0; b0 < B; b0 += CODE_ROWS) {
        const intp rows = at_most(B - b0, CODE_ROWS);
        for (intp d = first; d < last; d += STEP) {
            const intp end = at_most(d + STEP, last);
            pre_decode(layer, batch, layer->decoder.value, code, b0, rows, d, end, outputs);
            for (intp b = 0; b < rows; b++) {
                REAL *out = (REAL *)z + (b0 + b) * z_stride;
                for (intp e = d; e < end; e += LANES) {
                    const vec a = load(outputs + b * STEP + e - d) + load_part(bias + e, end - e);
                    store_part(out + e, activate(layer->decoder_activation, a), end - e);
                }
            }
        }
    }
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
INLINE vec keep(vec v, intp count)
{
    if (count >= LANES)
        return v;
    vec kept = {0};
    memcpy(&kept, &v, (size_t)count * sizeof(REAL));
    return kept;
}

/* The rows [b0, b1) of sweep 1 in columns [d, d + count) of one vector, their pre-activations without
 * bias in z (b1 - b0, STEP): returns the sum of their losses, adds up their deltas in `grad`. */
INLINE double compare(const dae_data *data, const dae_layer *layer, const dae_batch *batch, intp b0,
                      intp b1, intp d, intp count, const REAL *z, REAL *delta, REAL *grad)
{
    const intp n = layer->n_features, stride = batch->shown_stride;
    const REAL *weight = data->weight, inverse_B = 1 / (REAL)batch->whole;
    const vec b_star = load_part((const REAL *)layer->visible_bias.value + d, count);
    vec grad_sum = load(grad), part = {0};
    dvec loss_sum = {0};
    for (intp b = b0; b < b1; b++) {
        const intp row = batch->rows[b];
        const REAL row_weight = weight ? weight[row] : 1;
        const vec w = batch->entry_weight
                          ? row_weight * load((const REAL *)batch->entry_weight + b * stride + d)
                          : broadcast(row_weight);
        const vec a = load(z + (b - b0) * STEP) + b_star;
        const vec x = load_part((const REAL *)data->clean + row * n + d, count);
        vec by_a;
        part += w * loss_and_delta(layer->loss, layer->decoder_activation, a, x, &by_a);
        by_a *= w * inverse_B;
        grad_sum += by_a;
        store(delta + b * stride + d, by_a); /* what is behind `count` lies in the row's padding */
        if (b % 8 == 7 || b == b1 - 1) {     /* eight terms a lane, then on in double */
            loss_sum += as_double(keep(part, count));
            part = (vec){0};
        }
    }
    store(grad, grad_sum);
    return sum_lanes(loss_sum);
}

static void decode_delta(const dae_data *data, const dae_layer *layer, const dae_batch *batch,
                         intp first, intp last, void *delta, void *visible_grad, double *loss)
{
    const intp stride = batch->shown_stride, B = batch->B;
    REAL z[CODE_ROWS * STEP];
    memset(loss, 0, (size_t)units(last - first) * sizeof(double));
    for (intp d0 = first; d0 < last; d0 += STEP) {
        const intp d1 = at_most(d0 + STEP, last);
        REAL grad[STEP] = {0};
        if (d1 - d0 < STEP) /* columns of it stay unwritten */
            memset(z, 0, sizeof z);
        if (!batch->first)
            memcpy(grad, (const REAL *)visible_grad + d0, (size_t)(d1 - d0) * sizeof(REAL));
        for (intp b0 = 0; b0 < B; b0 += CODE_ROWS) {
            const intp b1 = at_most(b0 + CODE_ROWS, B);
            for (intp b = b0; b < b1; b++) {
                const REAL *x = (const REAL *)data->clean + batch->rows[b] * layer->n_features;
                for (intp d = d0; d < d1; d += LINE) {
                    __builtin_prefetch(x + d); /* the user's rows may begin anywhere in a line */
                    __builtin_prefetch((REAL *)delta + b * stride + d, 1);
                }
                __builtin_prefetch(x + d1 - 1);
            }
            pre_decode(layer, batch, layer->decoder.value, batch->decoded, b0, b1 - b0, d0, d1, z);
            for (intp d = d0; d < d1; d += LANES)
                loss[(d - first) / DAE_UNIT] +=
                    compare(data, layer, batch, b0, b1, d, at_most(d1 - d, LANES), z + d - d0, delta,
                            grad + d - d0);
        }
        memcpy((REAL *)visible_grad + d0, grad, (size_t)(d1 - d0) * sizeof(REAL));
    }
}

static void output_delta(const dae_data *data, const dae_layer *layer, const dae_batch *batch,
                         intp first, intp last, void *delta, double *loss)
{
    const intp C = layer->n_hidden;
    const REAL inverse_B = 1 / (REAL)batch->whole;
    for (intp b = first; b < last; b++) {
        const REAL *a = (const REAL *)batch->code + b * layer->stride;
        const intp row = batch->rows[b];
        const REAL w = data->weight ? ((const REAL *)data->weight)[row] : 1;
        REAL *out = (REAL *)delta + b * layer->stride;
        dvec sum = {0};
        if (layer->loss != DAE_SOFTMAX_LOG_LOSS) {
            const REAL *y = (const REAL *)data->target + row * C;
            for (intp j = 0; j < C; j += LANES) {
                const intp count = at_most(C - j, LANES);
                vec by_a;
                const vec entry = loss_and_delta(layer->loss, DAE_IDENTITY, load(a + j),
                                                 load_part(y + j, count), &by_a);
                sum += as_double(keep(entry, count));
                store(out + j, keep(by_a * (w * inverse_B), count));
            }
            loss[b] = (double)w * sum_lanes(sum);
            continue;
        }
        /* softmax, the largest output taken off: E = log sum_j exp a_j - a_class */
        const intp target = data->classes[row];
        REAL largest = a[0];
        for (intp j = 1; j < C; j++)
            largest = a[j] > largest ? a[j] : largest;
        for (intp j = 0; j < C; j += LANES) {
            const vec e = keep(exponential(load(a + j) - largest), C - j);
            sum += as_double(e);
            store(out + j, e);
        }
        const double total = sum_lanes(sum);
        const REAL scale = (REAL)(1 / total);
        for (intp j = 0; j < C; j += LANES)
            store(out + j, load(out + j) * scale * (w * inverse_B));
        out[target] -= w * inverse_B;
        loss[b] = w * (log(total) - (double)(a[target] - largest));
    }
}

static void row_losses(const dae_layer *layer, const dae_batch *batch, const void *clean,
                       const void *entry_weight, const void *code, double *row_loss)
{
    const intp n = layer->n_features;
    const REAL *bias = layer->visible_bias.value;
    REAL outputs[CODE_ROWS * STEP] = {0}; /* the last may leave columns of it unwritten */
    for (intp d0 = 0; d0 < n; d0 += STEP)
        for (intp b0 = 0; b0 < batch->B; b0 += CODE_ROWS) {
            const intp b1 = at_most(b0 + CODE_ROWS, batch->B), d1 = at_most(d0 + STEP, n);
            pre_decode(layer, batch, layer->decoder.value, code, b0, b1 - b0, d0, d1, outputs);
            for (intp b = b0; b < b1; b++) {
                dvec sum = {0};
                for (intp d = d0; d < d1; d += LANES) {
                    const intp count = at_most(d1 - d, LANES);
                    const vec a = load(outputs + (b - b0) * STEP + d - d0) + load_part(bias + d, count);
                    const vec x = load_part((const REAL *)clean + b * n + d, count);
                    vec by_a;
                    vec entry = loss_and_delta(layer->loss, layer->decoder_activation, a, x, &by_a);
                    if (entry_weight)
                        entry *= load_part((const REAL *)entry_weight + b * n + d, count);
                    sum += as_double(keep(entry, count));
                }
                row_loss[b] += sum_lanes(sum);
            }
        }
}

/* ---------------------------------------------------------------- update */

INLINE void add_term(gradient_terms *terms, const REAL *left, intp left_stride, const REAL *right,
                     intp right_stride)
{
    const int i = terms->count++;
    terms->term[i].left = left;
    terms->term[i].left_stride = left_stride;
    terms->term[i].right = right;
    terms->term[i].right_stride = right_stride;
}

/* The products for rows d0:d1 of the gradient, from at most BATCH_ROWS rows of the batch: b and on */
INLINE void gradient_factors(const gradient_terms *terms, intp d0, intp b, factors f[2])
{
    for (int i = 0; i < terms->count; i++) {
        const intp left = terms->term[i].left_stride, right = terms->term[i].right_stride;
        f[i] = (factors){at_most(terms->B - b, BATCH_ROWS), terms->term[i].left + b * left + d0, 1,
                         left, terms->term[i].right + b * right, right};
    }
}

/* G (d1 - d0, ldg) <- rows d0:d1 of the gradient, or with `go_on` G + that. BATCH_ROWS rows of the right
 * factors at a time serve all of G while they are in the L1 cache. */
static void weight_gradient(const gradient_terms *terms, intp d0, intp d1, intp width, REAL *G,
                            intp ldg, int go_on)
{
    factors f[2];
    for (intp d = 0; terms->count == 0 && !go_on && d < d1 - d0; d++)
        memset(G + d * ldg, 0, sizeof(REAL) * (size_t)width);
    for (intp b = 0; terms->count && b < terms->B; b += BATCH_ROWS) {
        gradient_factors(terms, d0, b, f);
        outer_product(d1 - d0, width, f, terms->count, G, ldg,
                      (epilogue){.mode = b > 0 || go_on ? CONTINUE : SET});
    }
}

/* G (d1 - d0, ldg) += X[:, d0:d1]^T dH[:, J] by the lists of X's non-zeros */
static void add_sparse_gradient(const dae_batch *batch, intp d0, intp d1, intp width,
                                const REAL *dH, intp stride, REAL *G, intp ldg)
{
    for (intp d = d0; d < d1; d++) {
        const intp at = d * batch->B;
        if (batch->column_count[d] == 0) /* a border pixel of MNIST; a hundredth of a step of 20 rows */
            continue;
        sparse_product(width, batch->column_count[d], batch->column_rows + at,
                       (const REAL *)batch->column_values + at, dH, stride, G + (d - d0) * ldg,
                       CONTINUE);
    }
}

/* rows [d0, d1) of a weight array, columns [first, first + width), by the gradient G */
INLINE void step_rows_by(const int kind, const dae_layer *layer, const dae_update *solver,
                         const dae_parameter *p, intp d0, intp d1, intp first, intp width,
                         const REAL *G, intp ldg)
{
    const REAL alpha = (REAL)solver->alpha;
    for (intp d = d0; d < d1; d++) {
        const intp at = d * layer->stride + first;
        REAL *w = (REAL *)p->value + at;
        REAL *m1 = p->moment1 ? (REAL *)p->moment1 + at : NULL;
        REAL *m2 = p->moment2 ? (REAL *)p->moment2 + at : NULL;
        for (intp j = 0; j < width; j += LANES)
            solver_step(kind, solver, w + j, m1 ? m1 + j : NULL, m2 ? m2 + j : NULL,
                        load(G + (d - d0) * ldg + j) + alpha * load(w + j), LANES);
    }
}

static void step_rows(const dae_layer *layer, const dae_update *solver, const dae_parameter *p,
                      intp d0, intp d1, intp first, intp width, const REAL *G, intp ldg)
{
    switch (solver->kind) {
#define CASE(KIND, NAME)                                                                           \
    case KIND: step_rows_by(KIND, layer, solver, p, d0, d1, first, width, G, ldg); break;
        FOR_EACH_SOLVER(CASE)
#undef CASE
    }
}

/* A batch of one row: NV vectors of columns, from j on, of rows [d0, d1) of a weight array. The gradient is
 * an outer product a term. The right factors stay in registers, and so does the sum of next[d] W[d, :]
 * over the moved weights, left in `out` by `mode` unless next is NULL. */
INLINE void step_columns(const int kind, const int decays, const int NV, const dae_layer *layer,
                         const dae_update *solver, const dae_parameter *p, intp d0, intp d1, intp j,
                         const gradient_terms *terms, const REAL *next, REAL *out, int mode)
{
    const int two = terms->count == 2;
    const REAL *left0 = terms->term[0].left, *left1 = two ? terms->term[1].left : left0;
    const REAL *right0 = terms->term[0].right + j, *right1 = two ? terms->term[1].right + j : right0;
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
                            p->moment2 ? (REAL *)p->moment2 + at + v * LANES : NULL, g + alpha * old, LANES);
            sum[v] += x * load(w + v * LANES);
        }
    }
    if (next)
        UNROLL for (int v = 0; v < NV; v++) {
            REAL *c = out + j + v * LANES;
            store(c, mode == ADD ? load(c) + sum[v] : sum[v]);
        }
}

INLINE void step_outer_by(const int kind, const int decays, const dae_layer *layer, const dae_update *solver,
                          const dae_parameter *p, intp d0, intp d1, const gradient_terms *terms,
                          const REAL *next, REAL *out, int mode)
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
 * projection: one pass over the weights. (784-500: 4 cycles a cache line of weights; two passes took 9.) */
static void step_outer(const dae_layer *layer, const dae_update *solver, const dae_parameter *p, intp d0,
                       intp d1, const gradient_terms *terms, const REAL *next, REAL *out, int mode)
{
    switch (solver->kind) {
#define CASE(KIND, NAME)                                                                           \
    case KIND:                                                                                     \
        if (KIND == DAE_SGD && solver->alpha == 0)                                                 \
            step_outer_by(KIND, 0, layer, solver, p, d0, d1, terms, next, out, mode);              \
        else                                                                                       \
            step_outer_by(KIND, 1, layer, solver, p, d0, d1, terms, next, out, mode);              \
        break;
        FOR_EACH_SOLVER(CASE)
#undef CASE
    }
}

/* elements [first, last) of a bias by their gradient */
static void step_bias(const dae_update *solver, const dae_parameter *p, intp first, intp last,
                      const REAL *gradient)
{
    for (intp i = first; i < last; i += LANES) {
        const intp count = at_most(last - i, LANES);
        solver_step(solver->kind, solver, (REAL *)p->value + i,
                    p->moment1 ? (REAL *)p->moment1 + i : NULL,
                    p->moment2 ? (REAL *)p->moment2 + i : NULL,
                    load_part(gradient + i - first, count), count);
    }
}

/* The same with the last piece of a batch, the gradients of the pieces before added; else it is kept. */
static void finish_bias(const dae_batch *batch, const dae_update *solver, const dae_parameter *p,
                        intp first, intp last, REAL *gradient)
{
    REAL *kept = p->gradient;
    for (intp i = first; !batch->first && i < last; i++)
        gradient[i - first] += kept[i];
    if (batch->last)
        step_bias(solver, p, first, last, gradient);
    else
        memcpy(kept + first, gradient, (size_t)(last - first) * sizeof(REAL));
}

/* Gradient and step in one, for plain SGD and a small batch: what `weight_gradient` and `step_rows`
 * do, the same bits, but the gradient goes from the registers into the weights. That saves a twelfth
 * of a step of 20 rows at 784-500. */
static void descend_rows(const dae_layer *layer, const dae_update *solver, const dae_parameter *p,
                         intp d0, intp d1, intp first, intp width, const gradient_terms *terms)
{
    factors f[2];
    gradient_factors(terms, d0, 0, f);
    outer_product(d1 - d0, width, f, terms->count, (REAL *)p->value + d0 * layer->stride + first,
                  layer->stride,
                  (epilogue){DESCEND, (REAL)solver->learning_rate, (REAL)solver->alpha});
}

/* One array of weights in a block: its gradient and, with the last piece of a batch, its step. The
 * gradient is in G (SPAN, BLOCK), or where it is kept from piece to piece. */
INLINE void move_rows(const dae_layer *layer, const dae_update *solver, const dae_batch *batch,
                      const dae_parameter *p, intp d0, intp d1, intp first, intp width,
                      const gradient_terms *terms, const REAL *dH, REAL *G)
{
    intp ldg = BLOCK;
    if (p->gradient) {
        ldg = layer->stride;
        G = (REAL *)p->gradient + d0 * ldg + first;
    } else if (!dH && solver->kind == DAE_SGD && terms->B <= BATCH_ROWS) {
        descend_rows(layer, solver, p, d0, d1, first, width, terms);
        return;
    }
    weight_gradient(terms, d0, d1, width, G, ldg, !batch->first);
    if (dH)
        add_sparse_gradient(batch, d0, d1, width, dH, layer->stride, G, ldg);
    if (batch->last)
        step_rows(layer, solver, p, d0, d1, first, width, G, ldg);
}

static void project_delta(const dae_layer *layer, const dae_batch *batch, const void *delta,
                          intp first, intp last, void *out, int add)
{
    project_rows(layer, batch, delta, layer->decoder.value, first, last, out, add ? ADD : SET);
}

static void finish_delta(const dae_layer *layer, int activation, const dae_parameter *bias,
                         const dae_update *solver, const dae_batch *batch, const void *code,
                         const void *sum, const void *more, intp first, intp last, void *delta)
{
    for (intp j0 = first; j0 < last; j0 += BLOCK) {
        const intp j1 = at_most(j0 + BLOCK, last);
        REAL bias_grad[BLOCK] = {0};
        for (intp b = 0; b < batch->B; b++)
            for (intp j = j0; j < j1; j += LANES) {
                const intp at = b * layer->stride + j;
                const vec h = load((const REAL *)code + at);
                const vec by_a = whole_sum(sum, more, at) * slope(activation, h);
                store((REAL *)delta + at, by_a);
                store(bias_grad + j - j0, load(bias_grad + j - j0) + by_a);
            }
        finish_bias(batch, solver, bias, j0, at_most(j1, layer->n_hidden), bias_grad);
    }
}

static void pass_delta(const dae_layer *layer, const dae_layer *below, const dae_update *solver,
                       const dae_batch *batch, const void *code_delta, intp first, intp last,
                       void *delta)
{
    const intp B = batch->B, stride = batch->shown_stride;
    REAL z[CODE_ROWS * STEP] = {0}; /* the last may leave columns of it unwritten */
    for (intp d0 = first; d0 < last; d0 += STEP) {
        const intp d1 = at_most(d0 + STEP, last);
        REAL grad[STEP] = {0};
        for (intp b0 = 0; b0 < B; b0 += CODE_ROWS) {
            const intp rows = at_most(B - b0, CODE_ROWS);
            pre_decode(layer, batch, layer->encoder.value, code_delta, b0, rows, d0, d1, z);
            for (intp d = d0; d < d1; d += LANES) {
                const intp count = at_most(d1 - d, LANES);
                vec grad_sum = load(grad + d - d0);
                for (intp b = 0; b < rows; b++) {
                    const intp at = (b0 + b) * stride + d;
                    const vec h = load((const REAL *)batch->shown + at);
                    const vec by_a = load(z + b * STEP + d - d0) * slope(below->activation, h);
                    grad_sum += by_a;
                    store_part((REAL *)delta + at, by_a, count); /* the padding stays 0 */
                }
                store(grad + d - d0, grad_sum);
            }
        }
        finish_bias(batch, solver, &below->hidden_bias, d0, d1, grad);
    }
}

/* The terms of the gradients of V and of W in the columns from j on. */
INLINE void gradients(const dae_layer *layer, const dae_batch *batch, const void *delta,
                      const void *code_delta, intp j, gradient_terms *of_V, gradient_terms *of_W)
{
    const intp ld = batch->shown_stride;
    of_V->B = of_W->B = batch->B;
    of_V->count = of_W->count = 0;
    if (layer->decoder.value)
        add_term(layer->tied ? of_W : of_V, delta, ld, (const REAL *)batch->decoded + j, layer->stride);
    if (!batch->sparse)
        add_term(of_W, batch->shown, ld, (const REAL *)code_delta + j, layer->stride);
}

#if MATRIX_TILES
enum {
    TILE_BYTES = 2 * DAE_PIECE / DEPTH * PANEL, /* panels of both terms for 16 rows, or columns */
    RIGHT_BYTES = BLOCK / SIDE * TILE_BYTES,
    LEFT_BYTES = 16 * TILE_BYTES
};

/* The same by panels: for as many rows of the weights as LEFT_BYTES are enough for, by 32 rows and BLOCK
 * columns. */
static void move_packed(const dae_layer *layer, const dae_update *solver, const dae_batch *batch,
                        const dae_parameter *p, intp first, intp last, const gradient_terms *terms,
                        const REAL *dH)
{
    const intp width = whole_lines(layer->n_hidden);
    char *right = batch->scratch, *left = right + RIGHT_BYTES;
    REAL tiles[2 * SIDE * BLOCK] __attribute__((aligned(64)));
    /* in rows: as many as fit, shared out evenly, both by 32 */
    const intp pair = LEFT_BYTES / PANEL / (terms->count > 1 ? 2 : 1) / blocks_of(terms->B) / 2;
    const intp span = even_tile((last - first + 2 * SIDE - 1) / (2 * SIDE), pair) * 2 * SIDE;
    begin_tiles();
    for (intp d0 = first; d0 < last; d0 += span) {
        const intp d1 = at_most(d0 + span, last);
        pack_factors(terms, 1, d0, d1, left);
        for (intp j = 0; j < width; j += BLOCK) {
            const intp end = at_most(j + BLOCK, width);
            pack_factors(terms, 0, j, end, right);
            for (intp d = d0; d < d1; d += 2 * SIDE) {
                const intp rows = at_most(2 * SIDE, d1 - d), ldg = p->gradient ? layer->stride : BLOCK;
                REAL *G = p->gradient ? (REAL *)p->gradient + d * ldg + j : tiles;
                matrix_gradient(terms, left, d1 - d0, d - d0, rows, right, end - j, G, ldg,
                                !batch->first);
                if (dH)
                    add_sparse_gradient(batch, d, d + rows, end - j, dH + j, layer->stride, G, ldg);
                if (batch->last)
                    step_rows(layer, solver, p, d, d + rows, j, end - j, G, ldg);
            }
        }
    }
    end_tiles();
}
#endif

static void step_visible_bias(const dae_layer *layer, const dae_update *solver, const dae_batch *batch,
                              const REAL *gradient, intp first, intp last)
{
    if (gradient && batch->last)
        step_bias(solver, &layer->visible_bias, first, last, gradient + first);
}

static void update_and_project(const dae_layer *layer, const dae_update *solver, const dae_batch *batch,
                               const dae_batch *next, const void *delta, const void *code_delta,
                               const void *visible_grad, intp first, intp last, void *out, int add)
{
    gradient_terms of_V, of_W;
    CHECK(batch->B == 1 && batch->last && !batch->sparse && (!next || next->B == 1));
    gradients(layer, batch, delta, code_delta, 0, &of_V, &of_W);
    if (layer->decoder.value && !layer->tied)
        step_outer(layer, solver, &layer->decoder, first, last, &of_V, NULL, NULL, SET);
    step_outer(layer, solver, &layer->encoder, first, last, &of_W, next ? next->shown : NULL, out,
               add ? ADD : SET);
    step_visible_bias(layer, solver, batch, visible_grad, first, last);
}

static void update(const dae_layer *layer, const dae_update *solver, const dae_batch *batch,
                   const void *delta, const void *code_delta, const void *visible_grad, intp first,
                   intp last)
{
    const intp width = whole_lines(layer->n_hidden);
    const int two = layer->decoder.value && !layer->tied;
    REAL *G = batch->scratch;
    gradient_terms of_V, of_W;
    if (batch->B == 1 && !layer->encoder.gradient) {
        update_and_project(layer, solver, batch, NULL, delta, code_delta, visible_grad, first, last, NULL,
                           0);
        return;
    }
    intp d0 = first;
#if MATRIX_TILES
    if (batch->packed) {
        gradients(layer, batch, delta, code_delta, 0, &of_V, &of_W);
        if (two)
            move_packed(layer, solver, batch, &layer->decoder, first, last, &of_V, NULL);
        move_packed(layer, solver, batch, &layer->encoder, first, last, &of_W,
                    batch->sparse ? code_delta : NULL);
        d0 = last; /* all is done */
    }
#endif
    for (; d0 < last; d0 += SPAN)
        for (intp j = 0; j < width; j += BLOCK) {
            const intp d1 = at_most(d0 + SPAN, last), columns = at_most(width - j, BLOCK);
            gradients(layer, batch, delta, code_delta, j, &of_V, &of_W);
            if (two)
                move_rows(layer, solver, batch, &layer->decoder, d0, d1, j, columns, &of_V, NULL, G);
            move_rows(layer, solver, batch, &layer->encoder, d0, d1, j, columns, &of_W,
                      batch->sparse ? (const REAL *)code_delta + j : NULL, G);
        }
    step_visible_bias(layer, solver, batch, visible_grad, first, last);
}

#if MATRIX_TILES
enum { SCRATCH = (RIGHT_BYTES + LEFT_BYTES) / (int)sizeof(REAL) };
_Static_assert((int)(RIGHT_BYTES + LEFT_BYTES) >= (int)PROJECT_BYTES, "scratch is for both");
#else
enum { SCRATCH = SPAN * BLOCK };
#endif

const dae_kernels TABLE = {.show = show,
                           .transpose = transpose,
                           .decode_delta = decode_delta,
                           .project_delta = project_delta,
                           .output_delta = output_delta,
                           .finish_delta = finish_delta,
                           .pass_delta = pass_delta,
                           .update = update,
                           .update_and_project = update_and_project,
                           .project = project,
                           .finish_code = finish_code,
                           .add = add,
                           .decode = decode,
                           .row_losses = row_losses,
#if MATRIX_TILES
                           .pack = pack,
                           .packed_bytes = packed_bytes,
                           .packed_rows = 48,
#endif
                           .scratch_size = SCRATCH,
                           .line = LINE,
                           .columns = MATRIX_TILES ? 2 * LINE : LINE};
