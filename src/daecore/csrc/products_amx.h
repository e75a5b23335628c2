/* The three products of products_vector.h by the processor's matrix unit (AMX), for large batches
 * of float32; the panels they take are told in amx.h. Small batches go by vectors. */
enum {
    /* features, and rows of the batch, decoded at a time: a pair of tiles by a micro-batch */
    DECODE_FEATURES = 2 * FEATURE_GROUP,
    DECODE_ROWS = MICRO_BATCH
};

#include "amx.h"

#include "products_vector.h"

/* ---------------------------------------------------------------- packed codes */

/* Behind the values (room, stride) of an array of codes lie the panels that `matrix_dot` takes as
 * right operands, [row tile][block of columns], whole pairs of row tiles. */
INLINE intp panels_at(const dae_layer *layer, intp room)
{
    return (room * layer->stride * (intp)sizeof(float) + 63) / 64 * 64;
}
static intp packed_bytes(const dae_layer *layer, intp room)
{
    return panels_at(layer, room) +
           (tiles_of(room) + 1) / 2 * 2 * blocks_of(layer->n_hidden) * PANEL;
}

static void pack(const dae_layer *layer, const dae_batch *batch, void *codes, intp start, intp stop)
{
    const intp stride = layer->stride, blocks = blocks_of(layer->n_hidden);
    char *panels = (char *)codes + panels_at(layer, batch->room);
    CHECK(start % DEPTH == 0);
    for (intp b = 0; b < batch->B; b += SIDE)
        for (intp j = start; j < stop; j += DEPTH) {
            char *panel = panels + (b / SIDE * blocks + j / DEPTH) * PANEL;
            pack_lines((const float *)codes + b * stride + j, stride, batch->B - b, stop - j,
                       panel);
            transpose_words(panel);
        }
}

/* ---------------------------------------------------------------- the products */

/* z (B, 32) <- the packed codes of B <= 128 rows times `count` <= 32 rows of weights, transposed; z
 * for a multiple of 32 rows. Columns from `count` on are 0, or those from 16 on are left alone. */
static void matrix_dot(const dae_layer *layer, const dae_batch *batch, const void *codes,
                       const float *W, intp count, float *z)
{
    const intp B = batch->B, m = layer->n_hidden, blocks = blocks_of(m);
    char *scratch = batch->scratch;
    const int MT = count > SIDE ? 2 : 1;
    float *c = (float *)(scratch + 2 * DOT_BLOCKS * PANEL); /* (32, MICRO_BATCH): transposed */
    CHECK(B <= MICRO_BATCH);
    begin_tiles();
    for (intp k0 = 0; k0 < blocks; k0 += DOT_BLOCKS) {
        const intp k1 = at_most(k0 + DOT_BLOCKS, blocks);
        for (int t = 0; t < MT; t++)
            for (intp k = k0; k < k1; k++)
                pack_lines(W + t * SIDE * layer->stride + k * DEPTH, layer->stride,
                           count - t * SIDE, m - k * DEPTH,
                           scratch + (t * DOT_BLOCKS + k - k0) * PANEL);
        for (intp b = 0; b < B; b += 2 * SIDE) {
            const panel_factors f = {k1 - k0, scratch, DOT_BLOCKS * PANEL,
                                     (const char *)codes + panels_at(layer, batch->room) +
                                         (b / SIDE * blocks + k0) * PANEL,
                                     blocks * PANEL};
            panels_table[MT - 1][1](&f, c + b, MICRO_BATCH, k0 > 0);
        }
    }
    end_tiles();
    for (intp b = 0; b < B; b += SIDE)
        for (int t = 0; t < MT; t++)
            transpose_tile(c + t * SIDE * MICRO_BATCH + b, MICRO_BATCH, z + b * 2 * SIDE + t * SIDE,
                           2 * SIDE);
}

/* A result (rows, columns) that is not in its place yet, but at `from`, 32 numbers a row. */
typedef struct {
    const float *from;
    intp rows, columns;
    float *out;
    int add; /* to what is there */
} late_result;

INLINE void put(const late_result *r, intp stride)
{
    for (intp i = 0; i < r->rows; i++)
        for (intp j = 0; j < r->columns; j += SIDE) {
            float *to = r->out + i * stride + j;
            const vec sum = load(r->from + i * STRIP + j);
            store(to, r->add ? load(to) + sum : sum);
        }
}

/* out (B, width) <- A[:, start:stop] W[start:stop, :], B <= 128, or with `add` out += that; of at
 * most RUN_BLOCKS * 32 terms if it is to be added */
