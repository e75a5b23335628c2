/* The kernels of one SIMD level for one real type. A file of levels/ sets
 *     REAL, REAL_IS_FLOAT, VECTOR_BYTES, VECTOR_REGISTERS, TABLE (the name of its table) and
 *     PRODUCTS (the header with its products),
 *     PIECES where that is products_amx.h
 * and includes this; everything but the table is static. */
#include <float.h>
#include <math.h>

#ifndef HAS_PAIRS /* whether products of pairs of bfloat16 are compiled */
#define HAS_PAIRS 0
#endif

#include "kernels.h"
#include "simd.h"
#include "tuning.h"

INLINE intp whole_lines(intp m) { return (m + LINE - 1) / LINE * LINE; }
INLINE intp feature_groups(intp n) { return (n + FEATURE_GROUP - 1) / FEATURE_GROUP; }
INLINE intp list_room(intp n) { return n + FEATURE_GROUP; }
_Static_assert(FEATURE_GROUP % LANES == 0, "a vector of features belongs to one unit");

#include "tiles.h"

#include "activations.h"
#include "corruption.h"
#include "losses.h"
#include "solvers.h"

#include "bias.h"
#include "gradient.h"

#include PRODUCTS

#include "show.h"

#include "encode.h"

#include "multinomial.h"

#include "blocks.h"

#include "decode.h"
#include "delta.h"
#include "update_one_row.h"

#include "update.h"

#include "sampled_step.h"

#include "convolution.h"

const dae_kernels TABLE = {.show = show,
                           .transpose = transpose,
                           .decode_delta = decode_delta,
                           .project_delta = project_delta,
                           .output_delta = output_delta,
                           .finish_delta = finish_delta,
                           .pass_delta = pass_delta,
                           .update = update,
                           .update_and_project = update_and_project,
                           .project = project,
                           .finish_code = finish_code,
                           .add = add,
                           .decode = decode,
                           .row_losses = row_losses,
                           .scores = scores,
                           .join_scores = join_scores,
                           .multinomial_delta = multinomial_delta,
                           .block_totals = block_totals,
                           .block_delta = block_delta,
                           .activate_blocks = activate_blocks,
                           .block_losses = block_losses,
                           .softmax = softmax_row,
                           .project_stored = project_stored,
                           .sampled_row = sampled_row,
                           .sampled_update = sampled_update,
                           .convolve = convolve,
                           .convolve_scratch = convolve_scratch,
                           .filter_gradient = filter_gradient,
                           .gradient_scratch = gradient_scratch,
                           .pack = PACK,
                           .pack_pairs = PACK_PAIRS,
                           .packed_bytes = PACKED_BYTES,
                           .packed_rows = PACKED_ROWS,
                           .scratch_size = SCRATCH,
                           .line = LINE,
                           .columns = COLUMNS};
