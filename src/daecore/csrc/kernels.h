/* The contract between the Cython sweeps and the C kernels.
 *
 * A kernel works on a range it is given (rows of the batch, features, or hidden units) and on
 * nothing else; which thread calls it with which range, and what waits for what, is decided in
 * the .pyx files. Every number a kernel writes depends on the range's own elements only and is
 * summed in a fixed order, so any split into ranges gives the same bits.
 *
 * Dimensions, here and in every file of this folder:
 *     n  features            d  index of a feature         X, Z   (B, n)
 *     m  hidden units        j  index of a hidden unit     H      (B, m)
 *     B  rows of the batch   b  index of a row             W, V   (n, m), row stride `stride`
 *
 * Arrays: a `const` pointer is IN. Of the others the comment at each kernel says it: `x <- ...` is
 * OUT, `x += ...` INOUT; parameters and moments, in `dae_layer`, are INOUT at `<- solver`.
 * Shapes are given with them, or where the array is declared.
 *
 * Arrays of the data's type are `void *` here: one struct and one table type serve float and
 * double, and a table's kernels all read them as their own REAL.
 */
#ifndef DAE_KERNELS_H
#define DAE_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "enums.h"

enum {
    FEATURE_GROUP = 16, /* features: all ranges of them begin at multiples of it */
    MICRO_BATCH = 128   /* rows at most that go through a step together */
};

/* One parameter array with the solver's moments for it (NULL where the solver has none), and the
 * sum of its gradient over the micro-batches of a batch (NULL where a batch is one micro-batch): of
 * as many elements, rows up to a multiple of 16, lines whole. */
typedef struct {
    void *value, *moment1, *moment2, *gradient;
} dae_parameter;

/* The outputs of a layer by blocks of features, each with its own loss. */
typedef struct {
    ptrdiff_t count;                     /* 0: all features have the loss of the layer */
    const ptrdiff_t *starts;             /* (count + 1) their first features, and n */
    const int32_t *losses, *activations; /* (count) */
    const double *weights;               /* (count) of each block's loss in the sum */
} dae_blocks;

/* One layer: its hidden units are the features of the layer above. */
typedef struct {
    ptrdiff_t n_features, n_hidden;
    ptrdiff_t stride; /* of W, V and every (B, m) buffer; the columns from n_hidden on are 0 */
    int activation, decoder_activation, loss;
    int tied; /* V is W: the decoder's fields repeat the encoder's */
    /* of a layer without a decoder the values of V and b* are NULL */
    dae_parameter encoder, decoder, hidden_bias, visible_bias; /* W, V, b, b* */
    dae_blocks blocks; /* of the outputs; `loss` and `decoder_activation` (identity) are not theirs */
} dae_layer;

typedef struct {
    int kind;
    double learning_rate, momentum, beta_1, beta_2, epsilon, alpha;
    double correction_1, correction_2; /* 1 / (1 - beta^t) of this step */
} dae_update;

typedef struct {
    int kind;
    const uint32_t *threshold; /* (n) an entry is hit when its word >> 8 is below this */
    const void *level;         /* (n) standard deviations, for DAE_GAUSSIAN */
    const void *low, *high;    /* (n) for DAE_SALT_AND_PEPPER */
    const ptrdiff_t *donors;   /* (n_donors) rows of X, for DAE_SWAP */
    ptrdiff_t n_donors;
    /* (n_categories, 2) features [start, stop) that are hidden, and swapped, as a whole; ascending */
    const ptrdiff_t *categories;
    ptrdiff_t n_categories;
    uint64_t seed, presentation;
} dae_corruption_spec;

/* Rows in compressed sparse row format; the columns of a row ascend. */
typedef struct {
    const ptrdiff_t *starts; /* (n_rows + 1); NULL where there are none */
    const int32_t *columns;
    const void *values;
} dae_csr;

/* Where a batch comes from. */
typedef struct {
    const void *clean;        /* (n_rows, n), contiguous; NULL where rows are sparse */
    const void *corrupted;    /* the same shape, or NULL: corrupt `clean` */
    dae_csr sparse_clean, sparse_corrupted; /* the same for sparse rows */
    int missing;              /* whether NaN in dense rows are missing entries, see `show` */
    int unit_rows;            /* whether corrupted rows are scaled to unit length */
    const void *weight;       /* (n_rows), or NULL: all ones */
    const void *target;       /* (n_rows, outputs), for outputs compared entry by entry */
    const ptrdiff_t *classes; /* (n_rows), for DAE_SOFTMAX_LOG_LOSS */
    double emphasis[2];       /* weight of the loss of a corrupted and of an untouched entry */
    dae_corruption_spec corruption;
} dae_data;

