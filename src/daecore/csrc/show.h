/* The rows of a batch as the layer sees them: gathered, corrupted, their non-zeros listed. */

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
        if (d % FEATURE_GROUP == 0)
            *starts++ = count;
        count += pick_nonzero(load_part(x + d, n - d), (int32_t)d, columns + count, values + count);
    }
    *starts = count;
    return count;
}

/* The clean row b of a batch of the lowest layer. */
INLINE const REAL *clean_row(const dae_data *data, const dae_batch *batch, intp n, intp b)
{
    return batch->clean ? (const REAL *)batch->clean + b * batch->shown_stride
                        : (const REAL *)data->clean + batch->rows[b] * n;
}

/* starts[u] <- where feature FEATURE_GROUP u begins in ascending columns */
static void find_starts(intp n, intp count, const int32_t *columns, int32_t *restrict starts)
{
    intp i = 0;
    for (intp u = 0; u < feature_groups(n); u++) {
        while (i < count && columns[i] < u * FEATURE_GROUP)
            i++;
        *starts++ = (int32_t)i;
    }
    *starts = (int32_t)count;
}

/* `show` for a sparse row whose zeros stay zeros: the cost of its entries, and of clearing out.
 * Returns whether it is such a row. */
static int show_stored(const dae_data *data, intp n, const dae_batch *batch, intp b, REAL *out)
{
    const intp row = batch->rows[b];
    const dae_corruption_spec *c = &data->corruption;
    const int given = data->sparse_corrupted.starts != NULL;
    if (!data->sparse_clean.starts || !batch->row_count || batch->entry_weight ||
        !(given || c->kind == DAE_NONE || c->kind == DAE_MASKING))
        return 0;
    const entries x = row_entries(given ? &data->sparse_corrupted : &data->sparse_clean, row);
    if (x.count > n / 2) /* too many for the lists */
        return 0;
    int32_t *columns = batch->row_columns + b * list_room(n);
    REAL *values = (REAL *)batch->row_values + b * list_room(n);
    const intp count = shown_entries(c, row, x, columns, values);
    if (data->unit_rows)
        scale_to_unit(values, count);
    batch->row_count[b] = (int32_t)count;
    find_starts(n, count, columns, batch->row_starts + b * (feature_groups(n) + 1));
    unpack((entries){count, columns, values}, n, out);
    return 1;
}

/* Missing entries, NaN in the clean row x, and NaN in a given corrupted copy: out <- 0 there, of a
 * given copy what it has; weight <- 0; clean <- x with 0 there, or as it is. A category is missing as
 * a whole. */
static void hide_missing(const dae_data *data, intp n, intp row, const REAL *x, int as_it_is,
                         REAL *restrict out, REAL *restrict clean, REAL *restrict weight)
{
    const int given = data->corrupted != NULL;
    const REAL *shown = given ? (const REAL *)data->corrupted + row * n : NULL;
    for (intp d = 0; d < n; d++)
        if (is_nan(out[d]) || (!given && is_nan(x[d])))
            out[d] = 0;
    for (intp d = 0; clean && d < n; d++)
        clean[d] = is_nan(x[d]) && !as_it_is ? 0 : x[d];
    for (intp d = 0; weight && d < n; d++)
        weight[d] = is_nan(x[d]) ? 0 : weight[d];
    for (intp k = 0; k < data->corruption.n_categories; k++) {
        const intp first = data->corruption.categories[2 * k];
        const intp count = data->corruption.categories[2 * k + 1] - first;
        const size_t n_bytes = (size_t)count * sizeof(REAL);
        const int missing = has_nan(x + first, count);
        if (given ? has_nan(shown + first, count) : missing)
            memset(out + first, 0, n_bytes);
        if (missing && clean)
            memset(clean + first, 0, n_bytes);
        if (missing && weight)
            memset(weight + first, 0, n_bytes);
    }
}

static void show(const dae_data *data, const dae_layer *layer, const dae_batch *batch, intp start,
                 intp stop)
{
    const intp n = layer->n_features;
    for (intp b = start; b < stop; b++) {
        REAL *out = (REAL *)batch->shown + b * batch->shown_stride;
        const intp row = batch->rows[b];
        if (data->sparse_clean.starts)
            unpack(row_entries(&data->sparse_clean, row), n,
                   (REAL *)batch->clean + b * batch->shown_stride);
        if (show_stored(data, n, batch, b, out))
            continue;
        const REAL *x = data->clean ? (const REAL *)data->clean + row * n
                                    : clean_row(data, batch, n, b);
        REAL *weight = batch->entry_weight
                           ? (REAL *)batch->entry_weight + b * batch->shown_stride
                           : NULL;
        if (data->sparse_corrupted.starts)
            unpack(row_entries(&data->sparse_corrupted, row), n, out);
        else if (data->corrupted || data->corruption.kind == DAE_NONE)
            memcpy(out, data->corrupted ? (const REAL *)data->corrupted + row * n : x,
                   (size_t)n * sizeof(REAL));
        else
            corrupt_row(data, n, row, x, out);
        if (weight)
            weigh_entries(data, n, row, x, out, weight);
        if (data->missing)
            hide_missing(data, n, row, x, layer->loss == DAE_MULTINOMIAL, out,
                         batch->clean ? (REAL *)batch->clean + b * batch->shown_stride : NULL,
                         weight);
        if (data->unit_rows)
            scale_to_unit(out, n);
        if (batch->row_count)
            batch->row_count[b] = find_nonzero(out, n, batch->row_columns + b * list_room(n),
                                               (REAL *)batch->row_values + b * list_room(n),
                                               batch->row_starts + b * (feature_groups(n) + 1));
    }
}

static void transpose(const dae_layer *layer, const dae_batch *batch, intp start, intp stop)
{
    const intp n = layer->n_features, B = batch->B;
    memset(batch->column_count + start, 0, (size_t)(stop - start) * sizeof(int32_t));
    for (intp b = 0; b < B; b++) {
        const int32_t *columns = batch->row_columns + b * list_room(n);
        const REAL *values = (const REAL *)batch->row_values + b * list_room(n);
        const int32_t *starts = batch->row_starts + b * (feature_groups(n) + 1);
        for (intp i = starts[start / FEATURE_GROUP]; i < starts[feature_groups(stop)]; i++) {
            const intp d = columns[i], at = d * B + batch->column_count[d]++;
            batch->column_rows[at] = (int32_t)b;
            ((REAL *)batch->column_values)[at] = values[i];
        }
    }
}
