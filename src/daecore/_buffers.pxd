"""The buffers of one call of `train`, in one piece of memory."""
from libc.stdint cimport INT32_MAX, int32_t
from libc.string cimport memset

from daecore._kernels cimport (
    DAE_BLOCK_SUMS, DAE_MULTINOMIAL, DAE_SCORE_SUMS, FEATURE_GROUP, MICRO_BATCH, dae_batch,
    dae_layer,
)
from daecore._leaves cimport log2_of
from daecore._team cimport LayerBuffers, Training


# Share of non-zeros below which the kernels skip the zeros, and the fewest hidden units and rows
# for which looking for them pays (bench/sparsity.py).
cdef enum:
    SPARSE_PERCENT = 30
    SPARSE_MIN_HIDDEN = 128
    SPARSE_MIN_ROWS = 3


cdef inline void *_take(
    char *base, ptrdiff_t *used, ptrdiff_t count, ptrdiff_t itemsize
) noexcept nogil:
    """The next `count` elements behind `base`, from a cache line on; NULL where `base` is."""
    cdef ptrdiff_t at = used[0]
    used[0] += (count * itemsize + 63) // 64 * 64
    return <void *> (base + at) if base != NULL else NULL


cdef inline void _lay_out_lists(
    dae_batch *batch, char *base, ptrdiff_t *used, ptrdiff_t B, ptrdiff_t n, ptrdiff_t itemsize
) noexcept nogil:
    batch.row_count = <int32_t *> _take(base, used, B, sizeof(int32_t))
    batch.row_columns = <int32_t *> _take(base, used, B * (n + FEATURE_GROUP), sizeof(int32_t))
    batch.row_values = _take(base, used, B * (n + FEATURE_GROUP), itemsize)
    batch.row_starts = <int32_t *> _take(base, used, B * (n // FEATURE_GROUP + 2), sizeof(int32_t))


cdef inline void _lay_out_batches(Training *t, char *base, ptrdiff_t *used) noexcept nogil:
    """This batch and the next, in the lowest layer."""
    cdef LayerBuffers *layer = &t.layers[0]
    cdef ptrdiff_t B = t.micro_batch_size, n = layer.params.n_features, i
    cdef int sparse = t.data.sparse_clean.starts != NULL
    cdef int compared_with_gaps = t.data.missing and not t.supervised
    cdef int weighted = (t.data.emphasis[0] != 1 or t.data.emphasis[1] != 1
                         or compared_with_gaps)
    cdef dae_batch *batch
    for i in range(2):
        batch = &t.buffers[i]
        batch.shown_stride = layer.shown_stride
        batch.shown = _take(base, used, B * layer.shown_stride, t.itemsize)
        if sparse or compared_with_gaps:
            batch.clean = _take(base, used, B * layer.shown_stride, t.itemsize)
        batch.code, batch.decoded = layer.code, layer.decoded
        batch.entry_weight = NULL
        if weighted:
            batch.entry_weight = _take(base, used, B * layer.shown_stride, t.itemsize)
        batch.sparse = 0
        batch.row_count = NULL
        if (layer.params.n_hidden < SPARSE_MIN_HIDDEN or B < SPARSE_MIN_ROWS
                or max(n, B) > INT32_MAX):
            continue
        _lay_out_lists(batch, base, used, B, n, t.itemsize)
        if i == 0:
            batch.column_count = <int32_t *> _take(base, used, n, sizeof(int32_t))
            batch.column_rows = <int32_t *> _take(base, used, n * B, sizeof(int32_t))
            batch.column_values = _take(base, used, n * B, t.itemsize)
        else:  # those by column serve one batch at a time
            batch.column_count = t.buffers[0].column_count
            batch.column_rows = t.buffers[0].column_rows
            batch.column_values = t.buffers[0].column_values


cdef inline void *_take_codes(
    Training *t, char *base, ptrdiff_t *used, const LayerBuffers *layer
) noexcept nogil:
    """Room for (micro_batch_size, stride) elements, all zero, since some writers leave the padding
    alone; and for their panels."""
    cdef ptrdiff_t n_bytes = t.micro_batch_size * layer.params.stride * t.itemsize
    cdef ptrdiff_t in_all = n_bytes
    if t.kernels.pack != NULL and t.micro_batch_size >= t.kernels.packed_rows:
        in_all = t.kernels.packed_bytes(&layer.params, t.micro_batch_size)
    cdef void *codes = _take(base, used, in_all, 1)
    if codes != NULL:
        memset(codes, 0, n_bytes)
    return codes


cdef inline ptrdiff_t micro_batch_rows(ptrdiff_t batch_size) noexcept nogil:
    """Rows of a micro-batch of such a batch: as few micro-batches as possible, even ones."""
    cdef ptrdiff_t n_parts = (batch_size + MICRO_BATCH - 1) // MICRO_BATCH
    if n_parts <= 1:
        return batch_size
    return ((batch_size + n_parts - 1) // n_parts + 15) // 16 * 16


cdef inline void _lay_out_gradients(
    Training *t, LayerBuffers *layer, char *base, ptrdiff_t *used
) noexcept nogil:
    """Room for the gradients of a layer's parameters, summed up over the micro-batches."""
    cdef ptrdiff_t n = (layer.params.n_features + 15) // 16 * 16, stride = layer.params.stride
    layer.params.encoder.gradient = _take(base, used, n * stride, t.itemsize)
    if layer.params.decoder.value != NULL and not layer.params.tied:
        layer.params.decoder.gradient = _take(base, used, n * stride, t.itemsize)
    layer.params.hidden_bias.gradient = _take(base, used, stride, t.itemsize)
    layer.params.visible_bias.gradient = _take(base, used, n, t.itemsize)


cdef inline bint any_softmax(const dae_layer *layer) noexcept nogil:
    """Whether one of the blocks of outputs is multinomial."""
    cdef ptrdiff_t k
    for k in range(layer.blocks.count):
        if layer.blocks.losses[k] == DAE_MULTINOMIAL:
            return True
    return False


cdef inline ptrdiff_t lay_out(Training *t, char *base, int n_threads) noexcept nogil:
    """Give all buffers their place behind `base`; returns the bytes they take together. Without
    memory yet, `base` NULL, this only counts them."""
    cdef ptrdiff_t B = t.micro_batch_size, line = t.kernels.line, used = 0
    cdef ptrdiff_t n = t.layers[0].params.n_features, parts = 0, partial = 0
    cdef int k
    cdef LayerBuffers *layer
    for k in range(t.n_layers):
        layer = &t.layers[k]
        if k > 0:
            layer.shown_stride = (layer - 1).params.stride
        else:  # an odd number of cache lines: rows of a power of two would share cache sets
            layer.shown_stride = ((n + line - 1) // line | 1) * line
        layer.code = _take_codes(t, base, &used, layer)
        layer.code_delta = _take_codes(t, base, &used, layer)
        if B < t.batch_size:
            _lay_out_gradients(t, layer, base, &used)
        layer.decoded = layer.code
        layer.delta = NULL
        if not t.supervised:
            if k < t.n_layers - 1:
                layer.decoded = _take_codes(t, base, &used, layer)
            layer.delta = _take(base, &used, B * layer.shown_stride, t.itemsize)
        layer.part_bytes = (B * layer.params.stride * t.itemsize + 63) // 64 * 64
        # one thread's tree has its root in the first part
        parts = max(parts, layer.part_bytes * (layer.n_leaves if n_threads > 1 else 1))
        # The recursion keeps one partial sum per level, except the lowest, where both leaves
        # add into one buffer.
        partial = max(partial, layer.part_bytes * max(0, log2_of(layer.n_leaves) - 1))
    _lay_out_batches(t, base, &used)
    t.visible_grad = NULL
    if not t.supervised:
        t.visible_grad = _take(base, &used, n, t.itemsize)
    t.loss = <double *> _take(base, &used, B if t.supervised else n // FEATURE_GROUP + 1,
                              sizeof(double))
    t.scores = t.totals = NULL
    if not t.supervised and t.layers[0].params.loss == DAE_MULTINOMIAL:
        t.scores = <double *> _take(base, &used, B * t.layers[0].n_leaves,
                                    DAE_SCORE_SUMS * sizeof(double))
        t.totals = <double *> _take(base, &used, 2 * B * n_threads, sizeof(double))
    t.block_totals = NULL
    if any_softmax(&t.layers[0].params):
        t.block_totals = <double *> _take(base, &used, B * t.layers[0].params.blocks.count,
                                          DAE_BLOCK_SUMS * sizeof(double))
    t.parts = <char *> _take(base, &used, parts, 1)
    t.scratch_bytes = (t.kernels.scratch_size * t.itemsize + 63) // 64 * 64 + partial
    t.scratch = <char *> _take(base, &used, t.scratch_bytes, n_threads)
    return used
