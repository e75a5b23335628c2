/* The products of a level without a matrix unit. */
enum {
    /* features, and rows of the batch, decoded at a time: the outputs stay in the L1 cache */
    DECODE_FEATURES = FEATURE_GROUP,
    DECODE_ROWS = 64
};

#include "products_vector.h"

enum { SCRATCH = SPAN * BLOCK, COLUMNS = LINE };

/* nothing is packed */
#define PACK NULL
#define PACK_PAIRS NULL
#define PACKED_BYTES NULL

INLINE void encode_product(const dae_layer *layer, const dae_batch *batch, const REAL *A,
                           const REAL *W, intp start, intp stop, REAL *out, enum product_mode mode)
{
    vector_encode_product(layer, batch, A, W, start, stop, out, mode);
}

INLINE void decode_product(const dae_layer *layer, const dae_batch *batch, const REAL *V,
                           const REAL *code, intp b0, intp rows, intp start, intp stop, REAL *z)
{
    (void)batch;
    vector_decode_product(layer, V, code, b0, rows, start, stop, z);
}

INLINE void update_product(const dae_layer *layer, const dae_update *solver, const dae_batch *batch,
                           const void *delta, const void *code_delta, intp start, intp stop)
{
    vector_update_product(layer, solver, batch, delta, code_delta, start, stop);
}
