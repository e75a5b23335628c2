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
    /* Rows of W that are updated, then used for the next code while they are in cache, and rows
     * of the batch summed at a time: two 24-32 KiB blocks. */
    UPDATE_ROWS = 96,
    BATCH_ROWS = 128
};

INLINE intp at_most(intp value, intp limit) { return value < limit ? value : limit; }
INLINE intp whole_lines(intp m) { return (m + LINE - 1) / LINE * LINE; }

/* ---------------------------------------------------------------- the corrupted batch */

/* Columns of the non-zeros of row x, or -1 if more than half of them are. */
static int32_t find_nonzero(const REAL *x, intp n, int32_t *columns)
{
    intp count = 0;
    for (intp d = 0; d < n; d++)
        count += x[d] != 0;
    if (2 * count > n)
        return -1;
    count = 0;
    for (intp d = 0; d < n; d++) {
        columns[count] = (int32_t)d;
        count += x[d] != 0;
    }
    return (int32_t)count;
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
        if (batch->n_nonzero)
            batch->n_nonzero[b] = find_nonzero(out, n, batch->nonzero + b * (n + 1));
    }
}

/* ---------------------------------------------------------------- encode */

/* code[:, J] (+)= shown[:, D] W[D, J] */
static void accumulate_code(const dae_network *net, const dae_batch *batch, intp d0, intp d1,
                            intp first, intp last, int accumulate)
{
    outer_product(batch->B, last - first, d1 - d0, (const REAL *)batch->shown + d0,
                  batch->shown_stride, 1, (const REAL *)net->encoder.value + d0 * net->stride + first,
                  net->stride, (REAL *)batch->code + first, net->stride, accumulate);
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
    for (intp d = 0; d < net->n_features; d += UPDATE_ROWS)
        accumulate_code(net, batch, d, at_most(d + UPDATE_ROWS, net->n_features), first, last, d > 0);
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
    CHECK(last - first <= DAE_UNIT);
    pre_decode(net, B, batch->code, first, last, delta, stride);
    dvec loss_sum = {0};
    for (intp d = first; d < last; d += LANES) {
        const intp count = at_most(last - d, LANES);
        const vec b_star = load_part(bias + d, count);
        vec grad = {0};
        for (intp b = 0; b < B; b++) {
            const intp row = batch->rows[b];
            const REAL w = weight ? weight[row] : 1;
            REAL *out = (REAL *)delta + b * stride + d;
            const vec a = load(out) + b_star;
            const vec x = load_part((const REAL *)data->clean + row * n + d, count);
            const vec entry = w * loss_entry(net->loss, net->decoder_activation, a, x);
            const vec by_a = (w / (REAL)B) * loss_delta(net->loss, net->decoder_activation, a, x);
            loss_sum += as_double(keep(entry, count));
            grad += by_a;
            store(out, by_a); /* what is written past `last` lies in the row's padding */
        }
        store_part((REAL *)visible_grad + d, grad, count);
    }
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
            sum += as_double(keep(loss_entry(net->loss, net->decoder_activation, a, x), count));
        }
        row_loss[b] += sum_lanes(sum);
    }
}

/* ---------------------------------------------------------------- update */

static intp scratch_size(intp B) { return (B + 2 * UPDATE_ROWS) * BLOCK; }

/* G (d1 - d0, BLOCK) (+)= A[:, d0:d1]^T C, both with B rows */
static void accumulate_gradient(intp B, const REAL *a, intp a_stride, intp d0, intp d1,
                                const REAL *c, intp c_stride, intp width, REAL *G, int accumulate)
{
    for (intp b = 0; b < B; b += BATCH_ROWS)
        outer_product(d1 - d0, width, at_most(B - b, BATCH_ROWS), a + b * a_stride + d0, 1, a_stride,
                      c + b * c_stride, c_stride, G, BLOCK, accumulate || b > 0);
}

/* rows d0:d1 of a weight array, columns first:last, by the gradient G */
static void step_rows(const dae_network *net, const dae_update *solver, const dae_parameter *p,
                      intp d0, intp d1, intp first, intp last, const REAL *G)
{
    const REAL alpha = (REAL)solver->alpha;
    for (intp d = d0; d < d1; d++) {
        const intp at = d * net->stride;
        REAL *w = (REAL *)p->value + at, *m1 = (REAL *)p->moment1 + at, *m2 = (REAL *)p->moment2 + at;
        for (intp j = first; j < last; j += LANES) {
            const vec g = load(G + (d - d0) * BLOCK + j - first) + alpha * load(w + j);
            solver_step(solver, w + j, m1 + j, m2 + j, g, LANES);
        }
    }
}

/* A bias by its gradient; `count` elements from `first`. */
static void step_bias(const dae_update *solver, const dae_parameter *p, intp first, intp last,
                      const REAL *gradient)
{
    REAL *w = p->value, *m1 = p->moment1, *m2 = p->moment2;
    for (intp i = first; i < last; i += LANES) {
        const intp count = at_most(last - i, LANES);
        solver_step(solver, w + i, m1 + i, m2 + i, load_part(gradient + i - first, count), count);
    }
}

static void update(const dae_network *net, const dae_update *solver, const dae_batch *batch,
                   const dae_batch *next, const void *delta, intp first, intp last, void *scratch)
{
    const intp n = net->n_features, B = batch->B, width = last - first, ld = batch->shown_stride;
    const REAL *H = (const REAL *)batch->code + first, *dZ = delta, *X = batch->shown;
    REAL *dH = scratch, *G = dH + B * BLOCK, *G_decoder = G + UPDATE_ROWS * BLOCK;

    /* dH[:, J] = (dZ V[:, J]) * g1' */
    for (intp d = 0; d < n; d += UPDATE_ROWS)
        outer_product(B, width, at_most(n - d, UPDATE_ROWS), dZ + d, ld, 1,
                      (const REAL *)net->decoder.value + d * net->stride + first, net->stride, dH,
                      BLOCK, d > 0);
    REAL bias_grad[BLOCK] = {0};
    for (intp b = 0; b < B; b++)
        for (intp j = 0; j < width; j += LANES) {
            REAL *out = dH + b * BLOCK + j;
            const vec by_a = load(out) * slope(net->activation, load(H + b * net->stride + j));
            store(out, by_a);
            store(bias_grad + j, load(bias_grad + j) + by_a);
        }
    step_bias(solver, &net->hidden_bias, first, at_most(last, net->n_hidden), bias_grad);

    /* W[D, J] and V[D, J] <- solver; then, with the rows still in cache, the next code */
    for (intp d0 = 0; d0 < n; d0 += UPDATE_ROWS) {
        const intp d1 = at_most(d0 + UPDATE_ROWS, n);
        REAL *gradient_of_V = net->tied ? G : G_decoder;
        accumulate_gradient(B, dZ, ld, d0, d1, H, net->stride, width, gradient_of_V, 0);
        accumulate_gradient(B, X, ld, d0, d1, dH, BLOCK, width, G, net->tied);
        if (!net->tied)
            step_rows(net, solver, &net->decoder, d0, d1, first, last, G_decoder);
        step_rows(net, solver, &net->encoder, d0, d1, first, last, G);
        if (next->B > 0)
            accumulate_code(net, next, d0, d1, first, last, d0 > 0);
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
                           .encode = encode,
                           .decode = decode,
                           .decode_delta = decode_delta,
                           .row_losses = row_losses,
                           .update = update,
                           .update_visible_bias = update_visible_bias,
                           .scratch_size = scratch_size,
                           .block = BLOCK};
