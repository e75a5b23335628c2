"""Training: the steps of one call, and the corruption they see.

Batches of more than 128 rows go in micro-batches, whose arrays stay in the caches. Their gradients
are added up, and the parameters change with the last of them. One step of one micro-batch in one
layer, all threads together; a thread owns some leaves of the features (`_leaves.pxd`) and some
columns of the hidden units; `|` is a barrier:

    sweep 1   rows of the NEXT micro-batch: show (gather, corrupt)
              own leaves: z, loss, delta = dE/da*, their part of delta V      |
              own columns: dH from the parts, b                               |
    sweep 2   own leaves: update W, V, b*, their part of the NEXT X~ W        |
              own columns: the NEXT H from the parts                          |

Several layers do the same, with, for each layer k above the lowest,

    before sweep 1    up      own leaves: their part of H_k-1 W;  own columns: H_k      | |
                      down    own leaves: what layer k - 1 decodes                      |
    after sweep 1     up      own leaves: their part of delta V;  own columns: delta    | |
                      down    own leaves: dH of layer k - 1, then update W, V           |

so that a layer's W is visited once to pass the delta down and to update it. Supervised layers,
which decode nothing, compare the topmost code with a target by rows instead of sweep 1. Where
products go by panels, what a layer made for the one below is packed in one more pass by columns.

See `daecore/__init__.py` for the picture and `csrc/kernels.h` for what each kernel does.
"""
from cython.parallel cimport parallel
from libc.math cimport pow
from libc.stdint cimport uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from daecore._arrays cimport INDEX, Array, reading, writing
from daecore._buffers cimport (
    SPARSE_MIN_ROWS, SPARSE_PERCENT, lay_out, micro_batch_rows,
)
from daecore._kernels cimport (
    DAE_ADAM, DAE_HIGHEST, DAE_IDENTITY, DAE_SCORE_SUMS, dae_batch, dae_data, dae_kernels,
    dae_layer,
)
from daecore._layer cimport describe_trained
from daecore._leaves cimport (
    count_leaves, features_of, first_group, for_own_leaves, join_halves, n_groups, own_columns,
    owner, sum_own_leaves,
)
from daecore._records cimport corruption_of, csr_of, solver_of
from daecore._simd cimport kernels
from daecore._team cimport (
    LayerBuffers, Range, Step, Training, dae_barrier_destroy, dae_barrier_init, dae_barrier_wait,
)
from daecore._threads cimport dae_team_size, dae_thread, share_begin


cdef extern from "denormals.h" nogil:
    uint64_t dae_flush_denormals()
    void dae_restore_denormals(uint64_t)


cdef extern from "clock.h" nogil:
    double dae_seconds()


cdef extern from "Python.h":
    int PyErr_CheckSignals() except -1


cdef extern from "aligned.h" nogil:
    void *dae_allocate(size_t, int, void **)


# ------------------------------------------------------------------ where a thread is

cdef dae_batch _micro_batch(
    const Training *t, ptrdiff_t start, ptrdiff_t turn, int thread
) noexcept nogil:
    """The micro-batch that begins at row `start`, in the lowest layer, on the thread's scratch and
    on the buffers whose turn it is; B = 0 after the last one."""
    cdef dae_batch batch = t.buffers[turn % 2]
    cdef ptrdiff_t batch_start = start // t.batch_size * t.batch_size
    batch.rows = t.rows + start
    batch.batch_size = max(0, min(t.batch_size, t.n_rows - batch_start))
    batch.B = max(0, min(t.micro_batch_size, batch_start + batch.batch_size - start))
    batch.room = t.micro_batch_size
    batch.begins_batch = start == batch_start
    batch.ends_batch = start + batch.B == batch_start + batch.batch_size
    batch.scratch = t.scratch + thread * t.scratch_bytes
    batch.packed = t.kernels.pack != NULL and batch.B >= t.kernels.packed_rows
    return batch


