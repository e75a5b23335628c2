/* The multinomial loss of a row, E = -sum_d x_d log softmax(a)_d = sum_d x_d (log sum_e exp a_e - a_d),
 * whose features depend on each other. Sweep 1 takes two passes for it: the pre-activations with
 * each leaf's part of the row's sums, then, these added up, loss and delta. With weights of entries,
 * x is multiplied by them. Features whose x is missing, NaN, are left out: the others are compared
 * with each other. */

/* Of some features of a row. */
typedef struct {
    double largest, total; /* largest a; sum of exp(a - largest) */
    double mass, cross;    /* sum of x; sum of x a */
} score_sums;
_Static_assert(sizeof(score_sums) == DAE_SCORE_SUMS * sizeof(double), "as the buffers have it");

enum { LOWEST_SCORE = -1000000000 }; /* below every a, and no infinity */

/* The same lane by lane, while a row is passed over: one pass, whatever the largest a will be. */
typedef struct {
    vec largest;
    dvec total, mass, cross;
} score_lanes;

INLINE score_lanes no_scores(void)
{
    return (score_lanes){.largest = broadcast(LOWEST_SCORE)};
}

INLINE void add_scores(score_lanes *s, vec a, vec x, intp count)
{
    const vec largest = maximum(s->largest, a);
    const vec more = zero_tail(exponential(a - largest), count);
    s->total = s->total * as_double(exponential(s->largest - largest)) + as_double(more);
    s->largest = largest;
    s->mass += as_double(zero_tail(x, count));
    s->cross += as_double(zero_tail(x, count)) * as_double(zero_tail(a, count));
}

/* into += more */
INLINE void join_sums(score_sums *into, score_sums more)
{
    /* `!(<=)`: a NaN is taken over, so that it is seen in the loss */
    const double largest = !(more.largest <= into->largest) ? more.largest : into->largest;
    into->total = into->total * exp(into->largest - largest) + more.total * exp(more.largest - largest);
    into->largest = largest;
    into->mass += more.mass;
    into->cross += more.cross;
}

INLINE score_sums sums_of(const score_lanes *s)
{
    score_sums sums = {LOWEST_SCORE, 0, 0, 0};
    for (intp lane = 0; lane < LANES; lane++)
        join_sums(&sums, (score_sums){(double)s->largest[lane], s->total[lane], s->mass[lane],
                                      s->cross[lane]});
    return sums;
}

/* a and x where x is there; where it is missing, what adds nothing to the sums */
INLINE vec score_if_there(vec a, vec x) { return blend(x == x, a, broadcast(LOWEST_SCORE)); }
INLINE vec zero_if_missing(vec v, vec x) { return blend(x == x, v, (vec){0}); }

INLINE vec weighed(vec x, const void *entry_weight, intp at, intp count)
{
    return entry_weight ? x * load_part((const REAL *)entry_weight + at, count) : x;
}

/* delta[:, D] <- a; sums[b] <- those of row b over the features D */
static void scores(const dae_data *data, const dae_layer *layer, const dae_batch *batch, intp start,
                   intp stop, void *delta, double *sums)
{
    const intp n = layer->n_features, stride = batch->shown_stride, B = batch->B;
    const REAL *bias = layer->visible_bias.value;
    REAL z[DECODE_ROWS * DECODE_FEATURES] = {0};
    for (intp d0 = start; d0 < stop; d0 += DECODE_FEATURES) {
        const intp d1 = at_most(d0 + DECODE_FEATURES, stop);
        for (intp b0 = 0; b0 < B; b0 += DECODE_ROWS) {
            const intp rows = at_most(B - b0, DECODE_ROWS);
            decode_product(layer, batch, layer->decoder.value, batch->decoded, b0, rows, d0, d1, z);
            for (intp b = 0; b < rows; b++)
                for (intp d = d0; d < d1; d += LANES) {
                    const intp count = at_most(d1 - d, LANES);
                    store_part((REAL *)delta + (b0 + b) * stride + d,
                               load(z + b * DECODE_FEATURES + d - d0) + load_part(bias + d, count),
                               count);
                }
        }
    }
    for (intp b = 0; b < B; b++) {
        REAL *a = (REAL *)delta + b * stride;
        const REAL *clean = clean_row(data, batch, n, b);
        score_lanes lanes = no_scores();
        for (intp d = start; d < stop; d += LANES) {
            const intp count = at_most(stop - d, LANES);
            vec x = load_part(clean + d, count);
            if (data->missing) {
                store_part(a + d, score_if_there(load_part(a + d, count), x), count);
                x = zero_if_missing(x, x);
            }
            add_scores(&lanes, load_part(a + d, count),
                       weighed(x, batch->entry_weight, b * stride + d, count), count);
        }
        ((score_sums *)sums)[b] = sums_of(&lanes);
    }
}

