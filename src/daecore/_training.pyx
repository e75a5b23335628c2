"""Training: the steps of one call, and the corruption they see.

The features, that is the rows of the weights, are cut into leaves, a number that depends on their
count alone. A thread owns some leaves and does all work on their rows, so that these stay in its
cache. What is summed over all features, a (B, m) array twice a step, is summed within a leaf, then
over the leaves in the order of a binary tree: the same bits, whoever did which leaf.

One step, all threads together; `|` is a barrier:

    sweep 1   rows of the NEXT batch: show (gather, corrupt)
              own leaves: z, loss, delta = dE/da*, their part of delta V      |
              own columns: dH from the parts, b                               |
    sweep 2   own leaves: update W, V, b*, their part of the NEXT X~ W        |
              own columns: the NEXT H from the parts                          |

See `daecore/__init__.py` for the picture and `csrc/kernels.h` for what each kernel does.
"""
from cython cimport floating
from cython.parallel cimport parallel
from libc.math cimport pow
from libc.stdint cimport INT32_MAX, int32_t, uint32_t, uint64_t
from libc.stdlib cimport free

from daecore._kernels cimport (
    DAE_ADAM, DAE_UNIT,
    dae_batch, dae_corruption_spec, dae_data, dae_kernels, dae_network, dae_parameter, dae_update,
)
from daecore._network cimport describe
from daecore._simd cimport kernels
from daecore._threads cimport dae_team_size, dae_thread, share_begin


cdef extern from "barrier.h" nogil:
    ctypedef struct dae_barrier:
        pass
    void dae_barrier_init(dae_barrier *)
    void dae_barrier_wait(dae_barrier *, int)
    void dae_barrier_destroy(dae_barrier *)


cdef extern from "denormals.h" nogil:
    uint64_t dae_flush_denormals()
    void dae_restore_denormals(uint64_t)


cdef extern from "aligned.h" nogil:
    void *dae_allocate(size_t, int, void **)


# All that the threads of one call share.
ctypedef struct Training:
    const dae_kernels *kernels
    ptrdiff_t itemsize
    dae_network net
    dae_update solver           # without the step's corrections
    dae_data data
    const ptrdiff_t *rows       # (n_rows) in order of presentation
    ptrdiff_t n_rows
    ptrdiff_t batch_size
    ptrdiff_t n_steps           # solver steps before this call
    double max_loss
    int n_leaves                # a power of two
    dae_batch buffers[2]        # this batch and the next, in turn
    void *delta                 # (batch_size, shown_stride) dE/da*
    void *code_delta            # (batch_size, stride) dH
    void *visible_grad          # (n)
    double *unit_loss           # (units of features)
    char *parts                 # (n_leaves, batch_size, stride) sums over leaves, by first leaf
    ptrdiff_t part_bytes
    char *scratch               # one piece a thread: for `update`, then for sums under way
    ptrdiff_t scratch_bytes
    dae_barrier barrier
    double *losses              # OUT (n_batches)
    ptrdiff_t n_done            # OUT


# What one thread has at hand in one step.
ctypedef struct Step:
    dae_update solver
    dae_batch batch
    dae_batch after             # the next batch
    int thread
    int n_threads


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
    MOST_LEAVES = 64


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


# ------------------------------------------------------------------ leaves

cdef int _count_leaves(ptrdiff_t n_features) noexcept nogil:
    """Leaves that the features are cut into: of 32 rows at least, more than 8 only of 96."""
    cdef ptrdiff_t units = (n_features + DAE_UNIT - 1) // DAE_UNIT
    cdef int leaves = 1
    while (leaves < 8 and units >= 4 * leaves) or (leaves < MOST_LEAVES and units >= 12 * leaves):
        leaves *= 2
    return leaves


cdef ptrdiff_t _log2(int leaves) noexcept nogil:
    cdef ptrdiff_t log2 = 0
    while 1 << log2 < leaves:
        log2 += 1
    return log2


