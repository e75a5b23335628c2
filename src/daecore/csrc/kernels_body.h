/* The kernels of one SIMD level for one real type. A unit sets
 *     REAL, REAL_IS_FLOAT, VECTOR_BYTES, VECTOR_REGISTERS and TABLE (the name of its table)
 * and includes this; everything but the table is static. */
#include "kernels.h"
#include "simd.h"
#include "tiles.h"
#include "activations.h"
#include "losses.h"
#include "corruption.h"
#include "solvers.h"

enum {
    BLOCK = DAE_BLOCK_BYTES / sizeof(REAL),
    LINE = 64 / sizeof(REAL), /* weights' rows are whole cache lines */
    BATCH_ROWS = 32 /* rows of the batch at a time: 16 KiB of H's block, as much of dH */
};

INLINE intp at_most(intp value, intp limit) { return value < limit ? value : limit; }
INLINE intp whole_lines(intp m) { return (m + LINE - 1) / LINE * LINE; }

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
    for (intp d0 = 0; d0 < n; d0 += DAE_SPAN) {
        *starts++ = count;
        for (intp d = d0; d < at_most(d0 + DAE_SPAN, n); d++) {
            columns[count] = (int32_t)d; /* no branch: what is no non-zero is written over */
            values[count] = x[d];
            count += x[d] != 0;
        }
    }
    *starts = count;
    return count;
}

static void show(const dae_data *data, const dae_network *net, const dae_batch *batch, intp first,
                 intp last)
{
    const intp n = net->n_features;
    for (intp b = first; b < last; b++) {
        REAL *out = (REAL *)batch->shown + b * batch->shown_stride;
        const intp row = batch->rows[b];
        if (data->corrupted || data->corruption.kind == DAE_NONE) {
            const REAL *from = data->corrupted ? data->corrupted : data->clean;
            memcpy(out, from + row * n, (size_t)n * sizeof(REAL));
        } else
            corrupt_row(&data->corruption, data->clean, n, row, out);
        if (batch->row_count)
            batch->row_count[b] = find_nonzero(out, n, batch->row_columns + b * (n + 1),
                                               (REAL *)batch->row_values + b * (n + 1),
                                               batch->row_starts + b * (n / DAE_SPAN + 2));
    }
}

