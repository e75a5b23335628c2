/* A training step whose outputs are sampled, for rows in CSR (Dauphin, Glorot & Bengio, ICML 2011).
 *
 * Of each row the entries that it has are reconstructed and some of the zeros that it has not, each with
 * the weight that keeps loss and gradient unbiased. The cost is that of these entries: no array of n
 * numbers per row exists, and rows of the weights that nobody asks for are neither read nor written.
 *
 * By rows, each by one thread, without waiting for anything:
 *     x~  shown entries          H = g1(b + sum x~ W[d, :])
 *     D   asked entries          delta = dE/da*[d]  from  a = b*[d] + H . V[d, :],  d in D
 *                                dH = (sum delta V[d, :]) * g1'(H)
 * then by features, each by one thread: V[d, :], W[d, :], b*[d] <- solver, from the entries of the batch
 * that name d, found by linked lists: gradient of row d = sum delta H[b, :] + sum x~ dH[b, :].
 * Every sum runs over the entries of one row, or of one feature, in order: same bits on any number of
 * threads. */

enum { ASKED_AT_ONCE = 2 * FEATURE_GROUP }; /* features whose rows of V stay in the cache between two uses */

/* The entries that x has, or that were shown in its place: columns and values of x. Returns how many. */
static intp known_entries(entries x, entries shown, int32_t *columns, REAL *values)
{
    intp count = 0, i = 0, k = 0;
    while (i < x.count || k < shown.count) {
        const int32_t in_x = i < x.count ? x.columns[i] : INT32_MAX;
        const int32_t in_shown = k < shown.count ? shown.columns[k] : INT32_MAX;
        columns[count] = in_x < in_shown ? in_x : in_shown;
        values[count++] = in_x <= in_shown ? x.values[i] : 0;
        i += in_x <= in_shown;
        k += in_shown <= in_x;
    }
    return count;
}

/* How many zeros are reconstructed of a row of n features, `known` of them not zeros. */
INLINE intp zeros_asked(intp n, intp known, double zeros_per_nonzero)
{
    const double asked = ceil(zeros_per_nonzero * (double)known);
    const intp zeros = n - known;
    return asked >= (double)zeros ? zeros : asked < 1 ? at_most(1, zeros) : (intp)asked;
}

/* column, x, weight [0:count] <- the known entries, and zeros drawn from the rest: one of each of
 * `drawn` equal parts of them, by a random number for the part. Returns the count. */
static intp ask(const dae_corruption_spec *c, double zeros_per_nonzero, intp n, intp row, intp known,
                const int32_t *known_columns, const REAL *known_x, int32_t *column, REAL *x, REAL *weight)
{
    const intp zeros = n - known, drawn = zeros_asked(n, known, zeros_per_nonzero);
    const double part = drawn ? (double)zeros / (double)drawn : 0;
    uint32_t words[WORDS];
    intp count = 0, k = 0;
    for (intp s = 0; s < drawn; s++) {
        if (s % WORDS == 0)
            random_words(c, row, 1, (uint32_t)(s / 4), (int)(at_most(drawn - s, WORDS) + 3) / 4, words);
        const double u = (double)words[s % WORDS] * 0x1p-32;
        const intp rank = at_most((intp)(((double)s + u) * part), zeros - 1); /* among the zeros */
        for (; k < known && known_columns[k] - k <= rank; k++, count++) {
            column[count] = known_columns[k];
            x[count] = known_x[k];
            weight[count] = 1;
        }
        column[count] = (int32_t)(rank + k);
        x[count] = 0;
        weight[count++] = (REAL)part;
    }
    for (; k < known; k++, count++) {
        column[count] = known_columns[k];
        x[count] = known_x[k];
        weight[count] = 1;
    }
    return count;
}

/* weight[0:count] *= the emphasis on corrupted and on untouched entries */
static void emphasise(const dae_sampled_data *data, intp row, entries x, entries shown, intp count,
                      const int32_t *column, uint32_t *words, REAL *weight)
{
    const dae_corruption_spec *c = &data->corruption;
    const REAL hit = (REAL)data->emphasis[0], untouched = (REAL)data->emphasis[1];
    if (hit == untouched && hit == 1)
        return;
    if (c->kind == DAE_MASKING)
        words_at(c, row, column, count, words);
    for (intp i = 0, k = 0, s = 0; i < count; i++) {
        int corrupted = 0;
        if (data->corrupted.starts) {
            while (k < x.count && x.columns[k] < column[i])
                k++;
            while (s < shown.count && shown.columns[s] < column[i])
                s++;
            const REAL was = k < x.count && x.columns[k] == column[i] ? x.values[k] : 0;
            const REAL is = s < shown.count && shown.columns[s] == column[i] ? shown.values[s] : 0;
            corrupted = was != is;
        } else if (c->kind == DAE_MASKING)
            corrupted = words[i] >> 8 < c->threshold[column[i]];
        weight[i] *= corrupted ? hit : untouched;
    }
}

