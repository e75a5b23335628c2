/* The same two products by the processor's matrix unit (AMX), for batches of float32.
 *
 * The unit multiplies bfloat16 numbers, 8 bits of precision, and adds in float32, sixteen times as
 * many in a cycle as the vector units. A float32 number has 24 bits: it is the sum of three bfloat16
 * pieces, x = x0 + x1 + x2, exactly (unless a piece is below 1e-38, which the unit takes as 0). Of the
 * nine products of the pieces of two numbers the six largest are made,
 *
 *     x y  ~  x0 y0 + (x0 y1 + x1 y0) + (x0 y2 + x1 y1 + x2 y0).
 *
 * What is left out is below 2^-21 |x y|, 2^-24 on average. A sum adds up in chunks of few roundings, so
 * that it comes out closer to the exact one than a sum of float32 products term by term
 * (python -m bench.kernels --only precision), in half the time.
 *
 * Tiles are 16 rows of 64 bytes. Numbers go into panels of 3 tiles, one for each piece:
 *
 *     left panel     16 rows i of A(i, k), 32 terms k:     words[i][p] = A(i, p) and A(i, p + 16)
 *     right panel    32 terms k of Bm[k, v], 16 columns v:  words[p][v] = Bm[p, v] and Bm[p + 16, v]
 *
 * a word being two bfloat16 numbers. So the right panel of a matrix is the left panel of its
 * transpose with rows and columns of words exchanged. An element's sum runs over the terms in an
 * order that depends on where the terms begin only, not on what tile the element is in.
 */

enum {
    PIECES = 3,
    SIDE = 16,               /* rows of a tile; columns of results */
    DEPTH = 32,              /* terms in a panel */
    TILE = SIDE * 64,        /* bytes */
    PANEL = PIECES * TILE,   /* bytes */
    LEFT_TILES = DAE_PIECE / SIDE,
    RUN_BLOCKS = 12,         /* panels behind one another */
    STRIP = 2 * SIDE,        /* columns of the result for which the right operand is packed */
    PROJECT_BYTES = (LEFT_TILES + 2) * RUN_BLOCKS * PANEL,
    DOT_BLOCKS = 4           /* of the sum over hidden units at a time: 24 KiB of weights' panels stay
                                in the L1 cache while those of the rows pass by */
};

typedef uint32_t words __attribute__((vector_size(64)));

INLINE intp tiles_of(intp rows) { return (rows + SIDE - 1) / SIDE; }
INLINE intp blocks_of(intp terms) { return (terms + DEPTH - 1) / DEPTH; }

/* ---------------------------------------------------------------- the unit's instructions */

/* The assembler's, so that no compiler's header or switch is needed. */
#define TILE_ZERO(T) __asm__ volatile("tilezero %%tmm" #T ::: "memory")
#define TILE_LOAD(T, FROM, STRIDE)                                                                 \
    __asm__ volatile("tileloadd (%0,%1,1), %%tmm" #T ::"r"(FROM), "r"((intp)(STRIDE)) : "memory")
#define TILE_STORE(T, TO, STRIDE)                                                                  \
    __asm__ volatile("tilestored %%tmm" #T ", (%0,%1,1)" ::"r"(TO), "r"((intp)(STRIDE)) : "memory")
#define TILE_MULTIPLY(C, A, B) __asm__ volatile("tdpbf16ps %%tmm" #B ", %%tmm" #A ", %%tmm" #C ::)

/* All tiles whole. To be released afterwards: the system saves the unit's state when it switches
 * threads, if there is any. */
INLINE void begin_tiles(void)
{
    static const struct {
        uint8_t palette, start_row, reserved[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } whole __attribute__((aligned(64))) = {
        1, 0, {0}, {64, 64, 64, 64, 64, 64, 64, 64}, {16, 16, 16, 16, 16, 16, 16, 16}};
    __asm__ volatile("ldtilecfg %0" ::"m"(whole));
}
INLINE void end_tiles(void) { __asm__ volatile("tilerelease" ::: "memory"); }

/* ---------------------------------------------------------------- panels */

/* The pieces of 16 pairs of numbers, a row of words of each tile. Cutting the mantissa off instead
 * of rounding it leaves remainders that have 8 bits less, so the third is exact. */
INLINE void store_pieces(char *to, vec low, vec high)
{
    const words upper_half = (words){0} + 0xFFFF0000u;
    UNROLL for (int piece = 0; piece < PIECES; piece++) {
        const words l = (words)low & upper_half, h = (words)high & upper_half;
        *(words *)(to + piece * TILE) = h | l >> 16;
        low -= (vec)l;
        high -= (vec)h;
    }
}

/* The first `count` lanes, zeros behind; reads nothing else. */
INLINE vec load_masked(const float *p, intp count)
{
    if (count >= SIDE)
        return load(p);
    return count > 0 ? (vec)_mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), p) : (vec){0};
}

/* 16 x 16 numbers, or words: rows become columns. */
INLINE void transpose_16(__m512 r[16])
{
    __m512 t[16];
    UNROLL for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
    }
    UNROLL for (int i = 0; i < 16; i += 4)
        UNROLL for (int j = 0; j < 2; j++) {
            const __m512d a = _mm512_castps_pd(t[i + j]), b = _mm512_castps_pd(t[i + j + 2]);
            r[i + 2 * j] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, b));
            r[i + 2 * j + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, b));
        }
    UNROLL for (int i = 0; i < 16; i += 8)
        UNROLL for (int j = 0; j < 4; j++) {
            t[i + j] = _mm512_shuffle_f32x4(r[i + j], r[i + j + 4], 0x88);
            t[i + j + 4] = _mm512_shuffle_f32x4(r[i + j], r[i + j + 4], 0xDD);
        }
    UNROLL for (int j = 0; j < 8; j++) {
        r[j] = _mm512_shuffle_f32x4(t[j], t[j + 8], 0x88);
        r[j + 8] = _mm512_shuffle_f32x4(t[j], t[j + 8], 0xDD);
    }
}

