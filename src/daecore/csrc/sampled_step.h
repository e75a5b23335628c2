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

enum {
    ASKED_AT_ONCE = FEATURE_GROUP, /* features whose rows of V stay in the cache between two uses */
    AHEAD_BYTES = 8192             /* of weights that are on their way while others are used */
};

/* Rows of the weights lie anywhere in memory, or in the cache of the core that wrote them last: they
 * are asked for before they are used, so many of each of `arrays` arrays. */
INLINE intp rows_ahead(intp width, int arrays)
{
    const intp rows = AHEAD_BYTES / (width * (intp)sizeof(REAL) * arrays);
    return rows < 4 ? 4 : at_most(rows, 2 * FEATURE_GROUP);
}

INLINE void prefetch_row(const void *array, intp at, intp width, const int for_writing)
{
    for (intp j = 0; array && j < width; j += LINE)
        if (for_writing) /* what clang takes must be a constant before it is inlined, too */
            __builtin_prefetch((const REAL *)array + at + j, 1);
        else
            __builtin_prefetch((const REAL *)array + at + j, 0);
}

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

/* H (stride) <- sum x~ W[d, :] over the shown entries */
static void encode_entries(const dae_layer *layer, intp count, const int32_t *column,
                           const REAL *value, REAL *H)
{
    enum { AT_ONCE = 8 };
    const REAL *W = layer->encoder.value;
    const intp width = whole_lines(layer->n_hidden), stride = layer->stride;
    const intp ahead = rows_ahead(width, 1);
    sparse_product(width, 0, column, value, W, stride, H, SET);
    for (intp i0 = 0; i0 < count; i0 += AT_ONCE) {
        const intp i1 = at_most(i0 + AT_ONCE, count);
        for (intp i = i0 ? i0 + ahead : 0; i < at_most(i1 + ahead, count); i++)
            prefetch_row(W, column[i] * stride, width, 0);
        sparse_product(width, i1 - i0, column + i0, value + i0, W, stride, H, CONTINUE);
    }
}

/* Deltas of the asked entries from their x, in place; dH (stride) <- the sum of delta V[d, :]. Returns
 * the loss. */
