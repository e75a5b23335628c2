"""Training on rows in CSR whose outputs are sampled: csrc/sampled_step.h has the mathematics.

Two barriers per step: rows first, each by one thread from its entries to its deltas, then features,
each updated by the thread that owns it. No array of n_features numbers exists per row.
"""
from cython.parallel cimport parallel
from libc.math cimport pow
from libc.stdint cimport INT32_MAX, int32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memset

from daecore._arrays cimport INDEX, INT32, Array, reading, writing
from daecore._kernels cimport (
    DAE_ADAM, DAE_HIGHEST, FEATURE_GROUP, dae_kernels, dae_layer, dae_sampled_batch,
    dae_sampled_data, dae_sampled_share, dae_update,
)
from daecore._layer cimport describe_trained
from daecore._records cimport corruption_of, csr_of, solver_of
from daecore._simd cimport kernels
from daecore._team cimport (
    dae_barrier, dae_barrier_destroy, dae_barrier_init, dae_barrier_wait,
)
from daecore._threads cimport dae_team_size, dae_thread, share_begin


cdef extern from "aligned.h" nogil:
    void *dae_allocate(size_t, int, void **)


cdef extern from "denormals.h" nogil:
    uint64_t dae_flush_denormals()
    void dae_restore_denormals(uint64_t)


# All that the threads of one call share.
ctypedef struct Sampling:
    const dae_kernels *kernels
    dae_layer layer
    dae_update solver           # without the step's corrections
    dae_sampled_data data
    dae_sampled_batch batch     # its buffers
    const ptrdiff_t *rows       # (n_rows) in order of presentation
    const int32_t *room_of_row  # (n_rows) entries that each of them may have
    ptrdiff_t n_rows
    ptrdiff_t batch_size
    ptrdiff_t n_steps           # solver steps before this call
    double max_loss
    ptrdiff_t *starts           # (n_threads, batch_size + 1)
    char *scratch
    ptrdiff_t scratch_bytes     # of each thread
    dae_barrier barrier
    double *losses              # OUT (n_batches)
    ptrdiff_t n_done            # OUT


cdef void _lay_out_rows(const Sampling *t, dae_sampled_batch *batch) noexcept nogil:
    """Where the entries of each row of the batch begin."""
    cdef ptrdiff_t b
    cdef const int32_t *room = t.room_of_row + (batch.rows - t.rows)
    batch.starts[0] = 0
    for b in range(batch.B):
        batch.starts[b + 1] = batch.starts[b] + room[b]


cdef void _own_rows(
    const Sampling *t, const dae_sampled_batch *batch, int thread, int n_threads
) noexcept nogil:
    """The rows whose entries begin in the thread's share of all entries."""
    cdef ptrdiff_t total = batch.starts[batch.B], b
    cdef ptrdiff_t start = share_begin(total, thread, n_threads)
    cdef ptrdiff_t stop = share_begin(total, thread + 1, n_threads)
    cdef char *scratch = t.scratch + thread * t.scratch_bytes
    for b in range(batch.B):
        if start <= batch.starts[b] < stop:
            t.kernels.sampled_row(&t.data, &t.layer, batch, b, scratch)


cdef ptrdiff_t _features_begin(
    const dae_sampled_batch *batch, ptrdiff_t n_features, int part, int n_parts
) noexcept nogil:
    """Where part number `part` begins when features are cut so that entries are about even.

    The mean over rows of where a row's own entries would be cut: they ascend by column, so a part
    finds its own in one run of each row. Which thread owns a feature changes no number.
    """
    cdef ptrdiff_t b, count, total = 0
    if part == n_parts:
        return n_features
    for b in range(batch.B):
        count = batch.asked_count[b]
        if count:
            total += batch.column[batch.starts[b] + batch.shown_count[b]
                                  + share_begin(count, part, n_parts)]
    return total // batch.B // FEATURE_GROUP * FEATURE_GROUP if part else 0


cdef void _work(Sampling *t, int thread, int n_threads) noexcept nogil:
    """What one thread of the team does from the first batch to the last."""
    cdef dae_sampled_batch batch = t.batch
    cdef dae_update solver = t.solver
    cdef dae_sampled_share share
    cdef ptrdiff_t index = 0, at = 0, line = t.kernels.line, lines, b
    cdef double loss
    cdef uint64_t denormals = dae_flush_denormals()
    batch.starts = t.starts + thread * (t.batch_size + 1)
    lines = (t.layer.n_hidden + line - 1) // line
    share.j0 = share_begin(lines, thread, n_threads) * line
    share.j1 = share_begin(lines, thread + 1, n_threads) * line
    share.scratch = t.scratch + thread * t.scratch_bytes
    while at < t.n_rows:
        batch.rows = t.rows + at
        batch.B = min(t.batch_size, t.n_rows - at)
        _lay_out_rows(t, &batch)
        _own_rows(t, &batch, thread, n_threads)
        dae_barrier_wait(&t.barrier, thread, n_threads)
        loss = 0
        for b in range(batch.B):
            loss += batch.loss[b]
        loss /= batch.B
        if thread == 0:
            t.losses[index] = loss
            t.n_done = index + 1
        if not loss <= t.max_loss:
            break
        index += 1
        if solver.kind == DAE_ADAM:
            solver.correction_1 = 1 / (1 - pow(solver.beta_1, t.n_steps + index))
            solver.correction_2 = 1 / (1 - pow(solver.beta_2, t.n_steps + index))
        share.d0 = _features_begin(&batch, t.layer.n_features, thread, n_threads)
        share.d1 = _features_begin(&batch, t.layer.n_features, thread + 1, n_threads)
        t.kernels.sampled_update(&t.layer, &solver, &batch, &share)
        at += batch.B
        dae_barrier_wait(&t.barrier, thread, n_threads)
    dae_restore_denormals(denormals)


