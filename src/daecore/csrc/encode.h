/* Codes: sums over features, and what is done with these. */

static void project(const dae_layer *layer, const dae_batch *batch, intp start, intp stop,
                    void *out, int add)
{
    const intp n = layer->n_features, stride = layer->stride, width = whole_lines(layer->n_hidden);
    const enum product_mode mode = add ? ADD : SET;
    if (!batch->sparse) {
        encode_product(layer, batch, batch->shown, layer->encoder.value, start, stop, out, mode);
        return;
    }
    for (intp j = 0; j < width; j += BLOCK)
        for (intp b = 0; b < batch->B; b++) {
            const int32_t *starts = batch->row_starts + b * (feature_groups(n) + 1);
            const intp from = starts[start / FEATURE_GROUP], to = starts[feature_groups(stop)];
            sparse_product(
                at_most(width - j, BLOCK), to - from, batch->row_columns + b * list_room(n) + from,
                (const REAL *)batch->row_values + b * list_room(n) + from,
                (const REAL *)layer->encoder.value + j, stride, (REAL *)out + b * stride + j, mode);
        }
}

/* Element `at` of a sum that may be in two halves, the second NULL if it is not. */
INLINE vec sum_of_halves(const void *sum, const void *other, intp at)
{
    const vec half = load((const REAL *)sum + at);
    return other ? half + load((const REAL *)other + at) : half;
}

static void finish_code(const dae_layer *layer, const dae_batch *batch, const void *sum,
                        const void *other, intp start, intp stop)
{
    const REAL *bias = layer->hidden_bias.value;
    for (intp b = 0; b < batch->B; b++) {
        REAL *code = (REAL *)batch->code + b * layer->stride;
        for (intp j = start; j < stop; j += LANES) {
            const intp count = at_most(layer->n_hidden - j, LANES);
            vec h = {0};
            if (count > 0) {
                const vec a =
                    sum_of_halves(sum, other, b * layer->stride + j) + load_part(bias + j, count);
                store_part((REAL *)&h, activate(layer->activation, a), count);
            }
            store(code + j, h);
        }
    }
}

static void add(const dae_layer *layer, intp B, void *into, const void *from, intp start, intp stop)
{
    for (intp b = 0; b < B; b++) {
        REAL *c = (REAL *)into + b * layer->stride;
        const REAL *x = (const REAL *)from + b * layer->stride;
        for (intp j = start; j < stop; j += LANES)
            store(c + j, load(c + j) + load(x + j));
    }
}

/* out (stride) <- x W, for a sparse row: the dense sum without its zeros, in the same order */
static void project_stored(const dae_layer *layer, const dae_csr *X, ptrdiff_t row, void *out)
{
    const entries x = row_entries(X, row);
    sparse_product(whole_lines(layer->n_hidden), x.count, x.columns, x.values, layer->encoder.value,
                   layer->stride, out, SET);
}