/* 16 rows of 16 numbers at `from` become columns at `to`, which may be the same place. */
INLINE void transpose_tile(const float *from, intp from_stride, float *to, intp to_stride)
{
    __m512 r[16];
    UNROLL for (int i = 0; i < 16; i++)
        r[i] = _mm512_loadu_ps(from + i * from_stride);
    transpose_16(r);
    UNROLL for (int i = 0; i < 16; i++)
        _mm512_storeu_ps(to + i * to_stride, r[i]);
}

INLINE void exchange(char *panel)
{
    for (int piece = 0; piece < PIECES; piece++)
        transpose_tile((float *)(panel + piece * TILE), SIDE, (float *)(panel + piece * TILE), SIDE);
}

/* Up to 16 lines of up to 32 numbers, words[line][p]: a left panel of rows of A. */
static void pack_lines(const float *x, intp stride, intp lines, intp count, char *panel)
{
    for (intp i = 0; i < SIDE; i++) {
        const float *line = x + i * stride;
        const intp valid = i < lines ? count : 0;
        store_pieces(panel + i * 64, load_masked(line, valid), load_masked(line + SIDE, valid - SIDE));
    }
}

/* Up to 32 lines of up to 16 numbers, words[p][column]: a right panel of rows of Bm. */
static void pack_pairs(const float *x, intp stride, intp lines, intp count, char *panel)
{
    for (intp p = 0; p < SIDE; p++) {
        const float *line = x + p * stride;
        store_pieces(panel + p * 64, load_masked(line, p < lines ? count : 0),
                     load_masked(line + SIDE * stride, p + SIDE < lines ? count : 0));
    }
}

/* ---------------------------------------------------------------- products of panels */

/* Panels of 16 rows are `left_step` bytes apart, of 16 columns `right_step`. */
typedef struct {
    intp blocks;
    const char *left;
    intp left_step;
    const char *right;
    intp right_step;
} panel_factors;

