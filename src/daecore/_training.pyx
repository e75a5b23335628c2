"""Training: mini-batch steps of two sweeps, and the corruption they see.

One step, all threads together; `|` is a barrier. Within a sweep threads take pieces from a pile:

    sweep 1   by rows: show (gather, corrupt) the NEXT batch
              by features: z, loss, delta = dE/da*                             |
    sweep 2   by blocks of hidden units: dH, update W, V, b (b*), NEXT code    |

See `daecore/__init__.py` for the picture and `csrc/kernels.h` for what each kernel does.
"""
from cython cimport floating
from cython.parallel cimport parallel
from libc.math cimport pow
from libc.stdint cimport int32_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free

from daecore._kernels cimport (
    DAE_ADAM, DAE_SPAN, DAE_UNIT,
    dae_batch, dae_corruption_spec, dae_data, dae_kernels, dae_network, dae_parameter, dae_update,
)
from daecore._network cimport describe
from daecore._simd cimport kernels
from daecore._threads cimport dae_team_size, dae_thread, first_unit


cdef extern from "team.h" nogil:
    ctypedef struct dae_barrier:
        pass
    ctypedef struct dae_pile:
        pass
    void dae_barrier_init(dae_barrier *)
    void dae_barrier_wait(dae_barrier *, int)
    void dae_pile_reset(dae_pile *)
    ptrdiff_t dae_pile_take(dae_pile *, ptrdiff_t)


cdef extern from "denormals.h" nogil:
    unsigned long dae_flush_denormals()
    void dae_restore_denormals(unsigned long)


cdef extern from "aligned.h" nogil:
    void *dae_aligned(void *, ptrdiff_t)


# All that the threads of one call share.
ctypedef struct Training:
    const dae_kernels *kernels
    dae_network net
    dae_update solver           # without the step's corrections
    dae_data data
    const ptrdiff_t *rows       # (n_rows) in order of presentation
    ptrdiff_t n_rows
    ptrdiff_t batch_size
    ptrdiff_t block             # hidden units a thread takes at a time
    ptrdiff_t used_width        # columns up to the end of the last used cache line of a row
    ptrdiff_t n_steps           # solver steps before this call
    double max_loss
    dae_batch buffers[2]        # this batch and the next, in turn
    void *delta                 # (batch_size, shown_stride)
    void *visible_grad          # (n)
    double *unit_loss           # (units of features)
    char *scratch               # one piece a thread
    ptrdiff_t scratch_bytes
    dae_barrier barrier
    dae_pile rows_to_show, units_to_decode, blocks_to_update
    double *losses              # OUT (n_batches)
    ptrdiff_t n_done            # OUT


cdef dae_batch _batch(const Training *t, ptrdiff_t index) noexcept nogil:
    """Batch number `index`, on its buffers; B = 0 behind the last."""
    cdef dae_batch batch = t.buffers[index % 2]
    cdef ptrdiff_t first = index * t.batch_size
    batch.rows = t.rows + first
    batch.B = max(0, min(t.batch_size, t.n_rows - first))
    return batch


# Share of non-zeros below which the kernels skip the zeros, and the fewest hidden units and rows
# for which looking for them pays (bench/sparsity.py).
cdef enum:
    SPARSE_PERCENT = 30
    SPARSE_MIN_HIDDEN = 128
    SPARSE_MIN_ROWS = 3


cdef int _is_sparse(const dae_network *net, const dae_batch *batch) noexcept nogil:
    """Whether to skip the zeros of this batch; its rows are all shown."""
    cdef ptrdiff_t b, total = 0
    if batch.row_count == NULL or batch.B < SPARSE_MIN_ROWS:
        return 0
    for b in range(batch.B):
        if batch.row_count[b] < 0:
            return 0
        total += batch.row_count[b]
    return 100 * total < SPARSE_PERCENT * batch.B * net.n_features