/* A micro-batch on its way through a layer: a mini-batch, or a part of one, of MICRO_BATCH rows at
 * most. Gradients are summed up over the micro-batches, and parameters change with the last. */
typedef struct {
    const ptrdiff_t *rows; /* (B) rows of the data */
    ptrdiff_t B;
    ptrdiff_t batch_size;         /* rows of the batch: B of all its micro-batches */
    int begins_batch, ends_batch; /* whether it is the batch's first micro-batch, its last */
    void *shown;    /* (B, shown_stride) what is coded: the corrupted rows, the code below */
    void *clean;    /* (B, shown_stride) the clean rows where these are sparse or have missing
                     * entries, else NULL */
    ptrdiff_t room; /* rows that arrays of codes have room for: behind them lie their panels */
    void *code;     /* (B, stride) H, padding 0 */
    void *decoded;  /* (B, stride) what is decoded: H, or what the layer above made of its own */
    void *entry_weight; /* (B, shown_stride) emphasis of each entry, 0 of a missing one, or NULL:
                         * all ones */
    ptrdiff_t shown_stride;
    void *scratch; /* the calling thread's own, scratch_size elements */
    int packed;    /* codes and their deltas have panels, by `pack`: products go through these */
    /* Non-zeros of `shown`, where it is worth to look for them (else NULL): of row b, their number
     * (-1: too many, not listed), columns and values, ascending; `sparse` tells to use them. */
    int sparse;           /* never for one row */
    int32_t *row_count;   /* (B) */
    int32_t *row_columns; /* (B, n + FEATURE_GROUP): some are written behind the last */
    void *row_values;     /* (B, n + FEATURE_GROUP) */
    int32_t *row_starts;  /* (B, groups + 1) where in the lists feature FEATURE_GROUP i begins */
    /* the same by column, made by `transpose`: of column d, number, rows and values */
    int32_t *column_count; /* (n) */
    int32_t *column_rows;  /* (n, B) */
    void *column_values;   /* (n, B) */
} dae_batch;

/* Where a batch comes from whose outputs are sampled (sampled_step.h). */
typedef struct {
    dae_csr clean, corrupted;
    const void *weight;      /* (n_rows), or NULL: all ones */
    int unit_rows;           /* as in dae_data */
    double emphasis[2];      /* as in dae_data */
    double zeros_per_nonzero;
    dae_corruption_spec corruption; /* DAE_NONE or DAE_MASKING */
} dae_sampled_data;

/* Such a batch. Row b has the entries [starts[b], starts[b + 1]): those that are shown (value x~),
 * then those that are asked for (value dE/da*), then unused ones. */
typedef struct {
    const ptrdiff_t *rows; /* (B) rows of the data */
    ptrdiff_t B;
    ptrdiff_t room;                     /* entries of a row at most */
    ptrdiff_t *starts;                  /* (B + 1) */
    int32_t *shown_count, *asked_count; /* (B) */
    int32_t *column;                    /* of each entry */
    void *value;
    int32_t *source; /* of each entry, the row of `factors` that its value multiplies */
    int32_t *next;   /* of each entry, the next of the same feature, or -1 */
    int32_t *head;   /* (n) the first entry of each feature, or -1: so between two steps */
    int32_t *next_named; /* of one entry per named feature, that of the next feature, or -1 */
    void *factors;   /* (2 B, stride) H, then dE/da of the hidden units */
    double *loss;    /* (B) w_b E_b */
} dae_sampled_batch;

/* What one thread updates after such a batch: features [d0, d1) and hidden units [j0, j1). `scratch`
 * has room for 2 B elements and as many 32-bit numbers. */
typedef struct {
    ptrdiff_t d0, d1, j0, j1;
    void *scratch;
} dae_sampled_share;

/* A convolution of 3 x 3 pixels: its filters (3, 3, inputs, outputs), `outputs` whole lines. Maps
 * (height + 2, width + 2, channels) have a border of zeros. */
typedef struct {
    ptrdiff_t height, width;   /* of the pixels, without the border */
    ptrdiff_t inputs, outputs; /* channels */
    int rectify;               /* whether the activation is max(0, a), else the identity */
} dae_convolution;

/* The maps of one picture at a convolution. */
typedef struct {
    const void *x;     /* of its inputs */
    const void *added; /* of its outputs, added to the sums; or NULL */
    const void *mask;  /* of its outputs: those are 0 where it is not positive; or NULL */
    void *y;           /* of its outputs, whose border is left alone; may be `added` */
} dae_maps;

enum {
    DAE_SCORE_SUMS = 4, /* numbers per leaf and row that the multinomial loss sums up */
    DAE_BLOCK_SUMS = 3  /* numbers per block and row */
};

