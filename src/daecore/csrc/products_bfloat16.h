/* The three products of products_vector.h from factors rounded to bfloat16, by vdpbf16ps: it
 * multiplies the two halves of each word (bfloat16.h) and adds both products, in float32. So the
 * register tiles are those of float32, with words in the place of numbers and half as many steps.
 *
 * The halves of a word are neighbours along the sum, so each operand is packed by what it is summed
 * over:
 *
 *     encode    A (B, n) by rows            W by pairs of rows
 *     decode    H (B, m) by rows            V by rows, transposed
 *     update    X~, dZ by pairs of rows     H, dH by pairs of rows
 *
 * Codes and their deltas serve all leaves: they are packed once a batch, by `pack` and `pack_pairs`.
 * Inputs, deltas and weights belong to one leaf and are packed where they are used. Small batches
 * do not repay that and go by float32. */
enum {
    /* features, and rows of the batch, decoded at a time: weights are packed once a micro-batch */
    DECODE_FEATURES = 2 * FEATURE_GROUP,
    DECODE_ROWS = MICRO_BATCH,
    DECODE_WORDS = 256 /* of the sum over hidden units at a time: 32 KiB of weights */
};

#include "bfloat16.h"

#include "products_vector.h"

/* ---------------------------------------------------------------- words */

/* out (rows, ld) <- words of the numbers 2p and 2p + 1 of each of these rows of `count` numbers;
 * whole vectors of words, zeros behind the row's end */
INLINE void pack_rows(const float *x, intp stride, intp rows, intp count, float *out, intp ld)
{
    for (intp i = 0; i < rows; i++, x += stride, out += ld)
        for (intp j = 0; j < count; j += 2 * LANES)
            store(out + j / 2, row_words(load_masked(x + j, count - j),
                                         load_masked(x + j + LANES, count - j - LANES)));
}

/* out ((rows + 1) / 2, ld) <- words of rows 2p and 2p + 1, zeros for the row behind an odd last one;
 * whole vectors of words, zeros behind column `count` */
INLINE void pack_row_pairs(const float *x, intp stride, intp rows, intp count, float *out, intp ld)
{
    for (intp b = 0; b < rows; b += 2, x += 2 * stride, out += ld)
        for (intp j = 0; j < count; j += LANES)
            store(out + j,
                  pair_words(load_masked(x + j, count - j),
                             load_masked(x + stride + j, b + 1 < rows ? count - j : 0)));
}

/* out (16 words, ld) <- words of 32 numbers of each of at most 16 rows, which become columns */
INLINE void pack_transposed(const float *x, intp stride, intp rows, intp count, float *out, intp ld)
{
    __m512 r[16];
    for (intp i = 0; i < 16; i++) {
        const intp valid = i < rows ? count : 0;
        r[i] = (__m512)row_words(load_masked(x + i * stride, valid),
                                 load_masked(x + i * stride + LANES, valid - LANES));
    }
    transpose_16(r);
    for (intp i = 0; i < 16; i++)
        store(out + i * ld, (vec)r[i]);
}

/* ---------------------------------------------------------------- packed codes */

/* Behind the values (room, stride) of an array of codes lie its words by rows, (room, row_length),
 * then those by pairs of rows, ((room + 1) / 2, stride). */
INLINE intp row_length(const dae_layer *layer)
{
    return (whole_lines(layer->n_hidden) + 2 * LANES - 1) / (2 * LANES) * LANES;
}
INLINE float *words_by_rows(const dae_layer *layer, const dae_batch *batch, const void *codes)
{
    return (float *)codes + batch->room * layer->stride;
}
INLINE float *words_by_pairs(const dae_layer *layer, const dae_batch *batch, const void *codes)
{
    return words_by_rows(layer, batch, codes) + batch->room * row_length(layer);
}
static intp packed_bytes(const dae_layer *layer, intp room)
{
    return (intp)sizeof(float) *
           (room * layer->stride + room * row_length(layer) + (room + 1) / 2 * layer->stride);
}

static void pack(const dae_layer *layer, const dae_batch *batch, void *codes, intp start, intp stop)
{
    CHECK(start % (2 * LANES) == 0);
    pack_rows((const float *)codes + start, layer->stride, batch->B, stop - start,
              words_by_rows(layer, batch, codes) + start / 2, row_length(layer));
}

static void pack_pairs(const dae_layer *layer, const dae_batch *batch, void *codes, intp start,
                       intp stop)
{
    pack_row_pairs((const float *)codes + start, layer->stride, batch->B, stop - start,
                   words_by_pairs(layer, batch, codes) + start, layer->stride);
}

/* ---------------------------------------------------------------- the products */

static void encode_pairs(const dae_layer *layer, const dae_batch *batch, const float *A,
                         const float *W, intp start, intp stop, float *out, enum product_mode mode)
{
    const intp B = batch->B, stride = layer->stride, width = whole_lines(layer->n_hidden);
    float *left = batch->scratch, *right = left + MICRO_BATCH * RUN / 2;
    CHECK(B <= MICRO_BATCH && (mode != ADD || stop - start <= RUN));
    for (intp d = start; d < stop; d += RUN) {
        const intp count = at_most(stop - d, RUN);
        pack_rows(A + d, batch->shown_stride, B, count, left, RUN / 2);
        for (intp j = 0; j < width; j += BLOCK) {
            const intp columns = at_most(width - j, BLOCK);
            pack_row_pairs(W + d * stride + j, stride, count, columns, right, BLOCK);
            const factors f = {(count + 1) / 2, left, RUN / 2, 1, right, BLOCK, 1};
            outer_product(B, columns, &f, 1, out + j, stride,
                          (epilogue){.mode = d > start ? CONTINUE : mode});
        }
    }
}

