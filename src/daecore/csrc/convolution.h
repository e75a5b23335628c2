/* Convolutions of 3 x 3 pixels, by the register tiles of tiles.h.
 *
 * A map (height + 2, width + 2, channels) has a border of zeros around its pixels, so that each
 * pixel has nine neighbours, of which three side by side lie one behind the other in memory: they
 * are one row of 3 channels numbers, and the rows of neighbouring pixels overlap. A row of pixels is
 *
 *     y (width, outputs) = sum over 3 rows of neighbours   A (width, 3 inputs) K (3 inputs, outputs)
 *
 * and the gradient of a filter's entry is the product of the same numbers, summed over pixels. */
enum {
    GRADIENT_ROWS = 16, /* of pixels in one product: 128 KiB of 32 pixels of 64 channels */
    WORD_CHANNELS = 32  /* words of bfloat16 are made of multiples of so many channels */
};

/* Whether the factors are rounded to bfloat16, two in a word (bfloat16.h) */
INLINE int as_words(const dae_convolution *c)
{
    return HAS_PAIRS && c->inputs % WORD_CHANNELS == 0 && c->outputs % WORD_CHANNELS == 0;
}

INLINE intp row_numbers(intp width, intp channels) { return (width + 2) * channels; }

static intp convolve_scratch(const dae_convolution *c, intp rows)
{
    if (!as_words(c))
        return 0;
    return (rows + 2) * row_numbers(c->width, c->inputs) / 2 + 9 * c->inputs / 2 * c->outputs;
}

/* What is done with the finished sums of a row, in place. */
INLINE void finish_row(const dae_convolution *c, intp count, REAL *y, const REAL *mask)
{
    const vec zero = {0};
    if (c->rectify)
        for (intp i = 0; i < count; i += LANES)
            store(y + i, maximum(load(y + i), zero));
    if (mask != NULL)
        for (intp i = 0; i < count; i += LANES)
            store(y + i, blend((ivec)(load(mask + i) > zero), load(y + i), zero));
}

static void convolve(const dae_convolution *c, const dae_maps *maps, const void *filters,
                     intp start, intp stop, void *scratch)
{
    const intp width = c->width, inputs = c->inputs, outputs = c->outputs;
    const intp x_row = row_numbers(width, inputs), y_row = row_numbers(width, outputs);
    const intp count = width * outputs;
    const REAL *x = (const REAL *)maps->x + start * x_row, *k = filters;
    intp step = x_row;
    factors f[3];
    CHECK(outputs % LINE == 0);
#if HAS_PAIRS
    if (as_words(c)) {
        float *words = scratch, *k_words = words + (stop - start + 2) * x_row / 2;
        pack_rows(x, 0, 1, (stop - start + 2) * x_row, words, 0);
        pack_row_pairs(k, outputs, 9 * inputs, outputs, k_words, outputs);
        x = words;
        k = k_words;
        step = x_row / 2;
    }
#else
    (void)scratch;
#endif
    const int pairs = as_words(c);
    const intp per_pixel = pairs ? inputs / 2 : inputs, terms = 3 * per_pixel;
    for (intp r = start; r < stop; r++, x += step) {
        /* row r of the pixels is row r + 1 of the map */
        const intp at = (r + 1) * y_row + outputs;
        REAL *y = (REAL *)maps->y + at;
        if (maps->added != NULL && maps->added != maps->y)
            memcpy(y, (const REAL *)maps->added + at, (size_t)count * sizeof(REAL));
        const epilogue last = {.mode = maps->added == NULL ? SET : CONTINUE};
        for (int i = 0; i < 3; i++) {
            const REAL *neighbours = x + i * step, *of_row = k + i * terms * outputs;
            f[i] = (factors){terms, neighbours, per_pixel, 1, of_row, outputs, pairs};
        }
        outer_product(width, outputs, f, 3, y, outputs, last);
        finish_row(c, count, y, maps->mask == NULL ? NULL : (const REAL *)maps->mask + at);
    }
}

static intp gradient_scratch(const dae_convolution *c)
{
    return as_words(c) ? GRADIENT_ROWS * (c->width + 1) / 2 * (c->inputs + c->outputs) : 0;
}

static void filter_gradient(const dae_convolution *c, const void *x, const void *delta, int tap,
                            intp start, intp stop, void *gradient, void *scratch)
{
    const intp width = c->width, inputs = c->inputs, outputs = c->outputs, rows = stop - start;
    const intp x_row = row_numbers(width, inputs), delta_row = row_numbers(width, outputs);
    const REAL *neighbours = (const REAL *)x + tap / 3 * x_row + tap % 3 * inputs + start;
    const REAL *d = (const REAL *)delta + delta_row + outputs;
    REAL *g = (REAL *)gradient + (tap * inputs + start) * outputs;
    factors f[GRADIENT_ROWS];
    CHECK(outputs % LINE == 0);
    for (intp r = 0; r < c->height; r += GRADIENT_ROWS) {
        const intp count = at_most(c->height - r, GRADIENT_ROWS);
        for (intp i = 0; i < count; i++, neighbours += x_row, d += delta_row) {
            f[i] = (factors){width, neighbours, 1, inputs, d, outputs, 0};
#if HAS_PAIRS
            if (as_words(c)) {
                const intp words = (width + 1) / 2;
                float *left = (float *)scratch + i * words * (inputs + outputs);
                float *right = left + words * inputs;
                pack_row_pairs(neighbours, inputs, width, rows, left, inputs);
                pack_row_pairs(d, outputs, width, outputs, right, outputs);
                f[i] = (factors){words, left, 1, inputs, right, outputs, 1};
            }
#else
            (void)scratch;
#endif
        }
        outer_product(rows, outputs, f, (int)count, g, outputs, (epilogue){.mode = CONTINUE});
    }
}
