/* What a layer decodes: reconstructions, and their losses. */

static void decode(const dae_layer *layer, const dae_batch *batch, const void *code, intp start,
                   intp stop, void *z, intp z_stride)
{
    const intp B = batch->B;
    const REAL *bias = layer->visible_bias.value;
    /* zeros: the last features may leave columns of it unwritten */
    REAL outputs[DECODE_ROWS * DECODE_FEATURES] = {0};
    for (intp b0 = 0; b0 < B; b0 += DECODE_ROWS) {
        const intp rows = at_most(B - b0, DECODE_ROWS);
        for (intp d = start; d < stop; d += DECODE_FEATURES) {
            const intp end = at_most(d + DECODE_FEATURES, stop);
            decode_product(layer, batch, layer->decoder.value, code, b0, rows, d, end, outputs);
            for (intp b = 0; b < rows; b++) {
                REAL *out = (REAL *)z + (b0 + b) * z_stride;
                for (intp e = d; e < end; e += LANES) {
                    const vec a =
                        load(outputs + b * DECODE_FEATURES + e - d) + load_part(bias + e, end - e);
                    store_part(out + e, activate(layer->decoder_activation, a), end - e);
                }
            }
        }
    }
}

static void row_losses(const dae_layer *layer, const dae_batch *batch, const void *clean,
                       const void *entry_weight, const void *code, double *row_loss)
{
    if (layer->loss == DAE_MULTINOMIAL) {
        multinomial_losses(layer, batch, clean, entry_weight, code, row_loss);
        return;
    }
    const intp n = layer->n_features;
    const REAL *bias = layer->visible_bias.value;
    /* zeros: the last features may leave columns of it unwritten */
    REAL outputs[DECODE_ROWS * DECODE_FEATURES] = {0};
    for (intp d0 = 0; d0 < n; d0 += DECODE_FEATURES)
        for (intp b0 = 0; b0 < batch->B; b0 += DECODE_ROWS) {
            const intp b1 = at_most(b0 + DECODE_ROWS, batch->B),
                       d1 = at_most(d0 + DECODE_FEATURES, n);
            decode_product(layer, batch, layer->decoder.value, code, b0, b1 - b0, d0, d1, outputs);
            for (intp b = b0; b < b1; b++) {
                dvec sum = {0};
                for (intp d = d0; d < d1; d += LANES) {
                    const intp count = at_most(d1 - d, LANES);
                    const vec a = load(outputs + (b - b0) * DECODE_FEATURES + d - d0) +
                                  load_part(bias + d, count);
                    const vec x = load_part((const REAL *)clean + b * n + d, count);
                    vec by_a;
                    vec entry = loss_and_delta(layer->loss, layer->decoder_activation, a, x, &by_a);
                    if (entry_weight)
                        entry *= load_part((const REAL *)entry_weight + b * n + d, count);
                    sum += as_double(zero_tail(blend(x == x, entry, (vec){0}), count));
                }
                row_loss[b] += sum_lanes(sum);
            }
        }
}