static double decode_asked(const dae_layer *layer, const REAL *H, REAL scale, intp count,
                           const int32_t *column, const REAL *weight, REAL *x, REAL *dH)
{
    const REAL *V = layer->decoder.value, *bias = layer->visible_bias.value;
    const intp width = whole_lines(layer->n_hidden), stride = layer->stride;
    const intp ahead = rows_ahead(width, 1);
    double loss = 0;
    for (intp i = 0; i < at_most(ahead, count); i++)
        prefetch_row(V, column[i] * stride, width, 0);
    for (intp i0 = 0; i0 < count; i0 += ASKED_AT_ONCE) {
        const intp i1 = at_most(i0 + ASKED_AT_ONCE, count);
        REAL a[ASKED_AT_ONCE + LANES] = {0};
        for (intp i = i0; i < i1; i += 4) {
            const REAL *v[4];
            for (intp p = 0; p < 4; p++) {
                v[p] = V + column[at_most(i + p, i1 - 1)] * stride;
                if (i + p + ahead < count) {
                    prefetch_row(V, column[i + p + ahead] * stride, width, 0);
                    __builtin_prefetch(bias + column[i + p + ahead]);
                }
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
    encode_entries(layer, shown, column, value, H);
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

/* What an update of feature d touches */
INLINE void prefetch_named(const dae_layer *layer, const dae_parameter *p, intp d)
{
    const dae_parameter *bias = &layer->visible_bias;
    const void *arrays[3] = {p->value, p->moment1, p->moment2};
    const void *biases[3] = {bias->value, bias->moment1, bias->moment2};
    for (int k = 0; k < 3; k++) {
        prefetch_row(arrays[k], d * layer->stride, whole_lines(layer->n_hidden), 1);
        prefetch_row(biases[k], d, 1, 1);
    }
}

/* The first of the `count` ascending columns that is not below `limit` */
INLINE intp first_from(const int32_t *column, intp count, intp limit)
{
    intp low = 0;
    while (count > 0) {
        const intp half = count / 2;
        const int below = column[low + half] < limit;
        low = below ? low + half + 1 : low;
        count = below ? count - half - 1 : half;
    }
    return low;
}

/* Which entries name rows of a weight array: the shown ones, those that were asked for, or both. */
enum naming { BY_SHOWN = 1, BY_ASKED = 2 };

/* The entries that name features of the share, as lists by feature: batch->head and batch->next. The
 * features themselves are a list, too: of each, one entry. Returns the first of these, or -1. */
static int32_t list_named(const dae_sampled_batch *batch, const dae_sampled_share *share, int naming)
{
    const int32_t *column = batch->column;
    int32_t *head = batch->head, first = -1;
    for (intp b = batch->B - 1; b >= 0; b--) { /* backwards, so that the lists run forwards */
        const intp start = batch->starts[b], middle = start + batch->shown_count[b];
        for (int asked = 1; asked >= 0; asked--) {
            if (!(naming & (asked ? BY_ASKED : BY_SHOWN)))
                continue;
            const intp from = asked ? middle : start;
            const intp count = asked ? batch->asked_count[b] : batch->shown_count[b];
            const intp e0 = from + first_from(column + from, count, share->d0);
            const intp e1 = from + first_from(column + from, count, share->d1);
            for (intp e = e1 - 1; e >= e0; e--) {
                const int32_t d = column[e];
                if (e - FEATURE_GROUP >= e0)
                    __builtin_prefetch(head + column[e - FEATURE_GROUP], 1);
                batch->source[e] = (int32_t)(asked ? b : batch->B + b);
                batch->next[e] = head[d];
                if (head[d] < 0) {
                    batch->next_named[e] = first;
                    first = (int32_t)e;
                }
                head[d] = (int32_t)e;
            }
        }
    }
    return first;
}

/* Row `at` / stride of a weight array, NV vectors of it from column j on: its gradient, the sum of
 * factor[i] factors[source[i], :], and the solver's step while that is in registers. */
INLINE void step_tile(const int kind, const int NV, const dae_update *solver, const dae_parameter *p,
                      intp at, intp terms, const int32_t *source, const REAL *factor,
                      const REAL *factors, intp stride)
{
    const REAL alpha = (REAL)solver->alpha;
    REAL *w = (REAL *)p->value + at;
    REAL *m1 = p->moment1 ? (REAL *)p->moment1 + at : NULL;
    REAL *m2 = p->moment2 ? (REAL *)p->moment2 + at : NULL;
    vec sum[8];
    UNROLL for (int v = 0; v < NV; v++)
        sum[v] = (vec){0};
    for (intp i = 0; i < terms; i++) {
        const REAL x = factor[i], *across = factors + source[i] * stride;
        UNROLL for (int v = 0; v < NV; v++)
            sum[v] += x * load(across + v * LANES);
    }
    UNROLL for (int v = 0; v < NV; v++) {
        const intp j = v * LANES;
        solver_step(kind, solver, w + j, m1 ? m1 + j : NULL, m2 ? m2 + j : NULL,
                    sum[v] + alpha * load(w + j), LANES);
    }
}

INLINE void step_named_row(const int kind, const dae_layer *layer, const dae_update *solver,
                           const dae_parameter *p, intp d, intp terms, const int32_t *source,
                           const REAL *factor, const REAL *factors)
{
    const intp stride = layer->stride, width = whole_lines(layer->n_hidden), at = d * stride;
    intp j = 0;
    for (; j + 8 * LANES <= width; j += 8 * LANES)
        step_tile(kind, 8, solver, p, at + j, terms, source, factor, factors + j, stride);
    for (; j + 4 * LANES <= width; j += 4 * LANES)
        step_tile(kind, 4, solver, p, at + j, terms, source, factor, factors + j, stride);
    for (; j < width; j += LANES)
        step_tile(kind, 1, solver, p, at + j, terms, source, factor, factors + j, stride);
}

/* Some elements of a bias, anywhere in it, by their gradients: `count` of at most LANES. */
INLINE void step_gathered_bias(const int kind, const dae_update *solver, const dae_parameter *p,
                               intp count, const int32_t *element, const REAL *gradient)
{
    REAL *value[3] = {p->value, p->moment1, p->moment2};
    REAL gathered[3][LANES];
    memset(gathered, 0, sizeof gathered);
    for (int k = 0; k < 3; k++)
        for (intp i = 0; value[k] && i < count; i++)
            gathered[k][i] = value[k][element[i]];
    solver_step(kind, solver, gathered[0], gathered[1], gathered[2], load(gradient), LANES);
    for (int k = 0; k < 3; k++)
        for (intp i = 0; value[k] && i < count; i++)
            value[k][element[i]] = gathered[k][i];
}

/* One array of weights, in the rows that the entries name and that are of the share. With asked
 * entries goes the visible bias. */
INLINE void update_named_by(const int kind, const dae_layer *layer, const dae_update *solver,
                            const dae_sampled_batch *batch, const dae_sampled_share *share,
                            const dae_parameter *p, int naming)
{
    const intp width = whole_lines(layer->n_hidden);
    const int32_t *column = batch->column, *next = batch->next, *next_named = batch->next_named;
    const REAL *value = batch->value;
    REAL *factor = share->scratch, bias_gradient[LANES];
    int32_t *source = (int32_t *)(factor + 2 * batch->B), bias_element[LANES];
    intp n_biases = 0;
    const int32_t first = list_named(batch, share, naming);
    int32_t coming = first; /* runs some features ahead */
    for (intp i = rows_ahead(width, 1 + !!p->moment1 + !!p->moment2); i > 0 && coming >= 0; i--) {
        prefetch_named(layer, p, column[coming]);
        coming = next_named[coming];
    }
    for (int32_t named = first; named >= 0; named = next_named[named]) {
        if (coming >= 0) {
            prefetch_named(layer, p, column[coming]);
            coming = next_named[coming];
        }
        const int32_t d = column[named];
        intp terms = 0;
        REAL asked = 0;
        for (int32_t e = batch->head[d]; e >= 0; e = next[e], terms++) {
            source[terms] = batch->source[e];
            factor[terms] = value[e];
            if (source[terms] < batch->B)
                asked += factor[terms];
        }
        batch->head[d] = -1;
        step_named_row(kind, layer, solver, p, d, terms, source, factor, batch->factors);
        bias_element[n_biases] = d;
        bias_gradient[n_biases++] = asked;
        if (n_biases == LANES || next_named[named] < 0) {
            if (naming & BY_ASKED)
                step_gathered_bias(kind, solver, &layer->visible_bias, n_biases, bias_element,
                                   bias_gradient);
            n_biases = 0;
        }
    }
}

static void update_named(const dae_layer *layer, const dae_update *solver,
                         const dae_sampled_batch *batch, const dae_sampled_share *share,
                         const dae_parameter *p, int naming)
{
    switch (solver->kind) {
        /* clang-format off */
#define CASE(KIND, NAME)                                                                           \
    case KIND: update_named_by(KIND, layer, solver, batch, share, p, naming); break;
        FOR_EACH_SOLVER(CASE)
#undef CASE
        /* clang-format on */
    }
}

static void sampled_update(const dae_layer *layer, const dae_update *solver,
                           const dae_sampled_batch *batch, const dae_sampled_share *share)
{
    if (layer->tied)
        update_named(layer, solver, batch, share, &layer->encoder, BY_SHOWN | BY_ASKED);
    else {
        update_named(layer, solver, batch, share, &layer->decoder, BY_ASKED);
        update_named(layer, solver, batch, share, &layer->encoder, BY_SHOWN);
    }
    for (intp j = share->j0; j < share->j1; j += LANES) {
        vec sum = {0};
        REAL gradient[LANES];
        for (intp b = 0; b < batch->B; b++)
            sum += load((const REAL *)batch->factors + (batch->B + b) * layer->stride + j);
        store(gradient, sum);
        if (j < layer->n_hidden)
            step_bias(solver, &layer->hidden_bias, j, at_most(j + LANES, layer->n_hidden), gradient);
    }
}
