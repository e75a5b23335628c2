/* The three products by the vector units, tile by tile (tiles.h): those of a level without a matrix
 * unit, and those of small batches everywhere.
 *
 *     encode_product    (B, m)   A[:, D] W[D, :]           sums over features
 *     decode_product    (B, n)   H V[D, :]^T               sums over hidden units
 *     update_product    (n, m)   A^T H, and the step       sums over the rows of the batch
 *
 * A level includes this file, or products_amx.h, by the name PRODUCTS. */

/* out[:, J] by `mode` A[:, D] W[D, J]; A (B, n) like the shown rows, W with the network's stride */
INLINE void vector_encode_product(const dae_layer *layer, const dae_batch *batch, const REAL *A,
                                  const REAL *W, intp start, intp stop, REAL *out,
                                  enum product_mode mode)
{
    const intp B = batch->B, A_stride = batch->shown_stride;
    const intp stride = layer->stride, width = whole_lines(layer->n_hidden);
    /* a sum that is to be added must be whole; else it is made of runs that find W in the cache */
    const intp run = mode == ADD ? stop - start : at_most(stop - start, RUN);
    for (intp d = start; d < stop; d += run)
        for (intp j = 0; j < width; j += BLOCK) {
            const factors f = {at_most(stop - d, run), A + d,  A_stride, 1,
                               W + d * stride + j,     stride, 0};
            outer_product(B, at_most(width - j, BLOCK), &f, 1, out + j, stride,
                          (epilogue){.mode = d > start ? CONTINUE : mode});
        }
}

/* z (rows, DECODE_FEATURES) <- code V[D, :]^T for at most DECODE_ROWS rows of the batch from b0 on
 * and at most DECODE_FEATURES features, without bias; up to a multiple of 4 columns */
static void vector_decode_product(const dae_layer *layer, const REAL *V, const REAL *code, intp b0,
                                  intp rows, intp start, intp stop, REAL *z)
{
    const intp J = whole_lines(layer->n_hidden), stride = layer->stride;
    CHECK(rows <= DECODE_ROWS && stop - start <= DECODE_FEATURES);
    /* the rows of V stay in the L1 cache while the rows of the batch pass by */
    for (intp b = 0, height; b < rows; b += height) {
        height = even_tile(rows - b, DOT_MAX_ROWS);
        for (intp d = start; d < stop; d += 4) {
            const REAL *w[4];
            for (intp p = 0; p < 4; p++)
                w[p] = V + at_most(d + p, stop - 1) * stride;
            dot_product(height, J, code + (b0 + b) * stride, stride, w,
                        z + b * DECODE_FEATURES + d - start, DECODE_FEATURES);
        }
    }
}

/* Rows of the batch, or words of two, that go into a gradient at a time. */
INLINE intp rows_at_once(const gradient_terms *terms)
{
    return terms->pairs ? MICRO_BATCH / 2 : BATCH_ROWS;
}

/* The products for rows d0:d1 of the gradient, from at most `rows_at_once` rows: b and on */
INLINE void gradient_factors(const gradient_terms *terms, intp d0, intp b, factors f[2])
{
    for (int i = 0; i < terms->count; i++) {
        const intp left = terms->term[i].left_stride, right = terms->term[i].right_stride;
        f[i] = (factors){at_most(terms->B - b, rows_at_once(terms)),
                         terms->term[i].left + b * left + d0 - terms->origin,
                         1,
                         left,
                         terms->term[i].right + b * right,
                         right,
                         terms->pairs};
    }
}

/* G (d1 - d0, ldg) <- rows d0:d1 of the gradient, or with `resume` G + that. `rows_at_once` rows of
 * the right factors serve all of G while they are in the L1 cache. */
static void weight_gradient(const gradient_terms *terms, intp d0, intp d1, intp width, REAL *G,
                            intp ldg, int resume)
{
    factors f[2];
    for (intp d = 0; terms->count == 0 && !resume && d < d1 - d0; d++)
        memset(G + d * ldg, 0, sizeof(REAL) * (size_t)width);
    for (intp b = 0; terms->count && b < terms->B; b += rows_at_once(terms)) {
        gradient_factors(terms, d0, b, f);
        outer_product(d1 - d0, width, f, terms->count, G, ldg,
                      (epilogue){.mode = b > 0 || resume ? CONTINUE : SET});
    }
}

/* Gradient and step in one, for plain SGD and a small batch: what `weight_gradient` and `step_rows`
 * do, the same bits, but the gradient goes from the registers into the weights. That saves a
 * twelfth of a step of 20 rows at 784-500. */
static void descend_rows(const dae_layer *layer, const dae_update *solver, const dae_parameter *p,
                         intp d0, intp d1, intp start, intp width, const gradient_terms *terms)
{
    factors f[2];
    gradient_factors(terms, d0, 0, f);
    outer_product(d1 - d0, width, f, terms->count, (REAL *)p->value + d0 * layer->stride + start,
                  layer->stride,
                  (epilogue){DESCEND, (REAL)solver->learning_rate, (REAL)solver->alpha});
}

/* One array of weights in a block: its gradient and, with the last micro-batch, its step. The
 * gradient is in G (SPAN, BLOCK), or where it is kept between micro-batches. */
INLINE void move_rows(const dae_layer *layer, const dae_update *solver, const dae_batch *batch,
                      const dae_parameter *p, intp d0, intp d1, intp start, intp width,
                      const gradient_terms *terms, const REAL *dH, REAL *G)
{
    intp ldg = BLOCK;
    if (p->gradient) {
        ldg = layer->stride;
        G = (REAL *)p->gradient + d0 * ldg + start;
    } else if (!dH && solver->kind == DAE_SGD && terms->B <= rows_at_once(terms)) {
        descend_rows(layer, solver, p, d0, d1, start, width, terms);
        return;
    }
    weight_gradient(terms, d0, d1, width, G, ldg, !batch->begins_batch);
    if (dH)
        add_sparse_gradient(batch, d0, d1, width, dH, layer->stride, G, ldg);
    if (batch->ends_batch)
        step_rows(layer, solver, p, d0, d1, start, width, G, ldg);
}

INLINE void vector_update_product(const dae_layer *layer, const dae_update *solver,
                                  const dae_batch *batch, const void *delta, const void *code_delta,
                                  intp start, intp stop)
{
    const intp width = whole_lines(layer->n_hidden);
    REAL *G = batch->scratch;
    gradient_terms of_V, of_W;
    for (intp d0 = start; d0 < stop; d0 += SPAN)
        for (intp j = 0; j < width; j += BLOCK) {
            const intp d1 = at_most(d0 + SPAN, stop), columns = at_most(width - j, BLOCK);
            gradients(layer, batch, delta, code_delta, j, &of_V, &of_W);
            if (layer->decoder.value && !layer->tied)
                move_rows(layer, solver, batch, &layer->decoder, d0, d1, j, columns, &of_V, NULL,
                          G);
            move_rows(layer, solver, batch, &layer->encoder, d0, d1, j, columns, &of_W,
                      batch->sparse ? (const REAL *)code_delta + j : NULL, G);
        }
}