cdef void _enter(const Training *t, Step *step, int k) noexcept nogil:
    """Set layer k to work on this micro-batch."""
    cdef dae_batch *batch = &step.batch
    step.layer = &t.layers[k]
    step.batch = step.lowest
    if k > 0:  # it encodes the code of the layer below
        batch.shown = t.layers[k - 1].code
        batch.shown_stride = step.layer.shown_stride
        batch.entry_weight = NULL
        batch.row_count = NULL
        batch.sparse = 0
    batch.code = step.layer.code
    batch.decoded = step.layer.decoded


cdef void _meet(Training *t, const Step *step) noexcept nogil:
    """Wait for the other threads."""
    dae_barrier_wait(&t.barrier, step.thread, step.n_threads)


cdef int _is_sparse(const dae_layer *layer, const dae_batch *batch) noexcept nogil:
    """Whether to skip the zeros of this batch; its rows are all shown."""
    cdef ptrdiff_t b, total = 0
    if batch.row_count == NULL or batch.B < SPARSE_MIN_ROWS:
        return 0
    for b in range(batch.B):
        if batch.row_count[b] < 0:
            return 0
        total += batch.row_count[b]
    return 100 * total < SPARSE_PERCENT * batch.B * layer.n_features


# ------------------------------------------------------------------ a step, leaf by leaf

cdef void _project_leaf(
    Training *t, const Step *step, const dae_batch *batch, int leaf, void *out, int add
) noexcept nogil:
    """A leaf's part of the code of a batch."""
    cdef Range features = features_of(step.layer, leaf, 1)
    t.kernels.project(&step.layer.params, batch, features.start, features.stop, out, add)


cdef void _encode_leaf(
    Training *t, const Step *step, int leaf, void *out, int add
) noexcept nogil:
    """A leaf's part of the code of this batch."""
    _project_leaf(t, step, &step.batch, leaf, out, add)


cdef void _decode_leaf(
    Training *t, const Step *step, int leaf, void *out, int add
) noexcept nogil:
    """A leaf of what the layer below is to decode."""
    cdef LayerBuffers *below = step.layer - 1
    cdef Range features = features_of(step.layer, leaf, 1)
    t.kernels.decode(&step.layer.params, &step.batch, step.batch.decoded, features.start,
                     features.stop, below.decoded, below.params.stride)


cdef void _transpose_leaf(
    Training *t, const Step *step, int leaf, void *out, int add
) noexcept nogil:
    """Lists of a leaf's non-zeros by column, for its gradient."""
    cdef Range features = features_of(step.layer, leaf, 1)
    t.kernels.transpose(&step.layer.params, &step.batch, features.start, features.stop)


cdef void _project_delta_leaf(
    Training *t, const Step *step, int leaf, void *out, int add
) noexcept nogil:
    """A leaf's part of the derivative by what the layer decodes."""
    cdef Range features = features_of(step.layer, leaf, 1)
    t.kernels.project_delta(&step.layer.params, &step.batch, step.layer.delta, features.start,
                            features.stop, out, add)


cdef double *_own_totals(const Training *t, const Step *step) noexcept nogil:
    return t.totals + 2 * t.micro_batch_size * step.thread


cdef void _score_leaf(
    Training *t, const Step *step, int leaf, void *out, int add
) noexcept nogil:
    """The leaf's part of the rows' sums that its features are compared by."""
    cdef Range features = features_of(step.layer, leaf, 1)
    t.kernels.scores(&t.data, &step.layer.params, &step.batch, features.start, features.stop,
                     step.layer.delta, t.scores + DAE_SCORE_SUMS * step.batch.B * leaf)


cdef void _decode_delta_leaf(
    Training *t, const Step *step, int leaf, void *out, int add
) noexcept nogil:
    """Losses and deltas of the leaf's features; of multinomial blocks only pre-activations."""
    cdef Range features = features_of(step.layer, leaf, 1)
    t.kernels.decode_delta(&t.data, &step.layer.params, &step.batch, features.start,
                           features.stop, step.layer.delta, t.visible_grad,
                           t.loss + first_group(step.layer, leaf))