/* z as of `vector_decode_product`, whole vectors of columns; the rest are left alone */
static void decode_pairs(const dae_layer *layer, const dae_batch *batch, const float *V,
                         const float *code, intp b0, intp rows, intp start, intp stop, float *z)
{
    const intp width = whole_lines(layer->n_hidden), length = row_length(layer);
    const intp columns = stop - start > LANES ? 2 * LANES : LANES;
    const float *left = words_by_rows(layer, batch, code) + b0 * length;
    float *right = batch->scratch;
    CHECK(rows <= DECODE_ROWS && stop - start <= DECODE_FEATURES);
    for (intp p = 0; p < length; p += DECODE_WORDS) {
        const intp end = at_most(p + DECODE_WORDS, length);
        for (intp d = start; d < stop; d += LANES)
            for (intp q = p; q < end; q += LANES)
                pack_transposed(V + d * layer->stride + 2 * q, layer->stride, stop - d,
                                width - 2 * q, right + (q - p) * DECODE_FEATURES + d - start,
                                DECODE_FEATURES);
        const factors f = {end - p, left + p, length, 1, right, DECODE_FEATURES, 1};
        outer_product(rows, columns, &f, 1, z, DECODE_FEATURES,
                      (epilogue){.mode = p > 0 ? CONTINUE : SET});
    }
}

/* All rows of a micro-batch and half the columns at a time: as much of the cache as BLOCK columns of
 * half the rows, and the gradient of plain SGD never leaves the registers. */
enum { PAIRS_BLOCK = BLOCK / 2, LEFT_WORDS = MICRO_BATCH / 2 * SPAN };

static void update_pairs(const dae_layer *layer, const dae_update *solver, const dae_batch *batch,
                         const float *delta, const float *code_delta, intp start, intp stop)
{
    const intp width = whole_lines(layer->n_hidden), stride = layer->stride, B = batch->B;
    const int decodes = layer->decoder.value != NULL;
    const float *shown = batch->shown, *right_of_V = NULL,
                *right_of_W = words_by_pairs(layer, batch, code_delta);
    float *G = batch->scratch, *left_of_V = G + SPAN * BLOCK, *left_of_W = left_of_V + LEFT_WORDS;
    if (decodes)
        right_of_V = words_by_pairs(layer, batch, batch->decoded);
    for (intp d0 = start; d0 < stop; d0 += SPAN) {
        const intp d1 = at_most(d0 + SPAN, stop);
        if (decodes)
            pack_row_pairs(delta + d0, batch->shown_stride, B, d1 - d0, left_of_V, SPAN);
        if (!batch->sparse)
            pack_row_pairs(shown + d0, batch->shown_stride, B, d1 - d0, left_of_W, SPAN);
        for (intp j = 0; j < width; j += PAIRS_BLOCK) {
            const intp columns = at_most(width - j, PAIRS_BLOCK);
            gradient_terms of_V = {.B = (B + 1) / 2, .pairs = 1, .origin = d0}, of_W = of_V;
            if (decodes)
                add_term(layer->tied ? &of_W : &of_V, left_of_V, SPAN, right_of_V + j, stride);
            if (!batch->sparse)
                add_term(&of_W, left_of_W, SPAN, right_of_W + j, stride);
            if (decodes && !layer->tied)
                move_rows(layer, solver, batch, &layer->decoder, d0, d1, j, columns, &of_V, NULL,
                          G);
            move_rows(layer, solver, batch, &layer->encoder, d0, d1, j, columns, &of_W,
                      batch->sparse ? code_delta + j : NULL, G);
        }
    }
}

enum { SCRATCH = (MICRO_BATCH + BLOCK) * RUN / 2, COLUMNS = 2 * LINE };
_Static_assert((int)SCRATCH >= SPAN * BLOCK + 2 * (int)LEFT_WORDS, "scratch is for gradients, too");
_Static_assert((int)SCRATCH >= (int)DECODE_WORDS * (int)DECODE_FEATURES, "and for decoding");

#define PACK pack
#define PACK_PAIRS pack_pairs
#define PACKED_BYTES packed_bytes

/* ---------------------------------------------------------------- which factors */

INLINE void encode_product(const dae_layer *layer, const dae_batch *batch, const REAL *A,
                           const REAL *W, intp start, intp stop, REAL *out, enum product_mode mode)
{
    /* another thread may initialise the sum this one adds to, so both must take the same path */
    const intp terms = stop - start;
    if (batch->packed && (terms <= RUN || (mode == SET && terms == layer->n_features)))
        encode_pairs(layer, batch, A, W, start, stop, out, mode);
    else
        vector_encode_product(layer, batch, A, W, start, stop, out, mode);
}

INLINE void decode_product(const dae_layer *layer, const dae_batch *batch, const REAL *V,
                           const REAL *code, intp b0, intp rows, intp start, intp stop, REAL *z)
{
    if (batch->packed)
        decode_pairs(layer, batch, V, code, b0, rows, start, stop, z);
    else
        vector_decode_product(layer, V, code, b0, rows, start, stop, z);
}

INLINE void update_product(const dae_layer *layer, const dae_update *solver, const dae_batch *batch,
                           const void *delta, const void *code_delta, intp start, intp stop)
{
    if (batch->packed)
        update_pairs(layer, solver, batch, delta, code_delta, start, stop);
    else
        vector_update_product(layer, solver, batch, delta, code_delta, start, stop);
}
