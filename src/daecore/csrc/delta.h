/* Derivatives of the loss by pre-activations, and the biases, which these are the gradients of. */

/* The rows [b0, b1) of sweep 1 in columns [d, d + count) of one vector, their pre-activations
 * without bias in z (b1 - b0, DECODE_FEATURES): returns the sum of their losses, adds up their
 * deltas in `grad`. */
INLINE double compare(const dae_data *data, const dae_layer *layer, const dae_batch *batch, intp b0,
                      intp b1, intp d, intp count, const REAL *z, REAL *delta, REAL *grad)
{
    const intp n = layer->n_features, stride = batch->shown_stride;
    const REAL *weight = data->weight, inverse_B = 1 / (REAL)batch->batch_size;
    const vec b_star = load_part((const REAL *)layer->visible_bias.value + d, count);
    vec grad_sum = load(grad), part = {0};
    dvec loss_sum = {0};
    for (intp b = b0; b < b1; b++) {
        const intp row = batch->rows[b];
        const REAL row_weight = weight ? weight[row] : 1;
        const vec w = batch->entry_weight
                          ? row_weight * load((const REAL *)batch->entry_weight + b * stride + d)
                          : broadcast(row_weight);
        const vec a = load(z + (b - b0) * DECODE_FEATURES) + b_star;
        const vec x = load_part(clean_row(data, batch, n, b) + d, count);
        vec by_a;
        part += w * loss_and_delta(layer->loss, layer->decoder_activation, a, x, &by_a);
        by_a *= w * inverse_B;
        grad_sum += by_a;
        store(delta + b * stride + d, by_a); /* what is behind `count` lies in the row's padding */
        if (b % 8 == 7 || b == b1 - 1) {     /* eight terms a lane, then on in double */
            loss_sum += as_double(zero_tail(part, count));
            part = (vec){0};
        }
    }
    store(grad, grad_sum);
    return sum_lanes(loss_sum);
}

/* The same with blocks of outputs; in columns of multinomial blocks delta <- a, and no loss. */
NOINLINE double compare_blocks(const dae_data *data, const dae_layer *layer, const dae_batch *batch,
                               intp b0, intp b1, intp d, intp count, const lane_losses *losses,
                               const REAL *z, REAL *delta, REAL *grad)
{
    const intp n = layer->n_features, stride = batch->shown_stride;
    const REAL *weight = data->weight, inverse_B = 1 / (REAL)batch->batch_size;
    const vec b_star = load_part((const REAL *)layer->visible_bias.value + d, count);
    vec grad_sum = load(grad), part = {0};
    dvec loss_sum = {0};
    if (losses->count == 0) {
        for (intp b = b0; b < b1; b++)
            store(delta + b * stride + d, load(z + (b - b0) * DECODE_FEATURES) + b_star);
        return 0;
    }
    for (intp b = b0; b < b1; b++) {
        const REAL row_weight = weight ? weight[batch->rows[b]] : 1;
        const vec w = batch->entry_weight
                          ? row_weight * load((const REAL *)batch->entry_weight + b * stride + d)
                          : broadcast(row_weight);
        const vec a = load(z + (b - b0) * DECODE_FEATURES) + b_star;
        const vec x = load_part(clean_row(data, batch, n, b) + d, count);
        vec by_a;
        part += w * lane_losses_and_delta(losses, a, x, &by_a);
        by_a *= w * inverse_B;
        grad_sum += by_a;
        store(delta + b * stride + d, blend(losses->softmax, a, by_a));
        if (b % 8 == 7 || b == b1 - 1) {
            loss_sum += as_double(zero_tail(part, count));
            part = (vec){0};
        }
    }
    store(grad, grad_sum);
    return sum_lanes(loss_sum);
}