/* c (MT x 16, NT x 16) <- the product, or with `go_on` c + that */
INLINE void panels(const int MT, const int NT, const panel_factors *f, float *c, intp ldc, int go_on)
{
    const intp row = ldc * (intp)sizeof(float);
    char *c00 = (char *)c, *c10 = c00 + SIDE * row;
#define EACH(DO)                                                                                   \
    DO(0, c00);                                                                                    \
    if (NT > 1)                                                                                    \
        DO(1, c00 + 64);                                                                           \
    if (MT > 1)                                                                                    \
        DO(2, c10);                                                                                \
    if (MT > 1 && NT > 1)                                                                          \
        DO(3, c10 + 64)
#define CLEAR(T, AT) TILE_ZERO(T)
#define FETCH(T, AT) TILE_LOAD(T, AT, row)
#define KEEP(T, AT) TILE_STORE(T, AT, row)
#define LEFT(PIECE)                                                                                \
    TILE_LOAD(4, left + PIECE * TILE, 64);                                                         \
    if (MT > 1)                                                                                    \
        TILE_LOAD(5, left + f->left_step + PIECE * TILE, 64)
#define RIGHT(PIECE)                                                                               \
    TILE_LOAD(6, right + PIECE * TILE, 64);                                                        \
    if (NT > 1)                                                                                    \
        TILE_LOAD(7, right + f->right_step + PIECE * TILE, 64)
#define MULTIPLY                                                                                   \
    TILE_MULTIPLY(0, 4, 6);                                                                        \
    if (NT > 1)                                                                                    \
        TILE_MULTIPLY(1, 4, 7);                                                                    \
    if (MT > 1)                                                                                    \
        TILE_MULTIPLY(2, 5, 6);                                                                    \
    if (MT > 1 && NT > 1)                                                                          \
        TILE_MULTIPLY(3, 5, 7)
    if (go_on) {
        EACH(FETCH);
    } else {
        EACH(CLEAR);
    }
    const char *left = f->left, *right = f->right;
    for (intp k = 0; k < f->blocks; k++, left += PANEL, right += PANEL) {
        LEFT(0);
        RIGHT(2);
        MULTIPLY;
        RIGHT(1);
        MULTIPLY;
        RIGHT(0);
        MULTIPLY;
        LEFT(1);
        MULTIPLY;
        RIGHT(1);
        MULTIPLY;
        LEFT(2);
        RIGHT(0);
        MULTIPLY;
    }
    EACH(KEEP);
#undef EACH
#undef CLEAR
#undef FETCH
#undef KEEP
#undef LEFT
#undef RIGHT
#undef MULTIPLY
}

#define PANELS(MT, NT)                                                                             \
    NOINLINE void panels_##MT##x##NT(const panel_factors *f, float *c, intp ldc, int go_on)        \
    {                                                                                              \
        panels(MT, NT, f, c, ldc, go_on);                                                          \
    }
PANELS(1, 1) PANELS(1, 2) PANELS(2, 1) PANELS(2, 2)

typedef void panels_function(const panel_factors *f, float *c, intp ldc, int go_on);
static panels_function *const panels_table[2][2] = {{panels_1x1, panels_1x2},
                                                    {panels_2x1, panels_2x2}};

/* ---------------------------------------------------------------- packed codes */

/* Behind the values (room, stride) of an array of codes lie the panels that `matrix_dot` takes as right
 * operands, [row tile][block of columns], whole pairs of row tiles. */
INLINE intp panels_at(const dae_layer *layer, intp room)
{
    return (room * layer->stride * (intp)sizeof(float) + 63) / 64 * 64;
}
static intp packed_bytes(const dae_layer *layer, intp room)
{
    return panels_at(layer, room) + (tiles_of(room) + 1) / 2 * 2 * blocks_of(layer->n_hidden) * PANEL;
}

static void pack(const dae_layer *layer, const dae_batch *batch, void *codes, intp first, intp last)
{
    const intp stride = layer->stride, blocks = blocks_of(layer->n_hidden);
    char *panels = (char *)codes + panels_at(layer, batch->room);
    CHECK(first % DEPTH == 0);
    for (intp b = 0; b < batch->B; b += SIDE)
        for (intp j = first; j < last; j += DEPTH) {
            char *panel = panels + (b / SIDE * blocks + j / DEPTH) * PANEL;
            pack_lines((const float *)codes + b * stride + j, stride, batch->B - b, last - j, panel);
            exchange(panel);
        }
}

/* ---------------------------------------------------------------- the products */

/* z (B, 32) <- the packed codes of B <= 128 rows times `count` <= 32 rows of weights, transposed; z for
 * a multiple of 32 rows. Columns from `count` on are 0, or those from 16 on are left alone. */