cdef void _compare_leaf(
    Training *t, const Step *step, int leaf, void *out, int add
) noexcept nogil:
    """Sweep 1 on a leaf of the lowest layer."""
    cdef Range features = features_of(step.layer, leaf, 1)
    cdef double *loss = t.loss + first_group(step.layer, leaf)
    if step.batch.sparse:
        _transpose_leaf(t, step, leaf, out, add)
    if t.scores != NULL:
        t.kernels.multinomial_delta(&t.data, &step.layer.params, &step.batch, features.start,
                                    features.stop, _own_totals(t, step), step.layer.delta,
                                    t.visible_grad, loss)
    elif t.block_totals != NULL:
        t.kernels.block_delta(&t.data, &step.layer.params, &step.batch, features.start,
                              features.stop, t.block_totals, step.layer.delta, t.visible_grad,
                              loss)
    else:
        _decode_delta_leaf(t, step, leaf, out, add)
    _project_delta_leaf(t, step, leaf, out, add)


cdef void _update_leaves(
    Training *t, const Step *step, int leaf, int n_leaves, void *visible_grad
) noexcept nogil:
    """The weights of `n_leaves` leaves, from this one on."""
    cdef Range features = features_of(step.layer, leaf, n_leaves)
    t.kernels.update(&step.layer.params, &step.solver, &step.batch, step.layer.delta,
                     step.layer.code_delta, visible_grad, features.start, features.stop)


cdef int _leaves_at_once(const Step *step, int leaf) noexcept nogil:
    """How many leaves are updated when it is the turn of this one. Panels want many rows of
    weights at a time: if the thread has the neighbour, too, both of a pair at its first leaf,
    none at its second."""
    cdef int other = leaf + 1 if leaf % 2 == 0 else leaf - 1
    if (not step.batch.packed or other >= step.layer.n_leaves
            or owner(step.layer, other, step.n_threads) != step.thread):
        return 1
    return 2 if leaf < other else 0


cdef void _pass_leaf(Training *t, const Step *step, int leaf) noexcept nogil:
    """The delta of the layer below, from the leaf's weights."""
    cdef LayerBuffers *below = step.layer - 1
    cdef Range features = features_of(step.layer, leaf, 1)
    t.kernels.pass_delta(&step.layer.params, &below.params, &step.solver, &step.batch,
                         step.layer.code_delta, features.start, features.stop, below.code_delta)


cdef void _pass_and_update_leaf(
    Training *t, const Step *step, int leaf, void *out, int add
) noexcept nogil:
    """Both, while the leaf's weights are in the cache."""
    cdef int n_leaves = _leaves_at_once(step, leaf), i
    for i in range(leaf, leaf + n_leaves):
        _pass_leaf(t, step, i)
    if n_leaves > 0:
        _update_leaves(t, step, leaf, n_leaves, NULL)


cdef void _update_leaf(
    Training *t, const Step *step, int leaf, void *out, int add
) noexcept nogil:
    """A leaf's weights in the lowest layer."""
    cdef int n_leaves = _leaves_at_once(step, leaf)
    if n_leaves > 0:
        _update_leaves(t, step, leaf, n_leaves, t.visible_grad)


cdef void _update_and_encode_leaf(
    Training *t, const Step *step, int leaf, void *out, int add
) noexcept nogil:
    """That, and the leaf's part of the next code, while its weights are in the cache."""
    cdef Range features
    if step.batch.B == 1 and step.next.B == 1 and step.layer.params.encoder.gradient == NULL:
        features = features_of(step.layer, leaf, 1)
        t.kernels.update_and_project(&step.layer.params, &step.solver, &step.batch, &step.next,
                                     step.layer.delta, step.layer.code_delta, t.visible_grad,
                                     features.start, features.stop, out, add)
        return
    _update_leaf(t, step, leaf, out, add)
    _project_leaf(t, step, &step.next, leaf, out, add)


# ------------------------------------------------------------------ a step, by rows and columns

cdef void _show(Training *t, const Step *step, const dae_batch *batch) noexcept nogil:
    """The thread's rows of a batch. Where shares differ, the last threads have the larger ones, of
    features too; so rows are shared out from the end."""
    cdef int turn = step.n_threads - 1 - step.thread
    t.kernels.show(&t.data, &t.layers[0].params, batch,
                   share_begin(batch.B, turn, step.n_threads),
                   share_begin(batch.B, turn + 1, step.n_threads))