cdef ptrdiff_t _handful(ptrdiff_t pieces, int n_threads) noexcept nogil:
    """How many pieces to take at a time: few takes, and an even end."""
    return max(1, pieces // (8 * n_threads))


cdef void _show(Training *t, const dae_batch *batch, int n_threads) noexcept nogil:
    """The thread's share of gathering and corrupting a batch."""
    cdef ptrdiff_t handful = _handful(batch.B, n_threads), b
    while True:
        b = dae_pile_take(&t.rows_to_show, handful)
        if b >= batch.B:
            break
        t.kernels.show(&t.data, &t.net, batch, b, min(b + handful, batch.B))


cdef void _decode(Training *t, const dae_batch *batch, int n_threads) noexcept nogil:
    """The thread's share of sweep 1."""
    cdef ptrdiff_t n = t.net.n_features, n_units = (n + DAE_UNIT - 1) // DAE_UNIT, first, u
    cdef ptrdiff_t handful = _handful(n_units, n_threads)
    while True:
        first = dae_pile_take(&t.units_to_decode, handful)
        for u in range(first, min(first + handful, n_units)):
            if batch.sparse:
                t.kernels.transpose(&t.net, batch, u * DAE_UNIT, min((u + 1) * DAE_UNIT, n))
            t.kernels.decode_delta(&t.data, &t.net, batch, u * DAE_UNIT,
                                   min((u + 1) * DAE_UNIT, n), t.delta, t.visible_grad,
                                   &t.unit_loss[u])
        if first >= n_units:
            break


cdef void _update(
    Training *t, const dae_update *solver, const dae_batch *batch, const dae_batch *after,
    int thread,
) noexcept nogil:
    """The thread's share of sweep 2."""
    cdef ptrdiff_t block = t.block, width = t.used_width, j
    while True:
        j = block * dae_pile_take(&t.blocks_to_update, 1)
        if j >= t.net.n_hidden:
            break
        t.kernels.update(&t.net, solver, batch, after, t.delta, j, min(j + block, width),
                         t.scratch + thread * t.scratch_bytes)
        if j == 0:
            t.kernels.update_visible_bias(&t.net, solver, t.visible_grad, 0, t.net.n_features)


cdef void _encode(Training *t, const dae_batch *batch) noexcept nogil:
    """The thread's share of the first batch's code; later ones come out of `_update`."""
    cdef ptrdiff_t block = t.block, width = t.used_width, j
    while True:
        j = block * dae_pile_take(&t.blocks_to_update, 1)
        if j >= t.net.n_hidden:
            break
        t.kernels.encode(&t.net, batch, j, min(j + block, width))


cdef double _loss(const Training *t, const dae_batch *batch) noexcept nogil:
    """Mean loss of a batch that is decoded: the same sum in every thread."""
    cdef double total = 0
    cdef ptrdiff_t u
    for u in range((t.net.n_features + DAE_UNIT - 1) // DAE_UNIT):
        total += t.unit_loss[u]
    return total / batch.B


cdef void _work(Training *t, int thread, int n_threads) noexcept nogil:
    """What one thread of the team does from the first batch to the last.

    A pile is reset in the sweep that does not take from it, by one thread.
    """
    cdef dae_update solver = t.solver
    cdef dae_batch batch = _batch(t, 0), after
    cdef ptrdiff_t index = 0
    cdef double loss
    cdef unsigned long denormals = dae_flush_denormals()

    _show(t, &batch, n_threads)
    dae_barrier_wait(&t.barrier, n_threads)
    batch.sparse = _is_sparse(&t.net, &batch)
    if thread == 0:
        dae_pile_reset(&t.rows_to_show)
    _encode(t, &batch)
    dae_barrier_wait(&t.barrier, n_threads)

    while batch.B > 0:
        after = _batch(t, index + 1)
        # sweep 1
        if thread == 0:
            dae_pile_reset(&t.blocks_to_update)
        _show(t, &after, n_threads)
        _decode(t, &batch, n_threads)
        dae_barrier_wait(&t.barrier, n_threads)

        after.sparse = _is_sparse(&t.net, &after)
        loss = _loss(t, &batch)
        if thread == 0:
            t.losses[index] = loss
            t.n_done = index + 1
        if not loss <= t.max_loss:
            break

        # sweep 2
        if thread == 0:
            dae_pile_reset(&t.rows_to_show)
            dae_pile_reset(&t.units_to_decode)
        if solver.kind == DAE_ADAM:
            solver.correction_1 = 1 / (1 - pow(solver.beta_1, t.n_steps + index + 1))
            solver.correction_2 = 1 / (1 - pow(solver.beta_2, t.n_steps + index + 1))
        _update(t, &solver, &batch, &after, thread)
        dae_barrier_wait(&t.barrier, n_threads)
        batch = after
        index += 1
    dae_restore_denormals(denormals)


cdef ptrdiff_t _block(const dae_kernels *k, ptrdiff_t n_hidden, int n_threads) noexcept nogil:
    """Hidden units that a thread takes at a time in sweep 2.

    Wide blocks read the batch less often (at batch 512, 512 bytes are 5 to 10 % faster than 256),
    but each thread should have two, or at least one down to a cache line.
    """
    cdef ptrdiff_t block = k.block
    while block > k.line and (n_hidden + block - 1) // block < n_threads * (
        2 if block > 4 * k.line else 1
    ):
        block //= 2
    return block


cdef void *_allocate(ptrdiff_t count, ptrdiff_t itemsize, list owned) except NULL:
    """Zeros on a cache line; the address to free is appended to `owned`."""
    cdef void *memory = calloc(count * itemsize + 64, 1)
    if memory == NULL:
        raise MemoryError(
            f"No memory for {count * itemsize / 2**20:.0f} MiB of training buffers. "
            "Lower batch_size or n_components."
        )
    owned.append(<size_t> memory)
    return dae_aligned(memory, 64)


cdef int _allocate_lists(
    dae_batch *batch, const dae_batch *first, ptrdiff_t B, ptrdiff_t n, ptrdiff_t itemsize,
    list owned,
) except -1:
    """Lists of non-zeros; those by column serve one batch at a time and are shared."""
    batch.row_count = <int32_t *> _allocate(B, sizeof(int32_t), owned)
    batch.row_columns = <int32_t *> _allocate(B * (n + 1), sizeof(int32_t), owned)
    batch.row_values = _allocate(B * (n + 1), itemsize, owned)
    batch.row_starts = <int32_t *> _allocate(B * (n // DAE_SPAN + 2), sizeof(int32_t), owned)
    if batch == first:
        batch.column_count = <int32_t *> _allocate(n, sizeof(int32_t), owned)
        batch.column_rows = <int32_t *> _allocate(n * B, sizeof(int32_t), owned)
        batch.column_values = _allocate(n * B, itemsize, owned)
    else:
        batch.column_count = first.column_count
        batch.column_rows = first.column_rows
        batch.column_values = first.column_values
    return 0


cdef void _set_moments(dae_parameter *p, tuple moments, floating *dtype_of):
    """The solver's arrays for one parameter; matrices and vectors alike, C order."""
    cdef floating[::1] view
    if len(moments) > 0:
        view = moments[0].reshape(-1)
        p.moment1 = &view[0]
    if len(moments) > 1:
        view = moments[1].reshape(-1)
        p.moment2 = &view[0]


cdef dae_corruption_spec _corruption(
    int kind,
    const uint32_t[::1] threshold,
    const floating[::1] level,
    const floating[::1] low,
    const floating[::1] high,
    const ptrdiff_t[::1] donors,
    uint64_t seed,
    uint64_t presentation,
) noexcept:
    cdef dae_corruption_spec c
    c.kind = kind
    c.threshold = &threshold[0] if threshold.shape[0] else NULL
    c.level = &level[0] if level.shape[0] else NULL
    c.low = &low[0] if low.shape[0] else NULL
    c.high = &high[0] if high.shape[0] else NULL
    c.donors = &donors[0] if donors.shape[0] else NULL
    c.n_donors = donors.shape[0]
    c.seed = seed
    c.presentation = presentation
    return c


def train(
    const floating[:, ::1] clean,          # IN (n_samples, n)
    const floating[:, ::1] corrupted,      # IN (n_samples, n) or None
    const floating[::1] weight,            # IN (n_samples,) or None
    const ptrdiff_t[::1] rows,             # IN (n_rows,) of clean, at least one
    ptrdiff_t batch_size,
    floating[:, ::1] encoder,              # INOUT (n, stride)
    floating[:, ::1] decoder,              # INOUT (n, stride), the encoder itself when tied
    floating[::1] hidden_bias,             # INOUT (m,)
    floating[::1] visible_bias,            # INOUT (n,)
    int activation,
    int decoder_activation,
    int loss,
    tuple moments,                         # INOUT of W, V, b, b*: a tuple of arrays for each
    int solver,
    double learning_rate,
    double momentum,
    double beta_1,
    double beta_2,
    double epsilon,
    double alpha,
    ptrdiff_t n_steps,
    int corruption,
    const uint32_t[::1] threshold,         # IN (n,) or empty
    const floating[::1] level,             # IN (n,) or empty
    const floating[::1] low,               # IN (n,) or empty
    const floating[::1] high,              # IN (n,) or empty
    const ptrdiff_t[::1] donors,           # IN rows of clean, or empty
    uint64_t seed,
    uint64_t presentation,
    double max_loss,
    double[::1] losses,                    # OUT (n_batches,)
    int n_threads,
):
    """Train on clean[rows]; returns how many batches were done, the last perhaps refused.

    This is equivalent to, and much faster than, `dae._reference.train`.
    """
    cdef Training t
    cdef ptrdiff_t itemsize = sizeof(floating), line = 64 // itemsize
    cdef ptrdiff_t n = encoder.shape[0], stride = encoder.shape[1], i
    cdef ptrdiff_t shown_stride = ((n + line - 1) // line | 1) * line
    cdef list owned = []
    cdef size_t address

    t.kernels = kernels(itemsize)
    t.net = describe(encoder, decoder, hidden_bias, visible_bias, activation, decoder_activation,
                     loss)
    _set_moments(&t.net.encoder, moments[0], &encoder[0, 0])
    _set_moments(&t.net.decoder, moments[1], &encoder[0, 0])
    _set_moments(&t.net.hidden_bias, moments[2], &encoder[0, 0])
    _set_moments(&t.net.visible_bias, moments[3], &encoder[0, 0])
    t.solver.kind = solver
    t.solver.learning_rate = learning_rate
    t.solver.momentum = momentum
    t.solver.beta_1 = beta_1
    t.solver.beta_2 = beta_2
    t.solver.epsilon = epsilon
    t.solver.alpha = alpha
    t.solver.correction_1 = t.solver.correction_2 = 1
    t.data.clean = &clean[0, 0]
    t.data.corrupted = &corrupted[0, 0] if corrupted is not None else NULL
    t.data.weight = &weight[0] if weight is not None else NULL
    t.data.corruption = _corruption(corruption, threshold, level, low, high, donors, seed,
                                    presentation)
    t.rows = &rows[0]
    t.n_rows = rows.shape[0]
    t.batch_size = min(batch_size, t.n_rows)
    t.used_width = (t.net.n_hidden + line - 1) // line * line
    t.block = _block(t.kernels, t.net.n_hidden, n_threads)
    t.n_steps = n_steps
    t.max_loss = max_loss
    t.losses = &losses[0]
    t.n_done = 0
    dae_barrier_init(&t.barrier)
    dae_pile_reset(&t.rows_to_show)
    dae_pile_reset(&t.units_to_decode)
    dae_pile_reset(&t.blocks_to_update)
    try:
        for i in range(2):
            t.buffers[i].shown = _allocate(t.batch_size * shown_stride, itemsize, owned)
            t.buffers[i].code = _allocate(t.batch_size * stride, itemsize, owned)
            t.buffers[i].shown_stride = shown_stride
            t.buffers[i].sparse = 0
            t.buffers[i].row_count = NULL
            if t.net.n_hidden >= SPARSE_MIN_HIDDEN and t.batch_size >= SPARSE_MIN_ROWS:
                _allocate_lists(&t.buffers[i], &t.buffers[0], t.batch_size, n, itemsize, owned)
        t.delta = _allocate(t.batch_size * shown_stride, itemsize, owned)
        t.visible_grad = _allocate(n, itemsize, owned)
        t.unit_loss = <double *> _allocate(n // DAE_UNIT + 1, sizeof(double), owned)
        t.scratch_bytes = (t.kernels.scratch_size(t.batch_size) * itemsize + 127) // 64 * 64
        t.scratch = <char *> _allocate(t.scratch_bytes, n_threads, owned)
        if n_threads == 1:
            with nogil:
                _work(&t, 0, 1)
        else:
            with nogil, parallel(num_threads=n_threads):
                _work(&t, dae_thread(), dae_team_size())
    finally:
        for address in owned:
            free(<void *> address)
    return t.n_done


def corrupt(
    const floating[:, ::1] clean,          # IN (n_samples, n)
    const ptrdiff_t[::1] rows,             # IN (n_rows,)
    int corruption,
    const uint32_t[::1] threshold,         # IN (n,) or empty
    const floating[::1] level,             # IN (n,) or empty
    const floating[::1] low,               # IN (n,) or empty
    const floating[::1] high,              # IN (n,) or empty
    const ptrdiff_t[::1] donors,           # IN rows of clean, or empty
    uint64_t seed,
    uint64_t presentation,
    floating[:, ::1] out,                  # OUT (n_rows, n)
    int n_threads,
):
    """out <- the corrupted copies of clean[rows]; `dae._reference.corrupt` says how."""
    cdef const dae_kernels *k = kernels(sizeof(floating))
    cdef dae_network net
    cdef dae_batch batch
    cdef dae_data data
    net.n_features = clean.shape[1]
    data.clean = &clean[0, 0]
    data.corrupted = NULL
    data.weight = NULL
    data.corruption = _corruption(corruption, threshold, level, low, high, donors, seed,
                                  presentation)
    batch.rows = &rows[0]
    batch.B = rows.shape[0]
    batch.shown = &out[0, 0]
    batch.shown_stride = out.shape[1]
    batch.row_count = NULL
    with nogil, parallel(num_threads=n_threads):
        k.show(&data, &net, &batch, first_unit(batch.B, dae_thread(), dae_team_size()),
               first_unit(batch.B, dae_thread() + 1, dae_team_size()))