/* totals[b] <- log sum exp a, and the mass, of whole rows, from the sums (n_leaves, B) */
static void join_scores(const double *sums, int n_leaves, intp B, double *totals)
{
    for (intp b = 0; b < B; b++) {
        score_sums row = ((const score_sums *)sums)[b];
        for (intp leaf = 1; leaf < n_leaves; leaf++)
            join_sums(&row, ((const score_sums *)sums)[leaf * B + b]);
        totals[2 * b] = row.largest + log(row.total);
        totals[2 * b + 1] = row.mass;
    }
}

/* The second pass: what `decode_delta` does, from the pre-activations in delta and the rows' totals */
static void multinomial_delta(const dae_data *data, const dae_layer *layer, const dae_batch *batch,
                              intp start, intp stop, const double *totals, void *delta,
                              void *visible_grad, double *loss)
{
    const intp n = layer->n_features, stride = batch->shown_stride;
    const REAL *weight = data->weight, inverse_B = 1 / (REAL)batch->batch_size;
    memset(loss, 0, (size_t)feature_groups(stop - start) * sizeof(double));
    for (intp d = start; d < stop; d += LANES) {
        const intp count = at_most(stop - d, LANES);
        REAL *gradient = (REAL *)visible_grad + d;
        vec grad_sum = batch->begins_batch ? (vec){0} : load_part(gradient, count);
        dvec loss_sum = {0};
        for (intp b = 0; b < batch->B; b++) {
            REAL *at = (REAL *)delta + b * stride + d;
            const REAL w = weight ? weight[batch->rows[b]] : 1;
            const REAL log_total = (REAL)totals[2 * b], mass = (REAL)totals[2 * b + 1];
            const vec clean = load_part(clean_row(data, batch, n, b) + d, count);
            vec x = data->missing ? zero_if_missing(clean, clean) : clean;
            x = weighed(x, batch->entry_weight, b * stride + d, count);
            const vec below = load_part(at, count) - log_total; /* log softmax */
            vec by_a = (mass * exponential(below) - x) * (w * inverse_B), entry = w * x * below;
            if (data->missing)
                by_a = zero_if_missing(by_a, clean), entry = zero_if_missing(entry, clean);
            loss_sum -= as_double(zero_tail(entry, count));
            grad_sum += by_a;
            store_part(at, by_a, count);
        }
        store_part(gradient, grad_sum, count);
        loss[(d - start) / FEATURE_GROUP] += sum_lanes(loss_sum);
    }
}

/* row_loss[b] += E of the rows of `clean` */
static void multinomial_losses(const dae_layer *layer, const dae_batch *batch, const REAL *clean,
                               const REAL *entry_weight, const void *code, double *row_loss)
{
    const intp n = layer->n_features;
    const REAL *bias = layer->visible_bias.value;
    REAL z[DECODE_ROWS * DECODE_FEATURES] = {0};
    score_lanes lanes[DECODE_ROWS];
    for (intp b0 = 0; b0 < batch->B; b0 += DECODE_ROWS) {
        const intp rows = at_most(batch->B - b0, DECODE_ROWS);
        for (intp b = 0; b < rows; b++)
            lanes[b] = no_scores();
        for (intp d0 = 0; d0 < n; d0 += DECODE_FEATURES) {
            const intp d1 = at_most(d0 + DECODE_FEATURES, n);
            decode_product(layer, batch, layer->decoder.value, code, b0, rows, d0, d1, z);
            for (intp b = 0; b < rows; b++)
                for (intp d = d0; d < d1; d += LANES) {
                    const intp count = at_most(d1 - d, LANES), at = (b0 + b) * n + d;
                    const vec x = load_part(clean + at, count);
                    const vec a =
                        load(z + b * DECODE_FEATURES + d - d0) + load_part(bias + d, count);
                    add_scores(&lanes[b], score_if_there(a, x),
                               weighed(zero_if_missing(x, x), entry_weight, at, count), count);
                }
        }
        for (intp b = 0; b < rows; b++) {
            const score_sums row = sums_of(&lanes[b]);
            if (!(row.mass == 0 && row.total == 0)) /* a row of missing entries only */
                row_loss[b0 + b] += row.mass * (row.largest + log(row.total)) - row.cross;
        }
    }
}

/* z[0:n] <- softmax of the pre-activations z */
static void softmax_row(void *row_of_z, intp n)
{
    REAL *z = row_of_z;
    score_lanes lanes = no_scores();
    for (intp d = 0; d < n; d += LANES)
        add_scores(&lanes, load_part(z + d, n - d), (vec){0}, at_most(n - d, LANES));
    const score_sums row = sums_of(&lanes);
    const REAL log_total = (REAL)(row.largest + log(row.total));
    for (intp d = 0; d < n; d += LANES)
        store_part(z + d, exponential(load_part(z + d, n - d) - log_total), n - d);
}
