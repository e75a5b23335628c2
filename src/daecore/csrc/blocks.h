/* Outputs of several losses: blocks of features, each with a loss, its activation and a weight.
 *
 * Blocks begin anywhere. What is compared entry by entry is computed a vector at a time as for one
 * loss; where a vector belongs to blocks of several losses, by each of them, and each lane keeps its
 * own. The softmax of a multinomial block takes two passes: `decode_delta` leaves pre-activations in
 * its columns of delta, `block_totals` sums them up, row by row, and `block_delta` puts the
 * derivatives in their place. */

/* ---- parts of vectors: most blocks are shorter than a vector, and begin anywhere */

INLINE ivec first_lanes(intp count)
{
    ivec lane;
    UNROLL for (intp i = 0; i < LANES; i++)
        lane[i] = (word)i;
    return lane < (word)count;
}

/* `load_part` of memory that can be read for `room` elements. */
INLINE vec load_first(const REAL *p, intp count, intp room)
{
    return room >= LANES ? blend(first_lanes(count), load(p), (vec){0}) : load_part(p, count);
}

/* `store_part` into memory of which the caller owns `room` elements. */
INLINE void store_first(REAL *p, vec v, intp count, intp room)
{
    if (room >= LANES)
        store(p, blend(first_lanes(count), v, load(p)));
    else
        store_part(p, v, count);
}

/* The sum of all lanes, by halves. */
INLINE double sum_by_halves(dvec v)
{
    double part[LANES];
    memcpy(part, &v, sizeof part);
    for (intp half = LANES / 2; half > 0; half /= 2)
        for (intp i = 0; i < half; i++)
            part[i] += part[i + half];
    return part[0];
}

/* The largest lane; NaN is passed over. */
INLINE REAL largest_lane(vec v)
{
    REAL part[LANES];
    memcpy(part, &v, sizeof part);
    for (intp half = LANES / 2; half > 0; half /= 2)
        for (intp i = 0; i < half; i++)
            part[i] = part[i] > part[i + half] ? part[i] : part[i + half];
    return part[0];
}

/* ---- vectors of several losses */

/* The losses of a vector of features. */
typedef struct {
    int count; /* of losses that compare entry by entry */
    int loss[DAE_N_LOSSES], activation[DAE_N_LOSSES];
    ivec lanes[DAE_N_LOSSES]; /* whose they are */
    ivec softmax;             /* lanes of multinomial blocks */
    vec weight;               /* of each lane, 0 in a softmax */
} lane_losses;