/* Deltas of the asked entries from their x, in place; dH (stride) <- the sum of delta V[d, :]. Returns
 * the loss. */
static double decode_asked(const dae_layer *layer, const REAL *H, REAL scale, intp count,
                           const int32_t *column, const REAL *weight, REAL *x, REAL *dH)
{
    const REAL *V = layer->decoder.value, *bias = layer->visible_bias.value;
    const intp width = whole_lines(layer->n_hidden), stride = layer->stride;
    double loss = 0;
    for (intp i0 = 0; i0 < count; i0 += ASKED_AT_ONCE) {
        const intp i1 = at_most(i0 + ASKED_AT_ONCE, count);
        REAL a[ASKED_AT_ONCE + LANES] = {0};
        for (intp i = i0; i < i1; i += 4) {
            const REAL *v[4];
            for (intp p = 0; p < 4; p++) {
                v[p] = V + column[at_most(i + p, i1 - 1)] * stride;
                if (i + p + 4 < count)
                    for (intp j = 0; j < width; j += LINE)
                        __builtin_prefetch(V + column[i + p + 4] * stride + j);
            }
            dot_product(1, width, H, stride, v, a + i - i0, 4);
        }
        for (intp i = i0; i < i1; i++)
            a[i - i0] += bias[column[i]];
        for (intp i = i0; i < i1; i += LANES) {
            const intp lanes = at_most(i1 - i, LANES);
            const vec w = load_part(weight + i, lanes);
            vec by_a;
            const vec entry = loss_and_delta(layer->loss, layer->decoder_activation, load(a + i - i0),
                                             load_part(x + i, lanes), &by_a);
            loss += sum_lanes(as_double(zero_tail(w * entry, lanes)));
            store_part(x + i, by_a * w * scale, lanes);
        }
        sparse_product(width, i1 - i0, column + i0, x + i0, V, stride, dH, i0 ? CONTINUE : SET);
    }
    return loss;
}

/* Everything that row b of the batch does by itself. */
static void sampled_row(const dae_sampled_data *data, const dae_layer *layer,
                        const dae_sampled_batch *batch, ptrdiff_t b, void *scratch)
{
    const intp row = batch->rows[b], stride = layer->stride, width = whole_lines(layer->n_hidden);
    const intp n = layer->n_features, at = batch->starts[b];
    const entries x = row_entries(&data->clean, row);
    const entries given = data->corrupted.starts ? row_entries(&data->corrupted, row) : x;
    REAL *H = (REAL *)batch->factors + b * stride, *dH = (REAL *)batch->factors + (batch->B + b) * stride;
    int32_t *column = batch->column + at;
    REAL *value = (REAL *)batch->value + at;
    REAL *known_x = scratch, *weight = known_x + batch->room;
    int32_t *known_column = (int32_t *)(weight + batch->room);
    uint32_t *words = (uint32_t *)(known_column + batch->room);

    const intp shown = shown_entries(&data->corruption, row, given, column, value);
    if (data->unit_rows)
        scale_to_unit(value, shown);
    sparse_product(width, shown, column, value, layer->encoder.value, stride, H, SET);
    for (intp j = 0; j < width; j += LANES) {
        const intp lanes = at_most(layer->n_hidden - j, LANES);
        vec h = {0};
        if (lanes > 0)
            h = zero_tail(activate(layer->activation, load(H + j) + load_part((REAL *)layer->hidden_bias.value + j,
                                                                       lanes)),
                     lanes);
        store(H + j, h);
    }

    const int32_t *columns = x.columns;
    const REAL *values = x.values;
    intp known = x.count;
    if (data->corrupted.starts) {
        known = known_entries(x, given, known_column, known_x);
        columns = known_column;
        values = known_x;
    }
    int32_t *asked = column + shown;
    const intp count = ask(&data->corruption, data->zeros_per_nonzero, n, row, known, columns, values,
                           asked, value + shown, weight);
    CHECK(at + shown + count <= batch->starts[b + 1]);
    emphasise(data, row, x, given, count, asked, words, weight);
    const REAL w = data->weight ? ((const REAL *)data->weight)[row] : 1;
    batch->loss[b] = (double)w * decode_asked(layer, H, w / (REAL)batch->B, count, asked, weight,
                                              value + shown, dH);
    for (intp j = 0; j < width; j += LANES)
        store(dH + j, load(dH + j) * activation_derivative(layer->activation, load(H + j)));
    batch->shown_count[b] = (int32_t)shown;
    batch->asked_count[b] = (int32_t)count;
}