static void matrix_project(intp B, const float *A, intp A_stride, const float *W, intp stride,
                           intp start, intp stop, intp width, float *out, int add, char *scratch)
{
    char *left = scratch, *right = scratch + LEFT_TILES * RUN_BLOCKS * PANEL;
    /* What the unit has stored takes long to come back: it is added while the next is made. */
    float results[2][2 * SIDE * STRIP] __attribute__((aligned(64)));
    late_result late = {0};
    int turn = 0;
    CHECK(B <= MICRO_BATCH && (!add || stop - start <= RUN_BLOCKS * DEPTH));
    begin_tiles();
    for (intp d0 = start; d0 < stop; d0 += RUN_BLOCKS * DEPTH) {
        const intp d1 = at_most(d0 + RUN_BLOCKS * DEPTH, stop), blocks = blocks_of(d1 - d0);
        const int joins = add || d0 > start;
        for (intp t = 0; t < tiles_of(B); t++)
            for (intp k = 0; k < blocks; k++)
                pack_lines(A + t * SIDE * A_stride + d0 + k * DEPTH, A_stride, B - t * SIDE,
                           d1 - d0 - k * DEPTH, left + (t * blocks + k) * PANEL);
        for (intp v = 0; v < width; v += STRIP) {
            const int NT = width - v > SIDE ? 2 : 1;
            for (int j = 0; j < NT; j++)
                for (intp k = 0; k < blocks; k++)
                    pack_pairs(W + (d0 + k * DEPTH) * stride + v + j * SIDE, stride,
                               d1 - d0 - k * DEPTH, SIDE, right + (j * blocks + k) * PANEL);
            for (intp b = 0; b < B; b += 2 * SIDE, turn ^= 1) {
                const panel_factors f = {blocks, left + b / SIDE * blocks * PANEL, blocks * PANEL,
                                         right, blocks * PANEL};
                const int in_place = !joins && B - b >= 2 * SIDE;
                float *place = out + b * stride + v;
                panels_table[B - b > SIDE][NT - 1](&f, in_place ? place : results[turn],
                                                   in_place ? stride : STRIP, 0);
                put(&late, stride);
                late = (late_result){results[turn], in_place ? 0 : at_most(B - b, 2 * SIDE),
                                     NT * SIDE, place, joins};
            }
        }
    }
    put(&late, stride);
    end_tiles();
}

/* The panels of columns [start, stop) of the left or the right factors of a gradient,
 * [term][tile][block]. */
INLINE void pack_factors(const gradient_terms *terms, const int left, intp start, intp stop,
                         char *panel)
{
    for (int i = 0; i < terms->count; i++) {
        const float *x = left ? terms->term[i].left : terms->term[i].right;
        const intp stride = left ? terms->term[i].left_stride : terms->term[i].right_stride;
        for (intp c = start; c < stop; c += SIDE)
            for (intp b = 0; b < terms->B; b += DEPTH, panel += PANEL) {
                pack_pairs(x + b * stride + c, stride, terms->B - b, stop - c, panel);
                if (left)
                    transpose_words(panel);
            }
    }
}

/* G (rows, columns) <- the gradient, from its terms' panels, of rows [start, start + rows) of the
 * `rows_packed`; with `resume` G + that. Whole tiles. */
static void matrix_gradient(const gradient_terms *terms, const char *left, intp rows_packed,
                            intp start, intp rows, const char *right, intp columns, float *G,
                            intp ldg, int resume)
{
    const intp blocks = blocks_of(terms->B), step = blocks * PANEL;
    CHECK(start % (2 * SIDE) == 0);
    for (intp i = 0; terms->count == 0 && !resume && i < rows; i++)
        memset(G + i * ldg, 0, (size_t)columns * sizeof(float));
    /* a pair of left panels, 24 KiB, stays in the L1 cache while the right ones pass by */
    for (intp i = 0; i < rows; i += 2 * SIDE)
        for (int term = 0; term < terms->count; term++)
            for (intp v = 0; v < columns; v += STRIP) {
                const panel_factors f = {
                    blocks, left + (term * tiles_of(rows_packed) + (start + i) / SIDE) * step, step,
                    right + (term * tiles_of(columns) + v / SIDE) * step, step};
                panels_table[rows - i > SIDE][columns - v > SIDE](&f, G + i * ldg + v, ldg,
                                                                  resume || term > 0);
            }
}

