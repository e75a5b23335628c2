/* Corrupted copies of rows. The generator is Philox4x32-10 (Salmon et al., SC'11), counted by
 * (column / 4, row, presentation) and keyed by the seed: no state, any entry at any time.
 * dae/_model/reference.py states the same in NumPy; the layout of the counter is given there. */

enum {
    WORDS = 256,     /* random words made at a time: 1 KiB, whole vectors of quads */
    SWAP_DRAWS = 16, /* donors that are asked for an entry, at most */
};

/* word[i] <- the words of columns 4 quad + i of a row, lane by lane. A lane holds a 32-bit number in its
 * lower half, anything in its upper one. */
INLINE void philox(const dae_corruption_spec *c, ptrdiff_t row, uint32_t stream, wide quad, wide word[4])
{
    const uint32_t last = ((uint32_t)((uint64_t)row >> 32) & 0xFFFF) |
                          ((uint32_t)(c->presentation >> 32) & 0x7FFF) << 16 | stream << 31;
    const wide zero = {0};
    wide c0 = quad, c1 = zero + (uint32_t)row, c2 = zero + (uint32_t)c->presentation;
    wide c3 = zero + last;
    uint32_t k0 = (uint32_t)c->seed, k1 = (uint32_t)(c->seed >> 32);
    UNROLL for (int round = 0; round < 10; round++) {
        const wide p0 = multiply_low(c0, zero + 0xD2511F53u);
        const wide p1 = multiply_low(c2, zero + 0xCD9E8D57u);
        c0 = (p1 >> 32) ^ c1 ^ k0;
        c1 = p1;
        c2 = (p0 >> 32) ^ c3 ^ k1;
        c3 = p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    word[0] = c0, word[1] = c1, word[2] = c2, word[3] = c3;
}

/* words[0:4 quads] <- the words of columns 4 first_quad and on; more may be written behind them, up
 * to WORDS. */
static void random_words(const dae_corruption_spec *c, ptrdiff_t row, uint32_t stream,
                         uint32_t first_quad, int quads, uint32_t *restrict words)
{
    wide quad;
    for (int lane = 0; lane < WIDE_LANES; lane++)
        quad[lane] = first_quad + (uint64_t)lane;
    for (int q = 0; q < quads; q += WIDE_LANES, quad += WIDE_LANES) {
        wide word[4];
        philox(c, row, stream, quad, word);
        const wide low = (word[0] & 0xFFFFFFFFu) | word[1] << 32;
        const wide high = (word[2] & 0xFFFFFFFFu) | word[3] << 32;
        const wide in_order[2] = {SHUFFLE_WIDE(low, high, FIRST_OF_BOTH),
                                  SHUFFLE_WIDE(low, high, LAST_OF_BOTH)};
        memcpy(words + 4 * q, in_order, sizeof in_order);
    }
}

/* normal[0:2 pairs] <- standard normals of word pairs (w0, w1), Box & Muller (1958):
 * sqrt(-2 log u) (cos t, sin t) with u = (w0 + 1) / 2^32, t = 2 pi w1 / 2^32.
 * w1 splits into a quadrant and an angle within pi/4 of its middle, where Taylor serves. */
static void normals(int pairs, const uint32_t *restrict words, REAL *restrict normal)
{
    REAL radius[WORDS / 2 + LANES];
    for (int i = 0; i < pairs; i++)
        radius[i] = ((REAL)words[2 * i] + 1) * (REAL)0x1p-32;
    for (intp i = 0; i < pairs; i += LANES)
        store(radius + i, square_root((REAL)-2 * logarithm(load_part(radius + i, pairs - i))));
    for (int i = 0; i < pairs; i++) {
        const uint32_t w = words[2 * i + 1], quadrant = (w + 0x20000000u) >> 30;
        const REAL t = (REAL)(int32_t)(w - (quadrant << 30)) * (REAL)1.46291807926715968105e-9;
        const REAL q = t * t;
        REAL sine = 0, cosine = 0; /* the terms up to t^17: 10^-18 at pi/4 */
        UNROLL for (int k = REAL_IS_FLOAT ? 4 : 8; k >= 1; k--) {
            sine = (sine + 1) * (-q / (REAL)((2 * k) * (2 * k + 1)));
            cosine = (cosine + 1) * (-q / (REAL)((2 * k) * (2 * k - 1)));
        }
        sine = (sine + 1) * t;
        cosine = cosine + 1;
        const REAL x = quadrant & 1 ? sine : cosine, y = quadrant & 1 ? cosine : sine;
        normal[2 * i] = radius[i] * (quadrant == 1 || quadrant == 2 ? -x : x);
        normal[2 * i + 1] = radius[i] * (quadrant >= 2 ? -y : y);
    }
}

/* words[i] <- the word of stream 0 for entry (row, columns[i]), as `random_words` makes it */
static void words_at(const dae_corruption_spec *c, intp row, const int32_t *columns, intp count,
                     uint32_t *words)
{
    for (intp i = 0; i < count; i += WIDE_LANES) {
        const int lanes = (int)at_most(count - i, WIDE_LANES);
        wide quad = {0}, word[4];
        for (int lane = 0; lane < lanes; lane++)
            quad[lane] = (uint64_t)columns[i + lane] / 4;
        philox(c, row, 0, quad, word);
        for (int lane = 0; lane < lanes; lane++)
            words[i + lane] = (uint32_t)word[columns[i + lane] % 4][lane];
    }
}

/* A row of X: its entries, in ascending columns. */
typedef struct {
    intp count;
    const int32_t *columns;
    const REAL *values;
} entries;

INLINE entries row_entries(const dae_csr *X, intp row)
{
    const intp at = X->starts[row];
    return (entries){X->starts[row + 1] - at, X->columns + at, (const REAL *)X->values + at};
}

/* Columns and values of the entries of a sparse row that masking leaves, or of all without it.
 * Returns how many. */
static intp shown_entries(const dae_corruption_spec *c, intp row, entries x,
                          int32_t *restrict columns, REAL *restrict values)
{
    uint32_t words[WORDS];
    intp count = 0;
    for (intp i = 0; i < x.count; i++) {
        if (c->kind == DAE_MASKING) {
            if (i % WORDS == 0)
                words_at(c, row, x.columns + i, at_most(x.count - i, WORDS), words);
            if (words[i % WORDS] >> 8 < c->threshold[x.columns[i]])
                continue;
        }
        columns[count] = x.columns[i];
        values[count++] = x.values[i];
    }
    return count;
}

/* values[0:count] / their length; zeros stay zeros. The sum runs in order: zeros that a sparse row
 * leaves out change no bit of it. */
static void scale_to_unit(REAL *values, intp count)
{
    double squares = 0;
    for (intp i = 0; i < count; i++)
        squares += (double)values[i] * values[i];
    const REAL scale = (REAL)(1 / sqrt(squares));
    if (!(scale <= (REAL_IS_FLOAT ? (REAL)FLT_MAX : (REAL)DBL_MAX))) /* of zeros, or nearly */
        return;
    for (intp i = 0; i < count; i++)
        values[i] *= scale;
}

/* out[0:n] <- a sparse row */
static void unpack(entries x, intp n, REAL *restrict out)
{
    memset(out, 0, (size_t)n * sizeof(REAL));
    for (intp i = 0; i < x.count; i++)
        out[x.columns[i]] = x.values[i];
}

/* The entry of a sparse row in column d */
static REAL entry_at(entries x, int32_t d)
{
    intp low = 0, high = x.count;
    while (low < high) {
        const intp middle = (low + high) / 2;
        if (x.columns[middle] < d)
            low = middle + 1;
        else
            high = middle;
    }
    return low < x.count && x.columns[low] == d ? x.values[low] : 0;
}

/* Whether an entry of x[0:n] is missing. */
INLINE int has_nan(const REAL *x, intp n)
{
    int found = 0;
    for (intp d = 0; d < n; d++)
        found |= is_nan(x[d]);
    return found;
}

/* Where what is swapped together with the feature d, the first of it, ends: at the end of its
 * category, if it has one. `*next` is the first category that may be that one, and moves on. */
INLINE intp swapped_until(const dae_corruption_spec *c, intp d, intp *next)
{
    while (*next < c->n_categories && c->categories[2 * *next] < d)
        ++*next;
    return *next < c->n_categories && c->categories[2 * *next] == d ? c->categories[2 * *next + 1]
                                                                    : d + 1;
}

/* Whether a donor can give the entries of columns [d, stop) to a row. */
INLINE int gives(const dae_data *data, intp n, intp donor, intp row, intp d, intp stop)
{
    return donor != row &&
           !(data->missing && has_nan((const REAL *)data->clean + donor * n + d, stop - d));
}

/* What comes after a donor that cannot: the next one, then others at even distances; else the row. */
NOINLINE intp next_donor(const dae_data *data, intp n, intp row, intp d, intp stop, intp pick)
{
    const dae_corruption_spec *c = &data->corruption;
    pick = (pick + 1) % c->n_donors;
    for (int draw = 1; draw < SWAP_DRAWS; draw++) {
        if (gives(data, n, c->donors[pick], row, d, stop))
            return c->donors[pick];
        pick = (pick + c->n_donors / SWAP_DRAWS + 1) % c->n_donors;
    }
    return row;
}

/* The row to take the entries of columns [d, stop) from: a donor by the random word. */
INLINE intp donor_of(const dae_data *data, intp n, intp row, intp d, intp stop, uint32_t word)
{
    const dae_corruption_spec *c = &data->corruption;
    const intp pick = (intp)(((uint64_t)word * (uint64_t)c->n_donors) >> 32);
    return gives(data, n, c->donors[pick], row, d, stop)
               ? c->donors[pick]
               : next_donor(data, n, row, d, stop, pick);
}

/* The entry of column d of that row */
INLINE REAL clean_entry(const dae_data *data, intp n, intp row, intp d)
{
    return data->clean ? ((const REAL *)data->clean)[row * n + d]
                       : entry_at(row_entries(&data->sparse_clean, row), (int32_t)d);
}

/* out[0:n] <- the corrupted copy of x, which is that row of the data */
static void corrupt_row(const dae_data *data, intp n, intp row, const REAL *x, REAL *restrict out)
{
    const dae_corruption_spec *c = &data->corruption;
    const REAL *level = c->level, *low = c->low, *high = c->high;
    uint32_t words[WORDS], donor_words[WORDS];
    REAL normal[WORDS];
    intp from = row, until = 0, category = 0; /* of what is being swapped */
    for (intp d0 = 0; d0 < n; d0 += WORDS) {
        const int count = (int)(n - d0 < WORDS ? n - d0 : WORDS), quads = (count + 3) / 4;
        const uint32_t *threshold = c->threshold ? c->threshold + d0 : NULL;
        random_words(c, row, 0, (uint32_t)(d0 / 4), quads, words);
        switch (c->kind) {
        case DAE_MASKING:
            for (int i = 0; i < count; i++)
                out[d0 + i] = words[i] >> 8 < threshold[i] ? 0 : x[d0 + i];
            break;
        case DAE_GAUSSIAN:
            normals((count + 1) / 2, words, normal);
            for (int i = 0; i < count; i++)
                out[d0 + i] = x[d0 + i] + level[d0 + i] * normal[i];
            break;
        case DAE_SALT_AND_PEPPER:
            for (int i = 0; i < count; i++) {
                const REAL value = words[i] & 1 ? high[d0 + i] : low[d0 + i];
                out[d0 + i] = words[i] >> 8 < threshold[i] ? value : x[d0 + i];
            }
            break;
        case DAE_SWAP:
            random_words(c, row, 1, (uint32_t)(d0 / 4), quads, donor_words);
            for (int i = 0; !c->n_categories && i < count; i++) {
                intp own = row;
                if (words[i] >> 8 < threshold[i])
                    own = donor_of(data, n, row, d0 + i, d0 + i + 1, donor_words[i]);
                out[d0 + i] = own == row ? x[d0 + i] : clean_entry(data, n, own, d0 + i);
            }
            for (int i = 0; c->n_categories && i < count; i++) {
                if (d0 + i == until) { /* else it follows the first column of its category */
                    until = swapped_until(c, d0 + i, &category);
                    from = words[i] >> 8 < threshold[i]
                               ? donor_of(data, n, row, d0 + i, until, donor_words[i])
                               : row;
                }
                out[d0 + i] = from == row ? x[d0 + i] : clean_entry(data, n, from, d0 + i);
            }
            break;
        }
    }
}

/* weight[0:n] <- emphasis[0] where the row's entry is corrupted, else emphasis[1]; of given
 * corrupted rows, `shown`, the entries that differ */
static void weigh_entries(const dae_data *data, intp n, intp row, const REAL *clean,
                          const REAL *shown, REAL *restrict weight)
{
    const dae_corruption_spec *c = &data->corruption;
    const REAL hit = (REAL)data->emphasis[0], untouched = (REAL)data->emphasis[1];
    const REAL *level = c->level;
    uint32_t words[WORDS];
    intp until = 0, category = 0;
    if (hit == untouched) {
        for (intp d = 0; d < n; d++)
            weight[d] = hit;
        return;
    }
    if (data->corrupted || data->sparse_corrupted.starts) {
        for (intp d = 0; d < n; d++)
            weight[d] = shown[d] != clean[d] ? hit : untouched;
        return;
    }
    for (intp d0 = 0; d0 < n; d0 += WORDS) {
        const int count = (int)(n - d0 < WORDS ? n - d0 : WORDS);
        switch (c->kind) {
        case DAE_NONE:
            for (int i = 0; i < count; i++)
                weight[d0 + i] = untouched;
            break;
        case DAE_GAUSSIAN:
            for (int i = 0; i < count; i++)
                weight[d0 + i] = level[d0 + i] > 0 ? hit : untouched;
            break;
        case DAE_SWAP: /* the words that `corrupt_row` went by, here and below */
            random_words(c, row, 0, (uint32_t)(d0 / 4), (count + 3) / 4, words);
            for (int i = 0; i < count; i++) {
                if (d0 + i < until) {
                    weight[d0 + i] = weight[d0 + i - 1];
                    continue;
                }
                until = swapped_until(c, d0 + i, &category);
                weight[d0 + i] = words[i] >> 8 < c->threshold[d0 + i] ? hit : untouched;
            }
            break;
        default:
            random_words(c, row, 0, (uint32_t)(d0 / 4), (count + 3) / 4, words);
            for (int i = 0; i < count; i++)
                weight[d0 + i] = words[i] >> 8 < c->threshold[d0 + i] ? hit : untouched;
        }
    }
}