cdef void _sum_blocks(Training *t, const Step *step) noexcept nogil:
    """The thread's rows of the totals of multinomial blocks."""
    t.kernels.block_totals(&t.data, &step.layer.params, &step.batch,
                           share_begin(step.batch.B, step.thread, step.n_threads),
                           share_begin(step.batch.B, step.thread + 1, step.n_threads),
                           step.layer.delta, t.block_totals)


cdef void _compare_outputs(Training *t, const Step *step) noexcept nogil:
    """The thread's rows of the losses of the outputs, and of their delta."""
    t.kernels.output_delta(&t.data, &step.layer.params, &step.batch,
                           share_begin(step.batch.B, step.thread, step.n_threads),
                           share_begin(step.batch.B, step.thread + 1, step.n_threads),
                           step.layer.code_delta, t.loss)


cdef void _pack(
    Training *t, const Step *step, const dae_batch *batch, void *codes, bint down
) noexcept nogil:
    """The thread's columns of codes or their deltas, factors of a gradient; with `down`, codes will
    be decoded, deltas passed down, too."""
    cdef Range columns
    if not batch.packed:
        return
    columns = own_columns(t, step)
    if down:
        t.kernels.pack(&step.layer.params, batch, codes, columns.start, columns.stop)
    if t.kernels.pack_pairs != NULL:
        t.kernels.pack_pairs(&step.layer.params, batch, codes, columns.start, columns.stop)


cdef void _finish_code(Training *t, const Step *step, const dae_batch *batch) noexcept nogil:
    """The thread's columns of a batch's code, from the parts."""
    cdef Range columns = own_columns(t, step)
    cdef void *other = join_halves(t, step, batch.B, columns)
    t.kernels.finish_code(&step.layer.params, batch, t.parts, other, columns.start, columns.stop)
    if step.layer.decoded == step.layer.code and not t.supervised:
        _pack(t, step, batch, batch.code, True)


cdef void _finish_delta(Training *t, const Step *step) noexcept nogil:
    """The thread's columns of the derivative by the pre-activations of what the layer decodes:
    those of its own code, if it is topmost, else those of the decoder above."""
    cdef LayerBuffers *layer = step.layer
    cdef LayerBuffers *above = layer + 1
    cdef Range columns = own_columns(t, step)
    cdef void *other = join_halves(t, step, step.batch.B, columns)
    if layer == &t.layers[t.n_layers - 1]:
        t.kernels.finish_delta(&layer.params, layer.params.activation, &layer.params.hidden_bias,
                               &step.solver, &step.batch, layer.decoded, t.parts, other,
                               columns.start, columns.stop, layer.code_delta)
        _pack(t, step, &step.batch, layer.code_delta, layer != t.layers)
    else:
        t.kernels.finish_delta(&layer.params, above.params.decoder_activation,
                               &above.params.visible_bias, &step.solver, &step.batch,
                               layer.decoded, t.parts, other, columns.start, columns.stop,
                               above.delta)


cdef void _finish_outputs(Training *t, const Step *step) noexcept nogil:
    """The thread's columns of the outputs' bias; their delta is there."""
    cdef LayerBuffers *layer = step.layer
    cdef Range columns = own_columns(t, step)
    t.kernels.finish_delta(&layer.params, DAE_IDENTITY, &layer.params.hidden_bias, &step.solver,
                           &step.batch, layer.code, layer.code_delta, NULL, columns.start,
                           columns.stop, layer.code_delta)
    _pack(t, step, &step.batch, layer.code_delta, layer != t.layers)


cdef double _loss(const Training *t, const Step *step) noexcept nogil:
    """Sum of the losses of a micro-batch that is compared: the same sum in every thread."""
    cdef ptrdiff_t count = step.batch.B if t.supervised else n_groups(t.layers[0].params.n_features)
    cdef ptrdiff_t i
    cdef double total = 0
    for i in range(count):
        total += t.loss[i]
    return total


# ------------------------------------------------------------------ moves between barriers

