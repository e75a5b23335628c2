/* Sizes that the kernels go by, each with its measurement (784-500, one thread of a processor with
 * AVX-512, unless said otherwise). What Python goes by is in dae/_core/tuning.py. */

enum {
    LINE = 64 / sizeof(REAL), /* rows of weights are whole cache lines */

    /* A gradient is made for a block of SPAN rows and BLOCK columns of the weights, from BATCH_ROWS
     * rows of the batch at a time: 16 KiB of H and as much of dH serve 48 KiB of gradient. At batch
     * 512 this is 5 to 10 % faster than half the block and twice the rows. */
    SPAN = 96,
    BLOCK = 512 / sizeof(REAL),
    BATCH_ROWS = 32,

    RUN = 384, /* rows of the weights in one run of a sum: 192 KiB of a block */

    /* Rows of a batch from which packing for the matrix unit pays; and words for vdpbf16ps, which is
     * the work of 5 rows (counted, not measured). */
    PACKED_ROWS = HAS_PAIRS ? 8 : 48
};