/* The block that feature d is in. */
static intp block_of(const dae_blocks *blocks, intp d)
{
    intp low = 0, high = blocks->count - 1;
    while (low < high) {
        const intp middle = (low + high + 1) / 2;
        if (blocks->starts[middle] <= d)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

/* Those of the features [d, d + count). */
static lane_losses losses_of_lanes(const dae_blocks *blocks, intp d, intp count)
{
    lane_losses l;
    memset(&l, 0, sizeof l);
    intp k = block_of(blocks, d);
    for (intp lane = 0; lane < count; lane++) {
        while (blocks->starts[k + 1] <= d + lane)
            k++;
        if (blocks->losses[k] == DAE_MULTINOMIAL) {
            l.softmax[lane] = -1;
            continue;
        }
        int i = 0;
        while (i < l.count && l.loss[i] != blocks->losses[k])
            i++;
        if (i == l.count) {
            l.loss[i] = blocks->losses[k];
            l.activation[i] = blocks->activations[k];
            l.count++;
        }
        l.lanes[i][lane] = -1;
        l.weight[lane] = (REAL)blocks->weights[k];
    }
    return l;
}

INLINE vec lane_losses_and_delta(const lane_losses *l, vec a, vec x, vec *delta)
{
    vec entry = {0}, by_a = {0};
    for (int i = 0; i < l->count; i++) {
        vec own;
        const vec e = loss_and_delta(l->loss[i], l->activation[i], a, x, &own);
        entry = blend(l->lanes[i], e, entry);
        by_a = blend(l->lanes[i], own, by_a);
    }
    *delta = by_a * l->weight;
    return entry * l->weight;
}

/* ---- softmax */

/* The softmax of a block of pre-activations a: log softmax(a) is (a - largest) - log_total, in this
 * order exact for scores of any size. */
typedef struct {
    double largest, log_total;
    double mass; /* sum of x */
} block_sums;
_Static_assert(sizeof(block_sums) == DAE_BLOCK_SUMS * sizeof(double), "as the buffers have it");

/* Those of a[0:n], of which `room` elements can be read, without the mass; log_total is NaN if one
 * of them is. */
static block_sums sums_of_block(const REAL *a, intp n, intp room)
{
    const vec lowest = broadcast(REAL_IS_FLOAT ? -(REAL)FLT_MAX : -(REAL)DBL_MAX);
    vec most = lowest;
    for (intp d = 0; d < n; d += LANES)
        most = maximum(blend(first_lanes(n - d), load_first(a + d, n - d, room - d), lowest), most);
    const REAL largest = largest_lane(most);
    dvec total = {0};
    for (intp d = 0; d < n; d += LANES) {
        const vec e = exponential(load_first(a + d, n - d, room - d) - largest);
        total += as_double(blend(first_lanes(n - d), e, (vec){0}));
    }
    return (block_sums){.largest = (double)largest, .log_total = log(sum_by_halves(total))};
}

INLINE vec log_softmax(vec a, const block_sums *sums)
{
    return (a - (REAL)sums->largest) - (REAL)sums->log_total;
}

/* x, of which the lanes behind a block are 0, times the weights of its entries from column d on. The
 * rows of weights are as wide as those of delta; what is behind them counts nothing, if it is there. */
INLINE vec weighed_first(const dae_batch *batch, vec x, intp b, intp d)
{
    const intp stride = batch->shown_stride;
    if (!batch->entry_weight)
        return x;
    const REAL *weight = (const REAL *)batch->entry_weight + b * stride + d;
    return blend(x == (REAL)0, x, x * load_part(weight, stride - d));
}

/* totals (B, count) <- the sums of the multinomial blocks in the rows [start, stop), from the
 * pre-activations in delta */
static void block_totals(const dae_data *data, const dae_layer *layer, const dae_batch *batch,
                         intp start, intp stop, const void *delta, double *totals)
{
    const dae_blocks *blocks = &layer->blocks;
    const intp n = layer->n_features, stride = batch->shown_stride;
    for (intp b = start; b < stop; b++) {
        const REAL *a = (const REAL *)delta + b * stride;
        const REAL *x = clean_row(data, batch, n, b);
        for (intp k = 0; k < blocks->count; k++) {
            const intp first = blocks->starts[k], end = blocks->starts[k + 1];
            if (blocks->losses[k] != DAE_MULTINOMIAL)
                continue;
            dvec mass = {0};
            for (intp d = first; d < end; d += LANES)
                mass += as_double(weighed_first(batch, load_first(x + d, end - d, n - d), b, d));
            block_sums sums = sums_of_block(a + first, end - first, n - first);
            sums.mass = sum_by_halves(mass);
            ((block_sums *)totals)[b * blocks->count + k] = sums;
        }
    }
}

/* A multinomial block k in its features [d, d + count) of one vector, of a leaf that ends at `stop`;
 * returns the sum of the losses. */
static double one_block_delta(const dae_data *data, const dae_layer *layer, const dae_batch *batch,
                              intp k, intp d, intp count, intp stop, const double *totals,
                              REAL *delta, REAL *gradient)
{
    const dae_blocks *blocks = &layer->blocks;
    const intp n = layer->n_features, stride = batch->shown_stride;
    const REAL *weight = data->weight, inverse_B = 1 / (REAL)batch->batch_size;
    vec grad_sum = load_part(gradient + d, count);
    dvec loss_sum = {0};
    for (intp b = 0; b < batch->B; b++) {
        REAL *at = delta + b * stride + d;
        const REAL w = (weight ? weight[batch->rows[b]] : 1) * (REAL)blocks->weights[k];
        const block_sums *sums = (const block_sums *)totals + b * blocks->count + k;
        const vec x = weighed_first(
            batch, load_first(clean_row(data, batch, n, b) + d, count, n - d), b, d);
        const vec below = log_softmax(load_first(at, count, stop - d), sums);
        const vec by_a = ((REAL)sums->mass * exponential(below) - x) * (w * inverse_B);
        loss_sum -= as_double(w * x * below); /* x is 0 behind `count` */
        grad_sum += by_a;
        store_first(at, by_a, count, stop - d);
    }
    store_part(gradient + d, grad_sum, count);
    return sum_lanes(loss_sum);
}

/* The multinomial blocks, or parts of them, among the features [start, stop), after `decode_delta` */
static void block_delta(const dae_data *data, const dae_layer *layer, const dae_batch *batch,
                        intp start, intp stop, const double *totals, void *delta,
                        void *visible_grad, double *loss)
{
    const dae_blocks *blocks = &layer->blocks;
    if (start >= stop)
        return;
    for (intp k = block_of(blocks, start); k < blocks->count && blocks->starts[k] < stop; k++) {
        const intp first = blocks->starts[k] > start ? blocks->starts[k] : start;
        const intp end = at_most(blocks->starts[k + 1], stop);
        if (blocks->losses[k] == DAE_MULTINOMIAL)
            for (intp d = first; d < end; d += LANES)
                loss[(d - start) / FEATURE_GROUP] +=
                    one_block_delta(data, layer, batch, k, d, at_most(end - d, LANES), stop,
                                    totals, delta, visible_grad);
    }
}

/* z[0:n] <- the outputs, from their pre-activations z */
static void activate_blocks(const dae_layer *layer, void *row_of_z)
{
    const dae_blocks *blocks = &layer->blocks;
    for (intp k = 0; k < blocks->count; k++) {
        REAL *z = (REAL *)row_of_z + blocks->starts[k];
        const intp n = blocks->starts[k + 1] - blocks->starts[k];
        const int together = blocks->losses[k] == DAE_MULTINOMIAL;
        const block_sums sums = together ? sums_of_block(z, n, n) : (block_sums){0};
        for (intp d = 0; d < n; d += LANES) {
            const vec a = load_part(z + d, n - d);
            store_part(z + d,
                       together ? exponential(log_softmax(a, &sums))
                                : activate(blocks->activations[k], a),
                       n - d);
        }
    }
}

/* The loss of a row of pre-activations against a clean row; a multinomial block with a missing entry
 * has none. */
static double block_losses(const dae_layer *layer, const void *pre_activations, const void *clean,
                           const void *entry_weight)
{
    const dae_blocks *blocks = &layer->blocks;
    double sum = 0;
    for (intp k = 0; k < blocks->count; k++) {
        const intp first = blocks->starts[k], n = blocks->starts[k + 1] - first;
        const REAL *a = (const REAL *)pre_activations + first, *x = (const REAL *)clean + first;
        const int together = blocks->losses[k] == DAE_MULTINOMIAL;
        const block_sums sums = together ? sums_of_block(a, n, n) : (block_sums){0};
        dvec losses = {0};
        int missing = 0;
        for (intp d = 0; d < n; d += LANES) {
            const intp count = at_most(n - d, LANES);
            const vec a_d = load_part(a + d, count), x_d = load_part(x + d, count);
            vec entry, by_a;
            if (together)
                entry = -x_d * log_softmax(a_d, &sums);
            else
                entry = loss_and_delta(blocks->losses[k], blocks->activations[k], a_d, x_d, &by_a);
            entry = weighed(zero_if_missing(entry, x_d), entry_weight, first + d, count);
            losses += as_double(zero_tail(entry, count));
            for (intp lane = 0; together && lane < count; lane++)
                missing |= is_nan(x_d[lane]);
        }
        if (!missing)
            sum += blocks->weights[k] * sum_lanes(losses);
    }
    return sum;
}