typedef struct {
    /* shown[start:stop] <- the corrupted rows, with the lists of their non-zeros and the entries'
     * weights. Missing entries are 0 there and have the weight 0; `clean` <- the clean rows, missing
     * entries 0, or still NaN for DAE_MULTINOMIAL. */
    void (*show)(const dae_data *data, const dae_layer *layer, const dae_batch *batch,
                 ptrdiff_t start, ptrdiff_t stop);

    /* the lists by column of the features [start, stop), from the lists by row */
    void (*transpose)(const dae_layer *layer, const dae_batch *batch, ptrdiff_t start,
                      ptrdiff_t stop);

    /* Sweep 1, features D: delta[:, D] <- dE/da*, visible_grad[D] <- its sums, those of the
     * micro-batches before included, loss[u] <- the sum of w_b E_bd over the features of the u-th
     * group of D. */
    void (*decode_delta)(const dae_data *data, const dae_layer *layer, const dae_batch *batch,
                         ptrdiff_t start, ptrdiff_t stop, void *delta, void *visible_grad,
                         double *loss);

    /* Sweep 1 for DAE_MULTINOMIAL, in two passes over the features D. First: delta[:, D] <- a*,
     * sums[b] <- the DAE_SCORE_SUMS of row b. Then, totals (B, 2) joined from the sums (n_leaves, B)
     * of all leaves: as `decode_delta`, delta being those a*. */
    void (*scores)(const dae_data *data, const dae_layer *layer, const dae_batch *batch,
                   ptrdiff_t start, ptrdiff_t stop, void *delta, double *sums);
    void (*join_scores)(const double *sums, int n_leaves, ptrdiff_t B, double *totals);
    void (*multinomial_delta)(const dae_data *data, const dae_layer *layer, const dae_batch *batch,
                              ptrdiff_t start, ptrdiff_t stop, const double *totals, void *delta,
                              void *visible_grad, double *loss);

    /* With blocks of outputs, where one of them is multinomial: `decode_delta` leaves a* in its
     * columns of delta; totals (B, count) <- the DAE_BLOCK_SUMS of the rows [start, stop); delta,
     * visible_grad and loss of these columns as of the others. */
    void (*block_totals)(const dae_data *data, const dae_layer *layer, const dae_batch *batch,
                         ptrdiff_t start, ptrdiff_t stop, const void *delta, double *totals);
    void (*block_delta)(const dae_data *data, const dae_layer *layer, const dae_batch *batch,
                        ptrdiff_t start, ptrdiff_t stop, const double *totals, void *delta,
                        void *visible_grad, double *loss);

    /* With blocks of outputs: z[0:n] <- the outputs of one row, from their pre-activations z; the
     * loss of one row from its pre-activations (n), weights as in `row_losses` */
    void (*activate_blocks)(const dae_layer *layer, void *z);
    double (*block_losses)(const dae_layer *layer, const void *a, const void *clean,
                           const void *entry_weight);

    /* z[0:n] <- softmax of the pre-activations z */
    void (*softmax)(void *z, ptrdiff_t n);

    /* out (B, stride) <- delta[:, D] V[D, :], or with `add` out += that sum */
    void (*project_delta)(const dae_layer *layer, const dae_batch *batch, const void *delta,
                          ptrdiff_t start, ptrdiff_t stop, void *out, int add);

    /* loss[start:stop] and delta[start:stop] <- the losses w_b E_b of these rows of outputs, and
     * dE/da; the code are the outputs' pre-activations */
    void (*output_delta)(const dae_data *data, const dae_layer *layer, const dae_batch *batch,
                         ptrdiff_t start, ptrdiff_t stop, void *delta, double *loss);

    /* delta[:, J] <- (sum + other)[:, J] * g'(code[:, J]) for the units J that made the (B, stride)
     * code; bias[J], theirs, <- solver. `other` may be NULL, delta may be the sum itself. */
    void (*finish_delta)(const dae_layer *layer, int activation, const dae_parameter *bias,
                         const dae_update *solver, const dae_batch *batch, const void *code,
                         const void *sum, const void *other, ptrdiff_t start, ptrdiff_t stop,
                         void *delta);

    /* delta[:, D] <- code_delta W[D, :]^T * g1'(shown[:, D]) for the features D, the hidden units
     * of the layer `below`; their bias b[D] <- solver */
    void (*pass_delta)(const dae_layer *layer, const dae_layer *below, const dae_update *solver,
                       const dae_batch *batch, const void *code_delta, ptrdiff_t start,
                       ptrdiff_t stop, void *delta);

    /* Sweep 2, features D: V[D, :], W[D, :] <- solver, and b*[D] unless visible_grad is NULL */
    void (*update)(const dae_layer *layer, const dae_update *solver, const dae_batch *batch,
                   const void *delta, const void *code_delta, const void *visible_grad,
                   ptrdiff_t start, ptrdiff_t stop);

    /* Batches of one row: `update`, then `project` of the row `next`, in one pass over W;
     * next may be NULL */
    void (*update_and_project)(const dae_layer *layer, const dae_update *solver,
                               const dae_batch *batch, const dae_batch *next, const void *delta,
                               const void *code_delta, const void *visible_grad, ptrdiff_t start,
                               ptrdiff_t stop, void *out, int add);

    /* out (B, stride) <- shown[:, D] W[D, :], or with `add` out += that sum */
    void (*project)(const dae_layer *layer, const dae_batch *batch, ptrdiff_t start, ptrdiff_t stop,
                    void *out, int add);

    /* code[:, J] <- g1((sum + other)[:, J] + b[J]) for units J, padding 0; `other` may be NULL, sum
     * may be the code itself */
    void (*finish_code)(const dae_layer *layer, const dae_batch *batch, const void *sum,
                        const void *other, ptrdiff_t start, ptrdiff_t stop);

    /* into[:, J] += from[:, J], both (B, stride) */
    void (*add)(const dae_layer *layer, ptrdiff_t B, void *into, const void *from, ptrdiff_t start,
                ptrdiff_t stop);

    /* z[:, D] <- g2(code V[D, :]^T + b*[D]) for the features D = [start, stop) */
    void (*decode)(const dae_layer *layer, const dae_batch *batch, const void *code,
                   ptrdiff_t start, ptrdiff_t stop, void *z, ptrdiff_t z_stride);

    /* row_loss[b] += sum of E_bd over the features, for given clean rows (B, n), each entry
     * weighted by entry_weight (B, n) if that is not NULL; NaN in `clean` is a missing entry */
    void (*row_losses)(const dae_layer *layer, const dae_batch *batch, const void *clean,
                       const void *entry_weight, const void *code, double *row_loss);

    /* out (stride) <- x W, for a sparse row */
    void (*project_stored)(const dae_layer *layer, const dae_csr *X, ptrdiff_t row, void *out);

    /* Row b of a sampled batch from its data to its deltas; `scratch` has room for `room` elements
     * and 32-bit numbers, twice each */
    void (*sampled_row)(const dae_sampled_data *data, const dae_layer *layer,
                        const dae_sampled_batch *batch, ptrdiff_t b, void *scratch);

    /* All parameters that such a batch moves, in the share */
    void (*sampled_update)(const dae_layer *layer, const dae_update *solver,
                           const dae_sampled_batch *batch, const dae_sampled_share *share);

    /* y[start:stop] <- these rows of pixels of the convolution of x; `scratch` has convolve_scratch
     * elements. */
    void (*convolve)(const dae_convolution *c, const dae_maps *maps, const void *filters,
                     ptrdiff_t start, ptrdiff_t stop, void *scratch);
    ptrdiff_t (*convolve_scratch)(const dae_convolution *c, ptrdiff_t rows);

    /* gradient[tap, I, :] += the sums over the pixels of one picture, for the inputs
     * I = [start, stop) and delta = dE/dy, a map; taps are numbered 0 to 8. `scratch` has
     * gradient_scratch elements. */
    void (*filter_gradient)(const dae_convolution *c, const void *x, const void *delta, int tap,
                            ptrdiff_t start, ptrdiff_t stop, void *gradient, void *scratch);
    ptrdiff_t (*gradient_scratch)(const dae_convolution *c);

    /* For levels that multiply by panels, else NULL: the panels of codes[:, J], or of their deltas,
     * that products over the hidden units need; and, where levels share them, those that products
     * over the rows of the batch need. They lie behind the `room` rows of values, packed_bytes in
     * all. Worth it for batches of packed_rows at least. */
    void (*pack)(const dae_layer *layer, const dae_batch *batch, void *codes, ptrdiff_t start,
                 ptrdiff_t stop);
    void (*pack_pairs)(const dae_layer *layer, const dae_batch *batch, void *codes, ptrdiff_t start,
                       ptrdiff_t stop);
    ptrdiff_t (*packed_bytes)(const dae_layer *layer, ptrdiff_t room);
    ptrdiff_t packed_rows;

    ptrdiff_t scratch_size; /* elements of a thread's scratch */
    ptrdiff_t line;         /* elements of a cache line */
    ptrdiff_t columns; /* whole lines; ranges of units are cut at multiples of it, the last may end
                          behind n_hidden, at the end of a line */
} dae_kernels;

/* The kernels of float32 by the precision of the factors that they multiply; NULL: those of the
 * next higher precision serve, there are no faster ones. */
typedef struct {
    const char *name;
    const dae_kernels *f32[DAE_N_PRECISIONS], *f64;
} dae_level;

/* Levels compiled in that this processor and operating system can run, slowest first. */
int dae_available_levels(const dae_level *levels[8]);

#endif
