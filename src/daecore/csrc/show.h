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

static void show(const dae_data *data, const dae_layer *layer, const dae_batch *batch, intp start,
                 intp stop)
{
    const intp n = layer->n_features;
    for (intp b = start; b < stop; b++) {
        REAL *out = (REAL *)batch->shown + b * batch->shown_stride;
        const intp row = batch->rows[b];
        if (data->corrupted || data->corruption.kind == DAE_NONE) {
            const REAL *from = data->corrupted ? data->corrupted : data->clean;
            memcpy(out, from + row * n, (size_t)n * sizeof(REAL));
        } else
            corrupt_row(&data->corruption, data->clean, n, row, out);
        if (batch->entry_weight)
            weigh_entries(data, n, row, out, (REAL *)batch->entry_weight + b * batch->shown_stride);
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