cdef void _climb(Training *t, Step *step, int k) noexcept nogil:
    """The code of layer k, from what it is shown."""
    _enter(t, step, k)
    sum_own_leaves(t, step, _encode_leaf, step.batch.B)
    _meet(t, step)
    _finish_code(t, step, &step.batch)
    _meet(t, step)


cdef void _pack_made_above(
    Training *t, const Step *step, void *codes, bint down
) noexcept nogil:
    """Codes of the layer, or their delta, that the layer above made leaf by leaf."""
    if step.batch.packed and (down or t.kernels.pack_pairs != NULL):
        _pack(t, step, &step.batch, codes, down)
        _meet(t, step)


cdef void _descend(Training *t, Step *step, int k) noexcept nogil:
    """What layer k - 1 decodes, from what layer k does."""
    _enter(t, step, k)
    for_own_leaves(t, step, _decode_leaf)
    _meet(t, step)
    _enter(t, step, k - 1)
    _pack_made_above(t, step, step.batch.decoded, True)


cdef void _climb_with_delta(Training *t, Step *step, int k) noexcept nogil:
    """The derivative by what layer k decodes, from that by what it makes of this."""
    _meet(t, step)
    _enter(t, step, k)
    sum_own_leaves(t, step, _project_delta_leaf, step.batch.B)
    _meet(t, step)
    _finish_delta(t, step)


cdef void _descend_with_delta(Training *t, Step *step, int k) noexcept nogil:
    """The derivative by the code of layer k - 1, and the update of layer k."""
    _enter(t, step, k)
    for_own_leaves(t, step, _pass_and_update_leaf)
    _meet(t, step)
    _enter(t, step, k - 1)
    _pack_made_above(t, step, step.layer.code_delta, k > 1)


cdef void _compare(Training *t, Step *step) noexcept nogil:
    """Loss and delta of this micro-batch: sweep 1, or the outputs against their target."""
    cdef int k
    if t.supervised:
        _enter(t, step, t.n_layers - 1)
        _show(t, step, &step.next)
        _compare_outputs(t, step)
    else:
        for k in range(t.n_layers - 1, 0, -1):
            _descend(t, step, k)
        _enter(t, step, 0)
        _show(t, step, &step.next)
        if t.scores != NULL:
            for_own_leaves(t, step, _score_leaf)
            _meet(t, step)
            t.kernels.join_scores(t.scores, step.layer.n_leaves, step.batch.B,
                                  _own_totals(t, step))
        elif t.block_totals != NULL:
            for_own_leaves(t, step, _decode_delta_leaf)
            _meet(t, step)
            _sum_blocks(t, step)
            _meet(t, step)
        sum_own_leaves(t, step, _compare_leaf, step.batch.B)
    _meet(t, step)
    step.next.sparse = _is_sparse(&t.layers[0].params, &step.next)


cdef void _update_and_encode(Training *t, Step *step) noexcept nogil:
    """Sweep 2: the lowest layer's update, and its part of the next code."""
    _enter(t, step, 0)
    if t.supervised and step.batch.sparse:  # else sweep 1 has done it
        for_own_leaves(t, step, _transpose_leaf)
    if step.next.B > 0:
        sum_own_leaves(t, step, _update_and_encode_leaf, step.next.B)
    else:
        for_own_leaves(t, step, _update_leaf)


# ------------------------------------------------------------------ signals

# Seconds between two looks: a call of small batches is no longer, and Python looks after it. A look
# takes the GIL, for which other threads may have to be waited for.
cdef double SECONDS_BETWEEN_LOOKS = 0.1


cdef int _handle_signals(void *raised) noexcept with gil:
    """Let Python's handlers run; 1 if one raised, as Ctrl-C's does. Not in the main thread: 0."""
    try:
        PyErr_CheckSignals()
    except BaseException as error:
        (<list> raised).append(error)
        return 1
    return 0