/* Rows of the weights lie anywhere: they are asked for a few entries before they are used. */
INLINE void prefetch_row(const void *array, intp at, intp width, const int for_writing)
{
    for (intp j = 0; array && j < width; j += LINE)
        __builtin_prefetch((const REAL *)array + at + j, for_writing);
}

INLINE int is_mine(int32_t d, int thread, int n_threads)
{
    return n_threads == 1 || d / FEATURE_GROUP % n_threads == thread;
}

/* One array of weights, in the rows that entries of the batch name and that are the thread's: the shown
 * entries, the asked ones, or both. With the asked ones goes the visible bias. */
static void update_named(const dae_layer *layer, const dae_update *solver, const dae_sampled_batch *batch,
                         const dae_parameter *p, int by_shown, int by_asked, int thread, int n_threads)
{
    enum { TERMS = 64, AHEAD = 4 };
    const intp stride = layer->stride, width = whole_lines(layer->n_hidden);
    const int32_t *column = batch->column;
    const REAL *value = batch->value;
    int32_t *head = batch->head, *next = batch->next, source[TERMS];
    REAL G[BLOCK], factor[TERMS];
    for (intp b = batch->B - 1; b >= 0; b--) { /* backwards, so that the lists run forwards */
        const intp middle = batch->starts[b] + batch->shown_count[b];
        const intp start = by_shown ? batch->starts[b] : middle;
        for (intp e = (by_asked ? middle + batch->asked_count[b] : middle) - 1; e >= start; e--)
            if (is_mine(column[e], thread, n_threads)) {
                batch->source[e] = (int32_t)(e < middle ? batch->B + b : b);
                next[e] = head[column[e]];
                head[column[e]] = (int32_t)e;
            }
    }
    for (intp b = 0; b < batch->B; b++) {
        const intp middle = batch->starts[b] + batch->shown_count[b];
        const intp start = by_shown ? batch->starts[b] : middle;
        const intp stop = by_asked ? middle + batch->asked_count[b] : middle;
        for (intp e = start; e < stop; e++) {
            const int32_t d = column[e];
            if (e + AHEAD < stop && is_mine(column[e + AHEAD], thread, n_threads) &&
                head[column[e + AHEAD]] >= 0) {
                const intp at = column[e + AHEAD] * stride;
                prefetch_row(p->value, at, width, 1);
                prefetch_row(p->moment1, at, width, 1);
                prefetch_row(p->moment2, at, width, 1);
            }
            if (!is_mine(d, thread, n_threads) || head[d] < 0)
                continue;
            REAL bias_gradient = 0;
            for (intp j = 0; j < width; j += BLOCK) {
                const intp columns = at_most(width - j, BLOCK);
                enum product_mode mode = SET;
                for (int32_t i = head[d]; i >= 0; mode = CONTINUE) {
                    intp terms = 0;
                    for (; i >= 0 && terms < TERMS; i = next[i], terms++) {
                        source[terms] = batch->source[i];
                        factor[terms] = value[i];
                        if (j == 0 && source[terms] < batch->B)
                            bias_gradient += factor[terms];
                    }
                    sparse_product(columns, terms, source, factor, (const REAL *)batch->factors + j, stride,
                                   G, mode);
                }
                step_rows(layer, solver, p, d, d + 1, j, columns, G, BLOCK);
            }
            if (by_asked)
                step_bias(solver, &layer->visible_bias, d, d + 1, &bias_gradient);
            head[d] = -1;
        }
    }
}

/* The thread's features, and its units [j0, j1) of the hidden bias. */
static void sampled_update(const dae_layer *layer, const dae_update *solver,
                           const dae_sampled_batch *batch, int thread, int n_threads, ptrdiff_t j0,
                           ptrdiff_t j1)
{
    if (layer->tied)
        update_named(layer, solver, batch, &layer->encoder, 1, 1, thread, n_threads);
    else {
        update_named(layer, solver, batch, &layer->decoder, 0, 1, thread, n_threads);
        update_named(layer, solver, batch, &layer->encoder, 1, 0, thread, n_threads);
    }
    for (intp j = j0; j < j1; j += LANES) {
        vec sum = {0};
        REAL gradient[LANES];
        for (intp b = 0; b < batch->B; b++)
            sum += load((const REAL *)batch->factors + (batch->B + b) * layer->stride + j);
        store(gradient, sum);
        if (j < layer->n_hidden)
            step_bias(solver, &layer->hidden_bias, j, at_most(j + LANES, layer->n_hidden), gradient);
    }
}
