/* The processor's matrix unit (AMX): its instructions, and products of panels of float32.
 *
 * The unit multiplies bfloat16 numbers, 8 bits of precision, and adds in float32, sixteen times as
 * many in a cycle as the vector units. A level sets PIECES, how many of them a float32 number is
 * taken for: 3, 2 or 1. It has 24 bits: it is the sum of three bfloat16 pieces, x = x0 + x1 + x2,
 * exactly (unless a piece is below 1e-38, which the unit takes as 0). Of the nine products of the
 * pieces of two numbers the six largest are made,
 *
 *     x y  ~  x0 y0 + (x0 y1 + x1 y0) + (x0 y2 + x1 y1 + x2 y0).
 *
 * What is left out is below 2^-21 |x y|, 2^-24 on average. A sum adds up in chunks of few
 * roundings, so that it comes out closer to the exact one than a sum of float32 products term by
 * term (python -m bench.kernels --only precision), in half the time. Two pieces, rounded to nearest,
 * leave 2^-17 |x|; the three products x0 y0 + (x0 y1 + x1 y0) are then made. One piece is x rounded
 * to bfloat16.
 *
 * Tiles are 16 rows of 64 bytes. Numbers go into panels of PIECES tiles, one for each piece:
 *
 *     left panel     16 rows i of A(i, k), 32 terms k:     words[i][p] = A(i, p) and A(i, p + 16)
 *     right panel    32 terms k of Bm[k, v], 16 columns v: words[p][v] = Bm[p, v] and Bm[p + 16, v]
 *
 * a word being two bfloat16 numbers. So the right panel of a matrix is the left panel of its
 * transpose with rows and columns of words exchanged. An element's sum runs over the terms in an
 * order that depends on where the terms begin only, not on what tile the element is in.
 */

#include "bfloat16.h"

enum {
    SIDE = 16,             /* rows of a tile; columns of results */
    DEPTH = 32,            /* terms in a panel */
    TILE = SIDE * 64,      /* bytes */
    PANEL = PIECES * TILE, /* bytes */
    LEFT_TILES = MICRO_BATCH / SIDE,
    RUN_BLOCKS = 12,  /* panels behind one another */
    STRIP = 2 * SIDE, /* columns of the result for which the right operand is packed */
    PROJECT_BYTES = (LEFT_TILES + 2) * RUN_BLOCKS * PANEL,
    DOT_BLOCKS = 12 / PIECES /* of the sum over hidden units at a time: 24 KiB of weights' panels stay
                                in the L1 cache while those of the rows pass by */
};

typedef uint32_t words __attribute__((vector_size(64)));

INLINE intp tiles_of(intp rows) { return (rows + SIDE - 1) / SIDE; }
INLINE intp blocks_of(intp terms) { return (terms + DEPTH - 1) / DEPTH; }

/* ---------------------------------------------------------------- the unit's instructions */

/* clang-format off */
/* The assembler's, so that no compiler's header or switch is needed. */
#define TILE_ZERO(T) __asm__ volatile("tilezero %%tmm" #T ::: "memory")
#define TILE_LOAD(T, FROM, STRIDE)                                                                 \
    __asm__ volatile("tileloadd (%0,%1,1), %%tmm" #T ::"r"(FROM), "r"((intp)(STRIDE)) : "memory")
#define TILE_STORE(T, TO, STRIDE)                                                                  \
    __asm__ volatile("tilestored %%tmm" #T ", (%0,%1,1)" ::"r"(TO), "r"((intp)(STRIDE)) : "memory")
#define TILE_MULTIPLY(C, A, B) __asm__ volatile("tdpbf16ps %%tmm" #B ", %%tmm" #A ", %%tmm" #C ::)
/* clang-format on */

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

/* The pieces of 16 pairs of numbers, a row of words of each tile. Of three, cutting the mantissa off
 * instead of rounding it leaves remainders that have 8 bits less, so the third is exact. */
INLINE void store_pieces(char *to, vec low, vec high)
{
    const words upper_half = (words){0} + 0xFFFF0000u;
    UNROLL for (int piece = 0; piece < PIECES; piece++) {
        words both;
        if (PIECES == 3)
            both = ((words)high & upper_half) | (words)low >> 16;
        else
            both = (words)pair_words(low, high);
        *(words *)(to + piece * TILE) = both;
        low -= (vec)(both << 16);
        high -= (vec)(both & upper_half);
    }
}

INLINE void transpose_words(char *panel)
{
    for (int piece = 0; piece < PIECES; piece++)
        transpose_tile((float *)(panel + piece * TILE), SIDE, (float *)(panel + piece * TILE),
                       SIDE);
}

/* Up to 16 lines of up to 32 numbers, words[line][p]: a left panel of rows of A. */
static void pack_lines(const float *x, intp stride, intp lines, intp count, char *panel)
{
    for (intp i = 0; i < SIDE; i++) {
        const float *line = x + i * stride;
        const intp valid = i < lines ? count : 0;
        store_pieces(panel + i * 64, load_masked(line, valid),
                     load_masked(line + SIDE, valid - SIDE));
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

/* clang-format off */
/* c (MT x 16, NT x 16) <- the product, or with `resume` c + that */
INLINE void panels(const int MT, const int NT, const panel_factors *f, float *c, intp ldc,
                   int resume)
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
    if (resume) {
        EACH(FETCH);
    } else {
        EACH(CLEAR);
    }
    const char *left = f->left, *right = f->right;
    for (intp k = 0; k < f->blocks; k++, left += PANEL, right += PANEL) {
        LEFT(0);
        if (PIECES > 2) {
            RIGHT(2);
            MULTIPLY; /* x0 y2 */
        }
        if (PIECES > 1) {
            RIGHT(1);
            MULTIPLY; /* x0 y1 */
        }
        RIGHT(0);
        MULTIPLY; /* x0 y0 */
        if (PIECES > 1) {
            LEFT(1);
            MULTIPLY; /* x1 y0 */
        }
        if (PIECES > 2) {
            RIGHT(1);
            MULTIPLY; /* x1 y1 */
            LEFT(2);
            RIGHT(0);
            MULTIPLY; /* x2 y0 */
        }
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
    NOINLINE void panels_##MT##x##NT(const panel_factors *f, float *c, intp ldc, int resume)       \
    {                                                                                              \
        panels(MT, NT, f, c, ldc, resume);                                                         \
    }
PANELS(1, 1) PANELS(1, 2) PANELS(2, 1) PANELS(2, 2)

typedef void panels_function(const panel_factors *f, float *c, intp ldc, int resume);
static panels_function *const panels_table[2][2] = {{panels_1x1, panels_1x2},
                                                    {panels_2x1, panels_2x2}};
/* clang-format on */