cdef ptrdiff_t _first_unit(const Training *t, int leaf) noexcept nogil:
    return share_begin((t.net.n_features + DAE_UNIT - 1) // DAE_UNIT, leaf, t.n_leaves)


cdef ptrdiff_t _first_feature(const Training *t, int leaf) noexcept nogil:
    return min(_first_unit(t, leaf) * DAE_UNIT, t.net.n_features)


cdef int _owner(const Training *t, int leaf, int n_threads) noexcept nogil:
    """The thread whose leaves, [n_leaves t / n_threads, n_leaves (t + 1) / n_threads), hold it."""
    return ((leaf + 1) * n_threads - 1) // t.n_leaves


# Work on a leaf that leaves its part of a (B, m) sum in `out`, or adds it.
ctypedef void (*LeafWork)(Training *, const Step *, int leaf, void *out, int add) noexcept nogil


cdef void _sum_leaves(
    Training *t, const Step *step, LeafWork work, ptrdiff_t B, int first, int last, char *out,
    char *spare,
) noexcept nogil:
    """out <- the sum over leaves [first, last), as a tree; `spare` has room for the sums below."""
    cdef int middle = (first + last) // 2
    if last - first == 1:
        work(t, step, first, out, 0)
    elif last - first == 2:
        work(t, step, first, out, 0)
        work(t, step, middle, out, 1)
    else:
        _sum_leaves(t, step, work, B, first, middle, out, spare)
        _sum_leaves(t, step, work, B, middle, last, spare, spare + t.part_bytes)
        t.kernels.add(&t.net, B, out, spare, 0, _first_column(t, 1, 1))


cdef void _own_leaves(
    Training *t, const Step *step, LeafWork work, ptrdiff_t B, int first, int last
) noexcept nogil:
    """The thread's share of [first, last): the largest branches that are all its own. The sums
    have B rows."""
    cdef int middle = (first + last) // 2
    cdef int low = _owner(t, first, step.n_threads), high = _owner(t, last - 1, step.n_threads)
    if low > step.thread or high < step.thread:
        return
    if low == high:
        _sum_leaves(t, step, work, B, first, last, t.parts + first * t.part_bytes,
                    t.scratch + step.thread * t.scratch_bytes
                    + t.kernels.scratch_size * t.itemsize)
        return
    _own_leaves(t, step, work, B, first, middle)
    _own_leaves(t, step, work, B, middle, last)


cdef void _join(
    Training *t, ptrdiff_t B, int n_threads, int first, int last, ptrdiff_t column0,
    ptrdiff_t column1,
) noexcept nogil:
    """In these columns, the part of leaf `first` <- the sum of all threads' parts."""
    cdef int middle = (first + last) // 2
    if _owner(t, first, n_threads) == _owner(t, last - 1, n_threads):
        return
    _join(t, B, n_threads, first, middle, column0, column1)
    _join(t, B, n_threads, middle, last, column0, column1)
    t.kernels.add(&t.net, B, t.parts + first * t.part_bytes, t.parts + middle * t.part_bytes,
                  column0, column1)


cdef ptrdiff_t _first_column(const Training *t, int thread, int n_threads) noexcept nogil:
    cdef ptrdiff_t line = t.kernels.line
    return share_begin((t.net.n_hidden + line - 1) // line, thread, n_threads) * line


# ------------------------------------------------------------------ a step

cdef void _show(Training *t, const Step *step, const dae_batch *batch) noexcept nogil:
    t.kernels.show(&t.data, &t.net, batch, share_begin(batch.B, step.thread, step.n_threads),
                   share_begin(batch.B, step.thread + 1, step.n_threads))


cdef void _decode_leaf(
    Training *t, const Step *step, int leaf, void *out, int add
) noexcept nogil:
    """Sweep 1 on a leaf."""
    cdef ptrdiff_t n = t.net.n_features, u, first, last
    for u in range(_first_unit(t, leaf), _first_unit(t, leaf + 1)):
        first, last = u * DAE_UNIT, min((u + 1) * DAE_UNIT, n)
        if step.batch.sparse:
            t.kernels.transpose(&t.net, &step.batch, first, last)
        t.kernels.decode_delta(&t.data, &t.net, &step.batch, first, last, t.delta,
                               t.visible_grad, &t.unit_loss[u])
    t.kernels.project_delta(&t.net, &step.batch, t.delta, _first_feature(t, leaf),
                            _first_feature(t, leaf + 1), out, add)


cdef void _encode_leaf(
    Training *t, const Step *step, int leaf, void *out, int add
) noexcept nogil:
    """A leaf's part of the next code."""
    if step.after.B > 0:
        t.kernels.project(&t.net, &step.after, _first_feature(t, leaf),
                          _first_feature(t, leaf + 1), out, add)


cdef void _update_leaf(
    Training *t, const Step *step, int leaf, void *out, int add
) noexcept nogil:
    """Sweep 2 on a leaf."""
    t.kernels.update(&t.net, &step.solver, &step.batch, t.delta, t.code_delta, t.visible_grad,
                     _first_feature(t, leaf), _first_feature(t, leaf + 1),
                     t.scratch + step.thread * t.scratch_bytes)
    _encode_leaf(t, step, leaf, out, add)


cdef void _finish_code(Training *t, const Step *step) noexcept nogil:
    """The thread's columns of the next code, from the parts."""
    cdef ptrdiff_t column0 = _first_column(t, step.thread, step.n_threads)
    cdef ptrdiff_t column1 = _first_column(t, step.thread + 1, step.n_threads)
    _join(t, step.after.B, step.n_threads, 0, t.n_leaves, column0, column1)
    t.kernels.finish_code(&t.net, &step.after, t.parts, column0, column1)


cdef void _finish_delta(Training *t, const Step *step) noexcept nogil:
    """The thread's columns of dH, from the parts."""
    cdef ptrdiff_t column0 = _first_column(t, step.thread, step.n_threads)
    cdef ptrdiff_t column1 = _first_column(t, step.thread + 1, step.n_threads)
    _join(t, step.batch.B, step.n_threads, 0, t.n_leaves, column0, column1)
    t.kernels.finish_delta(&t.net, &step.solver, &step.batch, t.parts, column0, column1,
                           t.code_delta)


cdef double _loss(const Training *t, const dae_batch *batch) noexcept nogil:
    """Mean loss of a batch that is decoded: the same sum in every thread."""
    cdef double total = 0
    cdef ptrdiff_t u
    for u in range((t.net.n_features + DAE_UNIT - 1) // DAE_UNIT):
        total += t.unit_loss[u]
    return total / batch.B


cdef void _work(Training *t, int thread, int n_threads) noexcept nogil:
    """What one thread of the team does from the first batch to the last."""
    cdef Step step
    cdef ptrdiff_t index = 0
    cdef double loss
    cdef uint64_t denormals = dae_flush_denormals()
    step.thread, step.n_threads, step.solver = thread, n_threads, t.solver

    step.after = _batch(t, 0)
    _show(t, &step, &step.after)
    dae_barrier_wait(&t.barrier, n_threads)
    step.after.sparse = _is_sparse(&t.net, &step.after)
    step.batch = step.after
    _own_leaves(t, &step, _encode_leaf, step.after.B, 0, t.n_leaves)
    dae_barrier_wait(&t.barrier, n_threads)
    _finish_code(t, &step)
    dae_barrier_wait(&t.barrier, n_threads)

    while step.after.B > 0:
        step.batch = step.after
        step.after = _batch(t, index + 1)
        # sweep 1
        _show(t, &step, &step.after)
        _own_leaves(t, &step, _decode_leaf, step.batch.B, 0, t.n_leaves)
        dae_barrier_wait(&t.barrier, n_threads)
        step.after.sparse = _is_sparse(&t.net, &step.after)
        loss = _loss(t, &step.batch)
        if thread == 0:
            t.losses[index] = loss
            t.n_done = index + 1
        if not loss <= t.max_loss:
            break
        index += 1
        if step.solver.kind == DAE_ADAM:
            step.solver.correction_1 = 1 / (1 - pow(step.solver.beta_1, t.n_steps + index))
            step.solver.correction_2 = 1 / (1 - pow(step.solver.beta_2, t.n_steps + index))
        _finish_delta(t, &step)
        dae_barrier_wait(&t.barrier, n_threads)
        # sweep 2
        _own_leaves(t, &step, _update_leaf, step.after.B, 0, t.n_leaves)
        if step.after.B == 0:
            break
        dae_barrier_wait(&t.barrier, n_threads)
        _finish_code(t, &step)
        dae_barrier_wait(&t.barrier, n_threads)
    dae_restore_denormals(denormals)


# ------------------------------------------------------------------ the call

cdef void *_take(char *base, ptrdiff_t *used, ptrdiff_t count, ptrdiff_t itemsize) noexcept nogil:
    """The next `count` elements behind `base`, from a cache line on."""
    cdef ptrdiff_t at = used[0]
    used[0] += (count * itemsize + 63) // 64 * 64
    return <void *> (base + at) if base != NULL else NULL


cdef void _lay_out_lists(
    dae_batch *batch, char *base, ptrdiff_t *used, ptrdiff_t B, ptrdiff_t n, ptrdiff_t itemsize
) noexcept nogil:
    batch.row_count = <int32_t *> _take(base, used, B, sizeof(int32_t))
    batch.row_columns = <int32_t *> _take(base, used, B * (n + 1), sizeof(int32_t))
    batch.row_values = _take(base, used, B * (n + 1), itemsize)
    batch.row_starts = <int32_t *> _take(base, used, B * (n // DAE_UNIT + 2), sizeof(int32_t))


cdef ptrdiff_t _lay_out(Training *t, char *base, int n_threads) noexcept nogil:
    """Give all buffers their place behind `base`; returns the bytes they take together."""
    cdef ptrdiff_t B = t.batch_size, n = t.net.n_features, stride = t.net.stride
    cdef ptrdiff_t itemsize = t.itemsize, line = t.kernels.line, used = 0, i
    # an odd number of cache lines: rows of a power of two would fall into the same cache sets
    cdef ptrdiff_t shown_stride = ((n + line - 1) // line | 1) * line
    cdef dae_batch *batch
    for i in range(2):
        batch = &t.buffers[i]
        batch.shown_stride = shown_stride
        batch.shown = _take(base, &used, B * shown_stride, itemsize)
        batch.code = _take(base, &used, B * stride, itemsize)
    t.delta = _take(base, &used, B * shown_stride, itemsize)
    t.code_delta = _take(base, &used, B * stride, itemsize)
    t.visible_grad = _take(base, &used, n, itemsize)
    t.unit_loss = <double *> _take(base, &used, n // DAE_UNIT + 1, sizeof(double))
    t.part_bytes = (B * stride * itemsize + 63) // 64 * 64
    # one thread's tree has its root in the first part
    t.parts = <char *> _take(base, &used, t.part_bytes, t.n_leaves if n_threads > 1 else 1)
    # Under way in a tree are a sum for each fork but the last, whose leaves go into one.
    t.scratch_bytes = ((t.kernels.scratch_size * itemsize + 63) // 64 * 64
                       + max(0, _log2(t.n_leaves) - 1) * t.part_bytes)
    t.scratch = <char *> _take(base, &used, t.scratch_bytes, n_threads)
    for i in range(2):
        batch = &t.buffers[i]
        batch.sparse = 0
        batch.row_count = NULL
        if t.net.n_hidden < SPARSE_MIN_HIDDEN or B < SPARSE_MIN_ROWS or max(n, B) > INT32_MAX:
            continue
        _lay_out_lists(batch, base, &used, B, n, itemsize)
        if i == 0:
            batch.column_count = <int32_t *> _take(base, &used, n, sizeof(int32_t))
            batch.column_rows = <int32_t *> _take(base, &used, n * B, sizeof(int32_t))
            batch.column_values = _take(base, &used, n * B, itemsize)
        else:  # those by column serve one batch at a time
            batch.column_count = t.buffers[0].column_count
            batch.column_rows = t.buffers[0].column_rows
            batch.column_values = t.buffers[0].column_values
    return used


cdef void _set_moments(dae_parameter *p, tuple moments, floating *dtype_of):
    """The solver's arrays for one parameter; matrices and vectors alike, C order. `dtype_of` only
    tells their type."""
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
    cdef ptrdiff_t n = encoder.shape[0], bytes_needed
    cdef char *memory
    cdef void *to_free

    t.itemsize = sizeof(floating)
    t.kernels = kernels(t.itemsize)
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
    t.n_leaves = _count_leaves(n)
    n_threads = max(1, min(n_threads, t.n_leaves))
    t.n_steps = n_steps
    t.max_loss = max_loss
    t.losses = &losses[0]
    t.n_done = 0
    bytes_needed = _lay_out(&t, NULL, n_threads)
    memory = <char *> dae_allocate(bytes_needed, 0, &to_free)
    if memory == NULL:
        raise MemoryError(
            f"No memory for {bytes_needed / 2**20:.0f} MiB of training buffers. "
            "Lower batch_size or n_components."
        )
    _lay_out(&t, memory, n_threads)
    dae_barrier_init(&t.barrier)
    try:
        if n_threads == 1:
            with nogil:
                _work(&t, 0, 1)
        else:
            with nogil, parallel(num_threads=n_threads):
                _work(&t, dae_thread(), dae_team_size())
    finally:
        dae_barrier_destroy(&t.barrier)
        free(to_free)
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
    if n_threads <= 1:
        with nogil:
            _corrupt(k, &data, &net, &batch, 0, 1)
    else:
        with nogil, parallel(num_threads=n_threads):
            _corrupt(k, &data, &net, &batch, dae_thread(), dae_team_size())


cdef void _corrupt(
    const dae_kernels *k, const dae_data *data, const dae_network *net, const dae_batch *batch,
    int thread, int n_threads,
) noexcept nogil:
    """The thread's share of the rows."""
    cdef uint64_t denormals = dae_flush_denormals()
    k.show(data, net, batch, share_begin(batch.B, thread, n_threads),
           share_begin(batch.B, thread + 1, n_threads))
    dae_restore_denormals(denormals)