static void decode_delta(const dae_data *data, const dae_layer *layer, const dae_batch *batch,
                         intp start, intp stop, void *delta, void *visible_grad, double *loss)
{
    const intp stride = batch->shown_stride, B = batch->B;
    REAL z[DECODE_ROWS * DECODE_FEATURES];
    memset(loss, 0, (size_t)feature_groups(stop - start) * sizeof(double));
    for (intp d0 = start; d0 < stop; d0 += DECODE_FEATURES) {
        const intp d1 = at_most(d0 + DECODE_FEATURES, stop);
        REAL grad[DECODE_FEATURES] = {0};
        lane_losses losses[DECODE_FEATURES / LANES];
        for (intp d = d0; layer->blocks.count && d < d1; d += LANES)
            losses[(d - d0) / LANES] =
                losses_of_lanes(&layer->blocks, d, at_most(d1 - d, LANES));
        if (d1 - d0 < DECODE_FEATURES) /* columns of it stay unwritten */
            memset(z, 0, sizeof z);
        if (!batch->begins_batch)
            memcpy(grad, (const REAL *)visible_grad + d0, (size_t)(d1 - d0) * sizeof(REAL));
        for (intp b0 = 0; b0 < B; b0 += DECODE_ROWS) {
            const intp b1 = at_most(b0 + DECODE_ROWS, B);
            for (intp b = b0; b < b1; b++) {
                const REAL *x = clean_row(data, batch, layer->n_features, b);
                for (intp d = d0; d < d1; d += LINE) {
                    __builtin_prefetch(x + d); /* the user's rows may begin anywhere in a line */
                    __builtin_prefetch((REAL *)delta + b * stride + d, 1);
                }
                __builtin_prefetch(x + d1 - 1);
            }
            decode_product(layer, batch, layer->decoder.value, batch->decoded, b0, b1 - b0, d0, d1,
                           z);
            for (intp d = d0; d < d1; d += LANES)
                loss[(d - start) / FEATURE_GROUP] +=
                    layer->blocks.count
                        ? compare_blocks(data, layer, batch, b0, b1, d, at_most(d1 - d, LANES),
                                         losses + (d - d0) / LANES, z + d - d0, delta,
                                         grad + d - d0)
                        : compare(data, layer, batch, b0, b1, d, at_most(d1 - d, LANES),
                                  z + d - d0, delta, grad + d - d0);
        }
        memcpy((REAL *)visible_grad + d0, grad, (size_t)(d1 - d0) * sizeof(REAL));
    }
}

static void output_delta(const dae_data *data, const dae_layer *layer, const dae_batch *batch,
                         intp start, intp stop, void *delta, double *loss)
{
    const intp C = layer->n_hidden;
    const REAL inverse_B = 1 / (REAL)batch->batch_size;
    for (intp b = start; b < stop; b++) {
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
                sum += as_double(zero_tail(entry, count));
                store(out + j, zero_tail(by_a * (w * inverse_B), count));
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
            const vec e = zero_tail(exponential(load(a + j) - largest), C - j);
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

static void project_delta(const dae_layer *layer, const dae_batch *batch, const void *delta,
                          intp start, intp stop, void *out, int add)
{
    encode_product(layer, batch, delta, layer->decoder.value, start, stop, out, add ? ADD : SET);
}

static void finish_delta(const dae_layer *layer, int activation, const dae_parameter *bias,
                         const dae_update *solver, const dae_batch *batch, const void *code,
                         const void *sum, const void *other, intp start, intp stop, void *delta)
{
    for (intp j0 = start; j0 < stop; j0 += BLOCK) {
        const intp j1 = at_most(j0 + BLOCK, stop);
        REAL bias_grad[BLOCK] = {0};
        for (intp b = 0; b < batch->B; b++)
            for (intp j = j0; j < j1; j += LANES) {
                const intp at = b * layer->stride + j;
                const vec h = load((const REAL *)code + at);
                const vec by_a =
                    sum_of_halves(sum, other, at) * activation_derivative(activation, h);
                store((REAL *)delta + at, by_a);
                store(bias_grad + j - j0, load(bias_grad + j - j0) + by_a);
            }
        finish_bias(batch, solver, bias, j0, at_most(j1, layer->n_hidden), bias_grad);
    }
}

static void pass_delta(const dae_layer *layer, const dae_layer *below, const dae_update *solver,
                       const dae_batch *batch, const void *code_delta, intp start, intp stop,
                       void *delta)
{
    const intp B = batch->B, stride = batch->shown_stride;
    /* zeros: the last features may leave columns of it unwritten */
    REAL z[DECODE_ROWS * DECODE_FEATURES] = {0};
    for (intp d0 = start; d0 < stop; d0 += DECODE_FEATURES) {
        const intp d1 = at_most(d0 + DECODE_FEATURES, stop);
        REAL grad[DECODE_FEATURES] = {0};
        for (intp b0 = 0; b0 < B; b0 += DECODE_ROWS) {
            const intp rows = at_most(B - b0, DECODE_ROWS);
            decode_product(layer, batch, layer->encoder.value, code_delta, b0, rows, d0, d1, z);
            for (intp d = d0; d < d1; d += LANES) {
                const intp count = at_most(d1 - d, LANES);
                vec grad_sum = load(grad + d - d0);
                for (intp b = 0; b < rows; b++) {
                    const intp at = (b0 + b) * stride + d;
                    const vec h = load((const REAL *)batch->shown + at);
                    const vec by_a = load(z + b * DECODE_FEATURES + d - d0) *
                                     activation_derivative(below->activation, h);
                    grad_sum += by_a;
                    store_part((REAL *)delta + at, by_a, count); /* the padding stays 0 */
                }
                store(grad + d - d0, grad_sum);
            }
        }
        finish_bias(batch, solver, &below->hidden_bias, d0, d1, grad);
    }
}