cdef void *_take(char *base, ptrdiff_t *used, ptrdiff_t count, ptrdiff_t itemsize) noexcept nogil:
    """The next `count` elements after `base`, from a cache line on."""
    cdef ptrdiff_t at = used[0]
    used[0] += (count * itemsize + 63) // 64 * 64
    return <void *> (base + at) if base != NULL else NULL


cdef ptrdiff_t _lay_out(
    Sampling *t, char *base, ptrdiff_t n_entries, ptrdiff_t itemsize, int n_threads
) noexcept nogil:
    """Give all buffers their place after `base`; returns the bytes they take together."""
    cdef ptrdiff_t used = 0, B = t.batch_size
    cdef dae_sampled_batch *batch = &t.batch
    batch.shown_count = <int32_t *> _take(base, &used, B, sizeof(int32_t))
    batch.asked_count = <int32_t *> _take(base, &used, B, sizeof(int32_t))
    batch.column = <int32_t *> _take(base, &used, n_entries, sizeof(int32_t))
    batch.source = <int32_t *> _take(base, &used, n_entries, sizeof(int32_t))
    batch.next = <int32_t *> _take(base, &used, n_entries, sizeof(int32_t))
    batch.next_named = <int32_t *> _take(base, &used, n_entries, sizeof(int32_t))
    batch.value = _take(base, &used, n_entries, itemsize)
    batch.head = <int32_t *> _take(base, &used, t.layer.n_features, sizeof(int32_t))
    batch.factors = _take(base, &used, 2 * B * t.layer.stride, itemsize)
    batch.loss = <double *> _take(base, &used, B, sizeof(double))
    t.starts = <ptrdiff_t *> _take(base, &used, (B + 1) * n_threads, sizeof(ptrdiff_t))
    t.scratch_bytes = (2 * max(batch.room, B) * (itemsize + sizeof(int32_t)) + 63) // 64 * 64
    t.scratch = <char *> _take(base, &used, t.scratch_bytes, n_threads)
    return used


def train_sampled(
    data,                                  # records.SampledData
    layer,                                 # records.Layer, with a decoder
    solver,                                # records.Solver
    batches,                               # records.Batches, of one row at least
    room_of_row,                           # IN (n_rows,) int32, entries that each row may have
    losses,                                # OUT (n_batches,) float64
    int n_threads,
):
    """Train on these batches; returns how many were done, the last of them perhaps refused.

    This is equivalent to, and much faster than, `dae._model.reference.train_sampled`.
    """
    cdef Sampling t
    cdef Array rows = reading(batches.rows, INDEX)
    cdef ptrdiff_t itemsize = reading(layer.encoder.weights).itemsize
    cdef ptrdiff_t n_entries = 0, in_batch = 0, room = 0, i, bytes_needed
    cdef char *memory
    cdef void *to_free = NULL

    memset(&t, 0, sizeof(t))
    t.kernels = kernels(itemsize, DAE_HIGHEST)
    describe_trained(&t.layer, layer)
    t.solver = solver_of(solver)
    t.data.clean = csr_of(data.clean)
    t.data.corrupted = csr_of(data.corrupted)
    t.data.weight = reading(data.weight).address
    t.data.unit_rows = data.unit_rows
    t.data.zeros_per_nonzero = data.zeros_per_nonzero
    t.data.emphasis[0], t.data.emphasis[1] = data.emphasis
    t.data.corruption = corruption_of(data.corruption)
    t.rows, t.n_rows = <const ptrdiff_t *> rows.address, rows.rows
    t.room_of_row = <const int32_t *> reading(room_of_row, INT32).address
    t.batch_size = batches.batch_size
    t.n_steps = batches.n_steps
    t.max_loss = batches.max_loss
    t.losses = <double *> writing(losses).address
    for i in range(t.n_rows):
        in_batch = t.room_of_row[i] + (0 if i % t.batch_size == 0 else in_batch)
        n_entries = max(n_entries, in_batch)
        room = max(room, t.room_of_row[i])
    if n_entries > INT32_MAX:
        raise MemoryError(
            f"A batch of {t.batch_size} rows has {n_entries} entries, more than 2**31 - 1. "
            "Lower batch_size."
        )
    t.batch.room = room
    n_threads = max(1, min(n_threads, t.batch_size))
    bytes_needed = _lay_out(&t, NULL, n_entries, itemsize, n_threads)
    memory = <char *> dae_allocate(bytes_needed, 0, &to_free)
    if memory == NULL:
        raise MemoryError(
            f"No memory for {bytes_needed / 2**20:.0f} MiB of training buffers. "
            "Lower batch_size or the number of hidden units."
        )
    _lay_out(&t, memory, n_entries, itemsize, n_threads)
    memset(t.batch.head, 0xFF, t.layer.n_features * sizeof(int32_t))  # -1
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