static void matrix_dot(const dae_layer *layer, const dae_batch *batch, const void *codes,
                       const float *W, intp count, float *z)
{
    const intp B = batch->B, m = layer->n_hidden, blocks = blocks_of(m);
    char *scratch = batch->scratch;
    const int MT = count > SIDE ? 2 : 1;
    float *c = (float *)(scratch + 2 * DOT_BLOCKS * PANEL); /* (32, DAE_PIECE): transposed */
    CHECK(B <= DAE_PIECE);
    begin_tiles();
    for (intp k0 = 0; k0 < blocks; k0 += DOT_BLOCKS) {
        const intp k1 = at_most(k0 + DOT_BLOCKS, blocks);
        for (int t = 0; t < MT; t++)
            for (intp k = k0; k < k1; k++)
                pack_lines(W + t * SIDE * layer->stride + k * DEPTH, layer->stride, count - t * SIDE,
                           m - k * DEPTH, scratch + (t * DOT_BLOCKS + k - k0) * PANEL);
        for (intp b = 0; b < B; b += 2 * SIDE) {
            const panel_factors f = {
                k1 - k0, scratch, DOT_BLOCKS * PANEL,
                (const char *)codes + panels_at(layer, batch->room) + (b / SIDE * blocks + k0) * PANEL,
                blocks * PANEL};
            panels_table[MT - 1][1](&f, c + b, DAE_PIECE, k0 > 0);
        }
    }
    end_tiles();
    for (intp b = 0; b < B; b += SIDE)
        for (int t = 0; t < MT; t++)
            transpose_tile(c + t * SIDE * DAE_PIECE + b, DAE_PIECE, z + b * 2 * SIDE + t * SIDE,
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

/* out (B, width) <- A[:, first:last] W[first:last, :], B <= 128, or with `add` out += that; of at most
 * RUN_BLOCKS * 32 terms if it is to be added */
static void matrix_project(intp B, const float *A, intp A_stride, const float *W, intp stride,
                           intp first, intp last, intp width, float *out, int add, char *scratch)
{
    char *left = scratch, *right = scratch + LEFT_TILES * RUN_BLOCKS * PANEL;
    /* What the unit has stored takes long to come back: it is added while the next is made. */
    float results[2][2 * SIDE * STRIP] __attribute__((aligned(64)));
    late_result late = {0};
    int turn = 0;
    CHECK(B <= DAE_PIECE && (!add || last - first <= RUN_BLOCKS * DEPTH));
    begin_tiles();
    for (intp d0 = first; d0 < last; d0 += RUN_BLOCKS * DEPTH) {
        const intp d1 = at_most(d0 + RUN_BLOCKS * DEPTH, last), blocks = blocks_of(d1 - d0);
        const int more = add || d0 > first;
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
                const int in_place = !more && B - b >= 2 * SIDE;
                float *place = out + b * stride + v;
                panels_table[B - b > SIDE][NT - 1](&f, in_place ? place : results[turn],
                                                    in_place ? stride : STRIP, 0);
                put(&late, stride);
                late = (late_result){results[turn], in_place ? 0 : at_most(B - b, 2 * SIDE),
                                     NT * SIDE, place, more};
            }
        }
    }
    put(&late, stride);
    end_tiles();
}

/* The panels of columns [first, last) of the left or the right factors of a gradient,
 * [term][tile][block]. */
INLINE void pack_factors(const gradient_terms *terms, const int left, intp first, intp last,
                         char *panel)
{
    for (int i = 0; i < terms->count; i++) {
        const float *x = left ? terms->term[i].left : terms->term[i].right;
        const intp stride = left ? terms->term[i].left_stride : terms->term[i].right_stride;
        for (intp c = first; c < last; c += SIDE)
            for (intp b = 0; b < terms->B; b += DEPTH, panel += PANEL) {
                pack_pairs(x + b * stride + c, stride, terms->B - b, last - c, panel);
                if (left)
                    exchange(panel);
            }
    }
}

/* G (rows, columns) <- the gradient, from its terms' panels, of rows [first, first + rows) of the
 * `rows_packed`; with `go_on` G + that. Whole tiles. */
static void matrix_gradient(const gradient_terms *terms, const char *left, intp rows_packed,
                            intp first, intp rows, const char *right, intp columns, float *G,
                            intp ldg, int go_on)
{
    const intp blocks = blocks_of(terms->B), step = blocks * PANEL;
    CHECK(first % (2 * SIDE) == 0);
    for (intp i = 0; terms->count == 0 && !go_on && i < rows; i++)
        memset(G + i * ldg, 0, (size_t)columns * sizeof(float));
    /* a pair of left panels, 24 KiB, stays in the L1 cache while the right ones pass by */
    for (intp i = 0; i < rows; i += 2 * SIDE)
        for (int term = 0; term < terms->count; term++)
            for (intp v = 0; v < columns; v += STRIP) {
                const panel_factors f = {
                    blocks, left + (term * tiles_of(rows_packed) + (first + i) / SIDE) * step, step,
                    right + (term * tiles_of(columns) + v / SIDE) * step, step};
                panels_table[rows - i > SIDE][columns - v > SIDE](&f, G + i * ldg + v, ldg,
                                                                   go_on || term > 0);
            }
}