cdef void _look_for_signals(Training *t, int thread) noexcept nogil:
    """Now and then within a large batch, on thread 0, which is the caller's. The others learn of
    it at the next barrier, after which all see the same."""
    cdef double now
    if thread == 0 and t.batch_size > t.micro_batch_size:
        now = dae_seconds()
        if now - t.looked >= SECONDS_BETWEEN_LOOKS:
            t.stopped = _handle_signals(t.raised)
            t.looked = dae_seconds()


# ------------------------------------------------------------------ the steps of a thread

cdef void _work(Training *t, int thread, int n_threads) noexcept nogil:
    """What one thread of the team does from the first batch to the last."""
    cdef Step step
    cdef ptrdiff_t index = 0  # of the batch
    cdef ptrdiff_t start = 0, turn = 0
    cdef int top = t.n_layers - 1, k
    cdef double loss = 0
    cdef uint64_t denormals = dae_flush_denormals()
    memset(&step, 0, sizeof(step))
    step.thread, step.n_threads, step.solver = thread, n_threads, t.solver

    step.next = _micro_batch(t, start, turn, thread)
    _show(t, &step, &step.next)
    _meet(t, &step)
    step.next.sparse = _is_sparse(&t.layers[0].params, &step.next)
    step.lowest = step.next
    _climb(t, &step, 0)

    while step.next.B > 0:
        step.lowest = step.next
        start += step.lowest.B
        turn += 1
        step.next = _micro_batch(t, start, turn, thread)
        _look_for_signals(t, thread)
        for k in range(1, t.n_layers):
            _climb(t, &step, k)
        _compare(t, &step)
        if t.stopped:  # nothing has been updated since the last batch: this one is dropped
            break
        loss = _loss(t, &step) + (0 if step.lowest.begins_batch else loss)
        if step.lowest.ends_batch:
            if thread == 0:
                t.losses[index] = loss / step.lowest.batch_size
                t.n_done = index + 1
            if not loss / step.lowest.batch_size <= t.max_loss:
                break
            index += 1
            if step.solver.kind == DAE_ADAM:
                step.solver.correction_1 = 1 / (1 - pow(step.solver.beta_1, t.n_steps + index))
                step.solver.correction_2 = 1 / (1 - pow(step.solver.beta_2, t.n_steps + index))
        if t.supervised:
            _finish_outputs(t, &step)
        else:
            _finish_delta(t, &step)
            for k in range(1, t.n_layers):
                _climb_with_delta(t, &step, k)
        _meet(t, &step)
        for k in range(top, 0, -1):
            _descend_with_delta(t, &step, k)
        _update_and_encode(t, &step)
        if step.next.B == 0:
            break
        _meet(t, &step)
        _finish_code(t, &step, &step.next)
        _meet(t, &step)
    dae_restore_denormals(denormals)


# ------------------------------------------------------------------ the call

cdef dae_data _data(object record) except *:
    """From a `records.Data`."""
    cdef dae_data data
    memset(&data, 0, sizeof(data))
    if isinstance(record.clean, tuple):
        data.sparse_clean = csr_of(record.clean)
        data.sparse_corrupted = csr_of(record.corrupted)
    else:
        data.clean = reading(record.clean).address
        data.corrupted = reading(record.corrupted).address
    data.missing = record.missing
    data.unit_rows = record.unit_rows
    data.weight = reading(record.weight).address
    data.target = reading(record.target).address
    data.classes = <const ptrdiff_t *> reading(record.classes, INDEX).address
    data.emphasis[0], data.emphasis[1] = record.emphasis
    data.corruption = corruption_of(record.corruption)
    return data