enum {
    TILE_BYTES = 2 * MICRO_BATCH / DEPTH * PANEL, /* panels of both terms for 16 rows, or columns */
    RIGHT_BYTES = BLOCK / SIDE * TILE_BYTES,
    LEFT_BYTES = 16 * TILE_BYTES
};

/* The same by panels: for as many rows of the weights as LEFT_BYTES are enough for, by 32 rows and
 * BLOCK columns. */
static void move_packed(const dae_layer *layer, const dae_update *solver, const dae_batch *batch,
                        const dae_parameter *p, intp start, intp stop, const gradient_terms *terms,
                        const REAL *dH)
{
    const intp width = whole_lines(layer->n_hidden);
    char *right = batch->scratch, *left = right + RIGHT_BYTES;
    REAL tiles[2 * SIDE * BLOCK] __attribute__((aligned(64)));
    /* in rows: as many as fit, shared out evenly, both by 32 */
    const intp pair = LEFT_BYTES / PANEL / (terms->count > 1 ? 2 : 1) / blocks_of(terms->B) / 2;
    const intp span = even_tile((stop - start + 2 * SIDE - 1) / (2 * SIDE), pair) * 2 * SIDE;
    begin_tiles();
    for (intp d0 = start; d0 < stop; d0 += span) {
        const intp d1 = at_most(d0 + span, stop);
        pack_factors(terms, 1, d0, d1, left);
        for (intp j = 0; j < width; j += BLOCK) {
            const intp end = at_most(j + BLOCK, width);
            pack_factors(terms, 0, j, end, right);
            for (intp d = d0; d < d1; d += 2 * SIDE) {
                const intp rows = at_most(2 * SIDE, d1 - d),
                           ldg = p->gradient ? layer->stride : BLOCK;
                REAL *G = p->gradient ? (REAL *)p->gradient + d * ldg + j : tiles;
                matrix_gradient(terms, left, d1 - d0, d - d0, rows, right, end - j, G, ldg,
                                !batch->begins_batch);
                if (dH)
                    add_sparse_gradient(batch, d, d + rows, end - j, dH + j, layer->stride, G, ldg);
                if (batch->ends_batch)
                    step_rows(layer, solver, p, d, d + rows, j, end - j, G, ldg);
            }
        }
    }
    end_tiles();
}

enum { SCRATCH = (RIGHT_BYTES + LEFT_BYTES) / (int)sizeof(REAL), COLUMNS = 2 * LINE };
_Static_assert((int)(RIGHT_BYTES + LEFT_BYTES) >= (int)PROJECT_BYTES, "scratch is for both");

#define PACK pack
#define PACK_PAIRS NULL
#define PACKED_BYTES packed_bytes

/* ---------------------------------------------------------------- which unit */

INLINE void encode_product(const dae_layer *layer, const dae_batch *batch, const REAL *A,
                           const REAL *W, intp start, intp stop, REAL *out, enum product_mode mode)
{
    /* another thread may initialise the sum this one adds to, so both must take the same path */
    const intp terms = stop - start;
    if (batch->packed &&
        (terms <= RUN_BLOCKS * DEPTH || (mode == SET && terms == layer->n_features)))
        matrix_project(batch->B, A, batch->shown_stride, W, layer->stride, start, stop,
                       whole_lines(layer->n_hidden), out, mode == ADD, batch->scratch);
    else
        vector_encode_product(layer, batch, A, W, start, stop, out, mode);
}

INLINE void decode_product(const dae_layer *layer, const dae_batch *batch, const REAL *V,
                           const REAL *code, intp b0, intp rows, intp start, intp stop, REAL *z)
{
    if (batch->packed) {
        CHECK(b0 == 0 && rows == batch->B && stop - start <= DECODE_FEATURES);
        matrix_dot(layer, batch, code, V + start * layer->stride, stop - start, z);
    } else
        vector_decode_product(layer, V, code, b0, rows, start, stop, z);
}

INLINE void update_product(const dae_layer *layer, const dae_update *solver, const dae_batch *batch,
                           const void *delta, const void *code_delta, intp start, intp stop)
{
    gradient_terms of_V, of_W;
    if (!batch->packed) {
        vector_update_product(layer, solver, batch, delta, code_delta, start, stop);
        return;
    }
    gradients(layer, batch, delta, code_delta, 0, &of_V, &of_W);
    if (layer->decoder.value && !layer->tied)
        move_packed(layer, solver, batch, &layer->decoder, start, stop, &of_V, NULL);
    move_packed(layer, solver, batch, &layer->encoder, start, stop, &of_W,
                batch->sparse ? code_delta : NULL);
}