/* How many of the `count` ascending columns are below d. */
INLINE intp columns_below(const int32_t *columns, intp count, intp d)
{
    intp low = 0, high = count;
    while (low < high) {
        const intp middle = (low + high) / 2;
        if (columns[middle] < d)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void transpose(const dae_network *net, const dae_batch *batch, intp first, intp last)
{
    const intp n = net->n_features, B = batch->B;
    memset(batch->column_count + first, 0, (size_t)(last - first) * sizeof(int32_t));
    for (intp b = 0; b < B; b++) {
        const int32_t *columns = batch->row_columns + b * (n + 1);
        const REAL *values = (const REAL *)batch->row_values + b * (n + 1);
        const intp count = batch->row_count[b];
        for (intp i = columns_below(columns, count, first); i < count && columns[i] < last; i++) {
            const intp d = columns[i], at = d * B + batch->column_count[d]++;
            batch->column_rows[at] = (int32_t)b;
            ((REAL *)batch->column_values)[at] = values[i];
        }
    }
}

/* ---------------------------------------------------------------- encode */

/* code[:, J] (+)= shown[:, D] W[D, J], with D = [d0, d1) made of whole spans */
static void accumulate_code(const dae_network *net, const dae_batch *batch, intp d0, intp d1,
                            intp first, intp last)
{
    const intp n = net->n_features, stride = net->stride;
    const REAL *W = (const REAL *)net->encoder.value + first;
    REAL *code = (REAL *)batch->code + first;
    if (!batch->sparse) {
        const factors f = {d1 - d0, (const REAL *)batch->shown + d0, batch->shown_stride, 1,
                           W + d0 * stride, stride};
        outer_product(batch->B, last - first, &f, 1, code, stride, d0 > 0);
        return;
    }
    for (intp b = 0; b < batch->B; b++) {
        const int32_t *columns = batch->row_columns + b * (n + 1);
        const REAL *values = (const REAL *)batch->row_values + b * (n + 1);
        const int32_t *starts = batch->row_starts + b * (n / DAE_SPAN + 2) + d0 / DAE_SPAN;
        const intp from = starts[0], to = starts[(d1 - d0 + DAE_SPAN - 1) / DAE_SPAN];
        if (d0 == 0)
            memset(code + b * stride, 0, (size_t)(last - first) * sizeof(REAL));
        sparse_product(last - first, to - from, columns + from, values + from, W, stride,
                       code + b * stride);
    }
}

/* code[:, J] <- g1(code[:, J] + b[J]), padding 0 */
static void finish_code(const dae_network *net, const dae_batch *batch, intp first, intp last)
{
    const REAL *bias = net->hidden_bias.value;
    for (intp b = 0; b < batch->B; b++) {
        REAL *code = (REAL *)batch->code + b * net->stride;
        for (intp j = first; j < last; j += LANES) {
            const intp count = at_most(net->n_hidden - j, LANES);
            vec h = {0};
            if (count > 0) {
                const vec a = load(code + j) + load_part(bias + j, count);
                store_part((REAL *)&h, activate(net->activation, a), count);
            }
            store(code + j, h);
        }
    }
}

static void encode(const dae_network *net, const dae_batch *batch, intp first, intp last)
{
    for (intp d = 0; d < net->n_features; d += DAE_SPAN)
        accumulate_code(net, batch, d, at_most(d + DAE_SPAN, net->n_features), first, last);
    finish_code(net, batch, first, last);
}

/* ---------------------------------------------------------------- decode */

/* z[:, D] <- code V[D, :]^T for at most DAE_UNIT features; z + last rounded up to 4 is written */
static void pre_decode(const dae_network *net, intp B, const REAL *code, intp first, intp last,
                       REAL *z, intp z_stride)
{
    const intp J = whole_lines(net->n_hidden);
    const REAL *V = net->decoder.value;
    /* the unit's 16 rows of V stay in the L1 cache while the rows of the batch pass by */
    for (intp b = 0, rows; b < B; b += rows) {
        rows = even_tile(B - b, DOT_MAX_ROWS);
        for (intp d = first; d < last; d += 4) {
            const REAL *w[4];
            for (intp p = 0; p < 4; p++)
                w[p] = V + at_most(d + p, last - 1) * net->stride;
            dot_product(rows, J, code + b * net->stride, net->stride, w, z + b * z_stride + d,
                        z_stride);
        }
    }
}

static void decode(const dae_network *net, intp B, const void *code, intp first, intp last, void *z,
                   intp z_stride)
{
    const REAL *bias = net->visible_bias.value;
    REAL unit[BATCH_ROWS * DAE_UNIT];
    for (intp b0 = 0; b0 < B; b0 += BATCH_ROWS) {
        const intp rows = at_most(B - b0, BATCH_ROWS);
        for (intp d = first; d < last; d += DAE_UNIT) {
            const intp end = at_most(d + DAE_UNIT, last);
            pre_decode(net, rows, (const REAL *)code + b0 * net->stride, d, end, unit - d, DAE_UNIT);
            for (intp b = 0; b < rows; b++) {
                REAL *out = (REAL *)z + (b0 + b) * z_stride;
                for (intp e = d; e < end; e += LANES) {
                    const vec a = load(unit + b * DAE_UNIT + e - d) + load_part(bias + e, end - e);
                    store_part(out + e, activate(net->decoder_activation, a), end - e);
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

static void decode_delta(const dae_data *data, const dae_network *net, const dae_batch *batch,
                         intp first, intp last, void *delta, void *visible_grad, double *loss)
{
    const intp n = net->n_features, B = batch->B, stride = batch->shown_stride;
    const REAL *bias = net->visible_bias.value, *weight = data->weight;
    const REAL inverse_B = 1 / (REAL)B;
    REAL grad[DAE_UNIT] = {0};
    dvec loss_sum = {0};
    CHECK(last - first <= DAE_UNIT);
    for (intp b0 = 0; b0 < B; b0 += BATCH_ROWS) {
        const intp b1 = at_most(b0 + BATCH_ROWS, B);
        for (intp b = b0; b < b1; b++)
            __builtin_prefetch((const REAL *)data->clean + batch->rows[b] * n + first);
        pre_decode(net, b1 - b0, (const REAL *)batch->code + b0 * net->stride, first, last,
                   (REAL *)delta + b0 * stride, stride);
        for (intp d = first; d < last; d += LANES) {
            const intp count = at_most(last - d, LANES);
            const vec b_star = load_part(bias + d, count);
            vec grad_sum = load(grad + d - first), part = {0};
            for (intp b = b0; b < b1; b++) {
                const intp row = batch->rows[b];
                const REAL w = weight ? weight[row] : 1;
                REAL *out = (REAL *)delta + b * stride + d;
                const vec a = load(out) + b_star;
                const vec x = load_part((const REAL *)data->clean + row * n + d, count);
                vec by_a;
                part += w * loss_and_delta(net->loss, net->decoder_activation, a, x, &by_a);
                by_a *= w * inverse_B;
                grad_sum += by_a;
                store(out, by_a); /* what is written past `last` lies in the row's padding */
                if (b % 8 == 7 || b == b1 - 1) { /* eight terms a lane, then on in double */
                    loss_sum += as_double(keep(part, count));
                    part = (vec){0};
                }
            }
            store(grad + d - first, grad_sum);
        }
    }
    memcpy((REAL *)visible_grad + first, grad, (size_t)(last - first) * sizeof(REAL));
    *loss = sum_lanes(loss_sum);
}

static void row_losses(const dae_network *net, intp B, const void *clean, const void *code,
                       intp first, intp last, void *scratch, double *row_loss)
{
    const intp n = net->n_features;
    const REAL *bias = net->visible_bias.value;
    REAL *unit = scratch; /* (B, DAE_UNIT) */
    CHECK(last - first <= DAE_UNIT);
    pre_decode(net, B, code, first, last, unit - first, DAE_UNIT);
    for (intp b = 0; b < B; b++) {
        dvec sum = {0};
        for (intp d = first; d < last; d += LANES) {
            const intp count = at_most(last - d, LANES);
            const vec a = load(unit + b * DAE_UNIT + d - first) + load_part(bias + d, count);
            const vec x = load_part((const REAL *)clean + b * n + d, count);
            vec by_a;
            const vec entry = loss_and_delta(net->loss, net->decoder_activation, a, x, &by_a);
            sum += as_double(keep(entry, count));
        }
        row_loss[b] += sum_lanes(sum);
    }
}

/* ---------------------------------------------------------------- update */

static intp scratch_size(intp B) { return (B + DAE_SPAN) * BLOCK; }

/* The gradient of a weight array is a sum of products left^T right over the batch, in a block of
 * columns: dZ^T H[:, J] for V, X^T dH[:, J] for W, both where they are one. */
typedef struct {
    intp B;
    int count;
    struct {
        const REAL *left, *right; /* (B, n), (B, width) */
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

/* G (d1 - d0, BLOCK) <- rows d0:d1 of the gradient. BATCH_ROWS rows of the right factors at a time
 * serve all of G while they are in the L1 cache. */
static void weight_gradient(const gradient_terms *terms, intp d0, intp d1, intp width, REAL *G)
{
    if (terms->count == 0)
        memset(G, 0, sizeof(REAL) * (size_t)((d1 - d0) * BLOCK));
    for (intp b = 0; b < terms->B; b += BATCH_ROWS) {
        factors f[2];
        for (int i = 0; i < terms->count; i++) {
            const intp left = terms->term[i].left_stride, right = terms->term[i].right_stride;
            f[i] = (factors){at_most(terms->B - b, BATCH_ROWS),
                             terms->term[i].left + b * left + d0, 1, left,
                             terms->term[i].right + b * right, right};
        }
        if (terms->count)
            outer_product(d1 - d0, width, f, terms->count, G, BLOCK, b > 0);
    }
}

/* G (d1 - d0, BLOCK) += X[:, d0:d1]^T dH[:, J] by the lists of X's non-zeros */
static void add_sparse_gradient(const dae_batch *batch, intp d0, intp d1, intp width,
                                const REAL *dH, REAL *G)
{
    for (intp d = d0; d < d1; d++) {
        const intp at = d * batch->B;
        sparse_product(width, batch->column_count[d], batch->column_rows + at,
                       (const REAL *)batch->column_values + at, dH, BLOCK, G + (d - d0) * BLOCK);
    }
}

/* rows [d0, d1) of a weight array, columns [first, first + width), by the gradient G; for a batch of
 * one row (no G) straight from its terms, an outer product each */
INLINE void step_rows_by(const int kind, const dae_network *net, const dae_update *solver,
                         const dae_parameter *p, intp d0, intp d1, intp first, intp width,
                         const gradient_terms *terms, const REAL *G)
{
    const REAL alpha = (REAL)solver->alpha;
    const int two = terms->count == 2;
    const REAL *left0 = terms->term[0].left, *right0 = terms->term[0].right;
    const REAL *left1 = two ? terms->term[1].left : left0, *right1 = two ? terms->term[1].right : right0;
    for (intp d = d0; d < d1; d++) {
        const intp at = d * net->stride + first;
        REAL *w = (REAL *)p->value + at, *m1 = (REAL *)p->moment1 + at, *m2 = (REAL *)p->moment2 + at;
        if (G) {
            for (intp j = 0; j < width; j += LANES)
                solver_step(kind, solver, w + j, m1 + j, m2 + j,
                            load(G + (d - d0) * BLOCK + j) + alpha * load(w + j), LANES);
            continue;
        }
        const REAL x0 = left0[d], x1 = two ? left1[d] : 0;
        for (intp j = 0; j < width; j += LANES) {
            const vec g = x0 * load(right0 + j) + x1 * load(right1 + j);
            solver_step(kind, solver, w + j, m1 + j, m2 + j, g + alpha * load(w + j), LANES);
        }
    }
}

static void step_rows(const dae_network *net, const dae_update *solver, const dae_parameter *p,
                      intp d0, intp d1, intp first, intp width, const gradient_terms *terms,
                      const REAL *G)
{
    switch (solver->kind) {
#define CASE(KIND)                                                                                 \
    case KIND: step_rows_by(KIND, net, solver, p, d0, d1, first, width, terms, G); break;
        CASE(DAE_SGD) CASE(DAE_MOMENTUM) CASE(DAE_NESTEROV) CASE(DAE_ADAM)
#undef CASE
    }
}

/* elements [first, last) of a bias by their gradient */
static void step_bias(const dae_update *solver, const dae_parameter *p, intp first, intp last,
                      const REAL *gradient)
{
    REAL *w = p->value, *m1 = p->moment1, *m2 = p->moment2;
    for (intp i = first; i < last; i += LANES) {
        const intp count = at_most(last - i, LANES);
        solver_step(solver->kind, solver, w + i, m1 + i, m2 + i,
                    load_part(gradient + i - first, count), count);
    }
}

/* dH[:, J] = (dZ V[:, J]) * g1'(H[:, J]), and the step of b[J] */
static void code_delta(const dae_network *net, const dae_update *solver, const dae_batch *batch,
                       const REAL *dZ, intp first, intp last, REAL *dH)
{
    const intp n = net->n_features, stride = net->stride, width = last - first;
    for (intp d = 0; d < n; d += DAE_SPAN) {
        const factors f = {at_most(n - d, DAE_SPAN), dZ + d, batch->shown_stride, 1,
                           (const REAL *)net->decoder.value + d * stride + first, stride};
        outer_product(batch->B, width, &f, 1, dH, BLOCK, d > 0);
    }
    REAL bias_grad[BLOCK] = {0};
    for (intp b = 0; b < batch->B; b++)
        for (intp j = 0; j < width; j += LANES) {
            REAL *out = dH + b * BLOCK + j;
            const vec h = load((const REAL *)batch->code + b * stride + first + j);
            const vec by_a = load(out) * slope(net->activation, h);
            store(out, by_a);
            store(bias_grad + j, load(bias_grad + j) + by_a);
        }
    step_bias(solver, &net->hidden_bias, first, at_most(last, net->n_hidden), bias_grad);
}

static void update(const dae_network *net, const dae_update *solver, const dae_batch *batch,
                   const dae_batch *next, const void *delta, intp first, intp last, void *scratch)
{
    const intp n = net->n_features, B = batch->B, width = last - first, ld = batch->shown_stride;
    const REAL *H = (const REAL *)batch->code + first;
    REAL *dH = scratch, *G = B > 1 ? dH + B * BLOCK : NULL;

    gradient_terms of_V = {.B = B}, of_W = {.B = B};
    add_term(net->tied ? &of_W : &of_V, delta, ld, H, net->stride);
    if (!batch->sparse)
        add_term(&of_W, batch->shown, ld, dH, BLOCK);

    code_delta(net, solver, batch, delta, first, last, dH);
    intp begun = 0; /* features that the next code has yet to see, up to d1 */
    for (intp d0 = 0; d0 < n; d0 += DAE_SPAN) {
        const intp d1 = at_most(d0 + DAE_SPAN, n);
        if (!net->tied) {
            if (G)
                weight_gradient(&of_V, d0, d1, width, G);
            step_rows(net, solver, &net->decoder, d0, d1, first, width, &of_V, G);
        }
        if (G)
            weight_gradient(&of_W, d0, d1, width, G);
        if (batch->sparse)
            add_sparse_gradient(batch, d0, d1, width, dH, G);
        step_rows(net, solver, &net->encoder, d0, d1, first, width, &of_W, G);
        /* The next code, with these rows of W still in the cache. Lists want several spans at a
         * time: each start and end of a short loop costs what ten terms do. */
        if (next->B > 0 && (!next->sparse || d1 == n || d1 % (4 * DAE_SPAN) == 0)) {
            accumulate_code(net, next, begun, d1, first, last);
            begun = d1;
        }
    }
    if (next->B > 0)
        finish_code(net, next, first, last);
}

static void update_visible_bias(const dae_network *net, const dae_update *solver,
                                const void *visible_grad, intp first, intp last)
{
    step_bias(solver, &net->visible_bias, first, last, (const REAL *)visible_grad + first);
}

const dae_kernels TABLE = {.show = show,
                           .transpose = transpose,
                           .encode = encode,
                           .decode = decode,
                           .decode_delta = decode_delta,
                           .row_losses = row_losses,
                           .update = update,
                           .update_visible_bias = update_visible_bias,
                           .scratch_size = scratch_size,
                           .block = BLOCK,
                           .line = LINE};