def train(
    data,                                  # records.Data
    list layers,                           # of records.Layer, from the lowest
    solver,                                # records.Solver
    batches,                               # records.Batches, of one row at least
    losses,                                # OUT (n_batches,) float64
    int n_threads,
):
    """Train on these batches; returns how many were done, the last of them perhaps refused.

    Raises what a signal handler raises, within a micro-batch or `SECONDS_BETWEEN_LOOKS`; what the
    batches before have learned stays, of the batch at work nothing.

    This is equivalent to, and much faster than, `dae._model.reference.train`.
    """
    cdef Training t
    cdef Array rows = reading(batches.rows, INDEX)
    cdef ptrdiff_t bytes_needed
    cdef int k, most_leaves = 1
    cdef char *memory
    cdef void *to_free = NULL
    cdef list raised = []

    memset(&t, 0, sizeof(t))
    t.itemsize = reading(layers[0].encoder.weights).itemsize
    t.kernels = kernels(t.itemsize, layers[0].encoder.precision)
    t.data = _data(data)
    t.solver = solver_of(solver)
    t.supervised = t.data.target != NULL or t.data.classes != NULL
    t.rows, t.n_rows = <const ptrdiff_t *> rows.address, rows.rows
    t.batch_size = batches.batch_size
    t.micro_batch_size = micro_batch_rows(t.batch_size)
    t.n_steps = batches.n_steps
    t.raised = <void *> raised
    t.looked = dae_seconds()
    t.max_loss = batches.max_loss
    t.losses = <double *> writing(losses).address
    t.n_layers = <int> len(layers)
    t.layers = <LayerBuffers *> calloc(t.n_layers, sizeof(LayerBuffers))
    if t.layers == NULL:
        raise MemoryError("No memory for a list of layers.")
    dae_barrier_init(&t.barrier)
    try:
        for k in range(t.n_layers):
            describe_trained(&t.layers[k].params, layers[k])
            t.layers[k].n_leaves = count_leaves(t.layers[k].params.n_features)
            most_leaves = max(most_leaves, t.layers[k].n_leaves)
        n_threads = max(1, min(n_threads, most_leaves))
        bytes_needed = lay_out(&t, NULL, n_threads)
        memory = <char *> dae_allocate(bytes_needed, 0, &to_free)
        if memory == NULL:
            raise MemoryError(
                f"No memory for {bytes_needed / 2**20:.0f} MiB of training buffers. "
                "Lower batch_size or the number of hidden units."
            )
        lay_out(&t, memory, n_threads)
        if n_threads == 1:
            with nogil:
                _work(&t, 0, 1)
        else:
            with nogil, parallel(num_threads=n_threads):
                _work(&t, dae_thread(), dae_team_size())
    finally:
        dae_barrier_destroy(&t.barrier)
        free(to_free)
        free(t.layers)
    if raised:
        raise raised[0]
    return t.n_done


def corrupt(
    data,                                  # records.Data
    rows,                                  # IN (n_rows,) intp, of the clean data
    out,                                   # OUT (n_rows, n)
    entry_weights,                         # OUT (n_rows, n) or None
    unpacked,                              # OUT (n_rows, n) clean rows if these are sparse, or None
    int n_threads,
):
    """out <- the corrupted copies of these rows; `dae._model.reference.corrupt` says how, its
    `entry_weights` what weight the emphasis gives to each entry. Missing entries are 0 in both."""
    cdef Array index = reading(rows, INDEX), shown = writing(out)
    cdef const dae_kernels *kernel = kernels(shown.itemsize, DAE_HIGHEST)
    cdef dae_data source = _data(data)
    cdef dae_layer layer
    cdef dae_batch batch
    memset(&layer, 0, sizeof(layer))
    memset(&batch, 0, sizeof(batch))
    layer.n_features = shown.columns
    batch.clean = writing(unpacked).address
    batch.rows, batch.B = <const ptrdiff_t *> index.address, index.rows
    batch.shown, batch.shown_stride = shown.address, shown.columns
    batch.entry_weight = writing(entry_weights).address
    if n_threads <= 1:
        with nogil:
            _corrupt(kernel, &source, &layer, &batch, 0, 1)
    else:
        with nogil, parallel(num_threads=n_threads):
            _corrupt(kernel, &source, &layer, &batch, dae_thread(), dae_team_size())


cdef void _corrupt(
    const dae_kernels *kernel, const dae_data *data, const dae_layer *layer,
    const dae_batch *batch, int thread, int n_threads,
) noexcept nogil:
    """The thread's share of the rows."""
    cdef uint64_t denormals = dae_flush_denormals()
    kernel.show(data, layer, batch, share_begin(batch.B, thread, n_threads),
                share_begin(batch.B, thread + 1, n_threads))
    dae_restore_denormals(denormals)
