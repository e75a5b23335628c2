"""Training: the steps of one call, and the corruption they see.

The features of a layer, that is the rows of its weights, are cut into leaves, a number that
depends on their count alone. A thread owns some leaves and does all work on their rows, so that
these stay in its cache. What is summed over all features, a (B, m) array, is summed within a leaf,
then over the leaves in the order of a binary tree: the same bits, whoever did which leaf.

Batches of more than 128 rows go in pieces, whose arrays stay in the caches. The gradients of the
pieces are added up, and the parameters change with the last of them. One step of one piece in one
layer, all threads together; `|` is a barrier:

    sweep 1   rows of the NEXT piece: show (gather, corrupt)
              own leaves: z, loss, delta = dE/da*, their part of delta V      |
              own columns: dH from the parts, b                               |
    sweep 2   own leaves: update W, V, b*, their part of the NEXT X~ W        |
              own columns: the NEXT H from the parts                          |

Several layers do the same, with, for each layer k above the first,

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
from libc.stdint cimport INT32_MAX, int32_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from daecore._arrays cimport INDEX, UINT32, Array, reading, writing
from daecore._kernels cimport (
    DAE_ADAM, DAE_IDENTITY, DAE_PIECE, DAE_UNIT,
    dae_batch, dae_corruption_spec, dae_data, dae_kernels, dae_layer, dae_update,
)
from daecore._layer cimport describe_trained
from daecore._simd cimport kernels
from daecore._threads cimport dae_team_size, dae_thread, share_begin


cdef extern from "barrier.h" nogil:
    ctypedef struct dae_barrier:
        pass
    void dae_barrier_init(dae_barrier *)
    void dae_barrier_wait(dae_barrier *, int, int)
    void dae_barrier_destroy(dae_barrier *)


cdef extern from "denormals.h" nogil:
    uint64_t dae_flush_denormals()
    void dae_restore_denormals(uint64_t)


cdef extern from "aligned.h" nogil:
    void *dae_allocate(size_t, int, void **)


# A layer and its share of the work on a piece of a batch.
ctypedef struct Layer:
    dae_layer net
    int n_leaves                # a power of two
    ptrdiff_t part_bytes
    ptrdiff_t shown_stride      # of what it codes
    void *code                  # (piece_size, stride) H
    void *decoded               # (piece_size, stride) H again in the topmost layer
    void *delta                 # (piece_size, shown_stride) dE/d(pre-activations of its decoder)
    void *code_delta            # (piece_size, stride) dE/d(pre-activations of H)


# All that the threads of one call share.
ctypedef struct Training:
    const dae_kernels *kernels
    ptrdiff_t itemsize
    Layer *layers
    int n_layers
    int supervised
    dae_update solver           # without the step's corrections
    dae_data data
    const ptrdiff_t *rows       # (n_rows) in order of presentation
    ptrdiff_t n_rows
    ptrdiff_t batch_size
    ptrdiff_t piece_size        # most rows of a batch that go through a step together
    ptrdiff_t n_steps           # solver steps before this call
    double max_loss
    dae_batch buffers[2]        # the lowest layer's, of this piece and the next, in turn
    void *visible_grad          # (n)
    double *loss                # (units of features), or (piece_size) if supervised
    char *parts                 # sums over a layer's leaves (piece_size, stride), by first leaf
    char *scratch               # for each thread: for its kernels, then for sums under way
    ptrdiff_t scratch_bytes
    dae_barrier barrier
    double *losses              # OUT (n_batches)
    ptrdiff_t n_done            # OUT


# What one thread has at hand in one step.
ctypedef struct Step:
    dae_update solver
    dae_batch first             # this piece in the lowest layer
    dae_batch after             # the next piece, there
    Layer *layer                # the one at work
    dae_batch batch             # this piece in that layer
    ptrdiff_t n_summed          # rows of the piece that is being summed over leaves
    int thread
    int n_threads


cdef dae_batch _piece(const Training *t, ptrdiff_t at, ptrdiff_t turn, int thread) noexcept nogil:
    """The piece of a batch that begins at row `at`, in the lowest layer, on the thread's scratch
    and on the buffers whose turn it is; B = 0 behind the last."""
    cdef dae_batch batch = t.buffers[turn % 2]
    cdef ptrdiff_t start = at // t.batch_size * t.batch_size  # of the batch
    batch.rows = t.rows + at
    batch.whole = max(0, min(t.batch_size, t.n_rows - start))
    batch.B = max(0, min(t.piece_size, start + batch.whole - at))
    batch.room = t.piece_size
    batch.first = at == start
    batch.last = at + batch.B == start + batch.whole
    batch.scratch = t.scratch + thread * t.scratch_bytes
    batch.packed = t.kernels.pack != NULL and batch.B >= t.kernels.packed_rows
    return batch


cdef void _enter(const Training *t, Step *step, int k) noexcept nogil:
    """Set layer k to work on this piece."""
    cdef dae_batch *batch = &step.batch
    step.layer = &t.layers[k]
    step.batch = step.first
    if k > 0:  # it codes what the layer below has coded
        batch.shown = t.layers[k - 1].code
        batch.shown_stride = step.layer.shown_stride
        batch.entry_weight = NULL
        batch.row_count = NULL
        batch.sparse = 0
    batch.code = step.layer.code
    batch.decoded = step.layer.decoded


# Share of non-zeros below which the kernels skip the zeros, and the fewest hidden units and rows
# for which looking for them pays (bench/sparsity.py).
cdef enum:
    SPARSE_PERCENT = 30
    SPARSE_MIN_HIDDEN = 128
    SPARSE_MIN_ROWS = 3
    MOST_LEAVES = 64


cdef int _is_sparse(const dae_layer *net, const dae_batch *batch) noexcept nogil:
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


cdef ptrdiff_t _first_unit(const Layer *layer, int leaf) noexcept nogil:
    return share_begin((layer.net.n_features + DAE_UNIT - 1) // DAE_UNIT, leaf, layer.n_leaves)


cdef ptrdiff_t _first_feature(const Layer *layer, int leaf) noexcept nogil:
    return min(_first_unit(layer, leaf) * DAE_UNIT, layer.net.n_features)


cdef int _owner(const Layer *layer, int leaf, int n_threads) noexcept nogil:
    """The thread whose leaves, [n_leaves t / n_threads, n_leaves (t + 1) / n_threads), hold it."""
    return ((leaf + 1) * n_threads - 1) // layer.n_leaves


# Work on a leaf of the layer; what leaves a part of a (B, m) sum leaves it in `out`, or adds it.
ctypedef void (*LeafWork)(Training *, const Step *, int leaf, void *out, int add) noexcept nogil


cdef void _sum_leaves(
    Training *t, const Step *step, LeafWork work, int first, int last, char *out, char *spare
) noexcept nogil:
    """out <- the sum over leaves [first, last), as a tree; `spare` has room for the sums below."""
    cdef int middle = (first + last) // 2
    cdef ptrdiff_t part_bytes = step.layer.part_bytes
    if last - first == 1:
        work(t, step, first, out, 0)
    elif last - first == 2:
        work(t, step, first, out, 0)
        work(t, step, middle, out, 1)
    else:
        _sum_leaves(t, step, work, first, middle, out, spare)
        _sum_leaves(t, step, work, middle, last, spare, spare + part_bytes)
        t.kernels.add(&step.layer.net, step.n_summed, out, spare, 0, _first_column(t, step, 1, 1))


cdef void _own_branches(
    Training *t, const Step *step, LeafWork work, int first, int last
) noexcept nogil:
    """The thread's share of [first, last): the largest branches that are all its own."""
    cdef int middle = (first + last) // 2
    cdef int low = _owner(step.layer, first, step.n_threads)
    cdef int high = _owner(step.layer, last - 1, step.n_threads)
    if low > step.thread or high < step.thread:
        return
    if low == high:
        _sum_leaves(t, step, work, first, last, t.parts + first * step.layer.part_bytes,
                    t.scratch + step.thread * t.scratch_bytes
                    + t.kernels.scratch_size * t.itemsize)
        return
    _own_branches(t, step, work, first, middle)
    _own_branches(t, step, work, middle, last)


cdef void _sum_own_leaves(Training *t, Step *step, LeafWork work, ptrdiff_t B) noexcept nogil:
    """The work on the thread's leaves; their parts of the sum of B rows, for `_join`."""
    step.n_summed = B
    _own_branches(t, step, work, 0, step.layer.n_leaves)


cdef void _own_leaves(Training *t, const Step *step, LeafWork work) noexcept nogil:
    """The work on the thread's leaves, where nothing is to be summed."""
    cdef int leaf
    for leaf in range(step.layer.n_leaves):
        if _owner(step.layer, leaf, step.n_threads) == step.thread:
            work(t, step, leaf, NULL, 0)


cdef void _join(
    Training *t, const Step *step, ptrdiff_t B, int first, int last, ptrdiff_t column0,
    ptrdiff_t column1,
) noexcept nogil:
    """In these columns, the part of leaf `first` <- the sum of all threads' parts."""
    cdef const Layer *layer = step.layer
    cdef int middle = (first + last) // 2
    if _owner(layer, first, step.n_threads) == _owner(layer, last - 1, step.n_threads):
        return
    _join(t, step, B, first, middle, column0, column1)
    _join(t, step, B, middle, last, column0, column1)
    t.kernels.add(&layer.net, B, t.parts + first * layer.part_bytes,
                  t.parts + middle * layer.part_bytes, column0, column1)


cdef void *_join_halves(
    Training *t, const Step *step, ptrdiff_t B, ptrdiff_t column0, ptrdiff_t column1
) noexcept nogil:
    """In these columns, the sum of all threads' parts but for its last addition, which whoever uses
    it does: returns the second half, the first is t.parts; NULL if that is all."""
    cdef int n_leaves = step.layer.n_leaves, middle = n_leaves // 2
    if (_owner(step.layer, 0, step.n_threads)
            == _owner(step.layer, n_leaves - 1, step.n_threads)):
        return NULL
    _join(t, step, B, 0, middle, column0, column1)
    _join(t, step, B, middle, n_leaves, column0, column1)
    return t.parts + middle * step.layer.part_bytes


cdef ptrdiff_t _first_column(
    const Training *t, const Step *step, int thread, int n_threads
) noexcept nogil:
    """Where the thread's share of the layer's hidden units begins."""
    cdef ptrdiff_t line = t.kernels.line, columns = t.kernels.columns
    cdef ptrdiff_t m = step.layer.net.n_hidden
    return min(share_begin((m + columns - 1) // columns, thread, n_threads) * columns,
               (m + line - 1) // line * line)


# ------------------------------------------------------------------ a step, leaf by leaf

cdef void _project_leaf(
    Training *t, const Step *step, const dae_batch *batch, int leaf, void *out, int add
) noexcept nogil:
    """A leaf's part of the code of a batch."""
    t.kernels.project(&step.layer.net, batch, _first_feature(step.layer, leaf),
                      _first_feature(step.layer, leaf + 1), out, add)


cdef void _encode_leaf(
    Training *t, const Step *step, int leaf, void *out, int add
) noexcept nogil:
    """A leaf's part of the code of this batch."""
    _project_leaf(t, step, &step.batch, leaf, out, add)


cdef void _decode_leaf(
    Training *t, const Step *step, int leaf, void *out, int add
) noexcept nogil:
    """A leaf of what the layer below is to decode."""
    cdef Layer *below = step.layer - 1
    t.kernels.decode(&step.layer.net, &step.batch, step.batch.decoded,
                     _first_feature(step.layer, leaf), _first_feature(step.layer, leaf + 1),
                     below.decoded, below.net.stride)


cdef void _transpose_leaf(
    Training *t, const Step *step, int leaf, void *out, int add
) noexcept nogil:
    """Lists of a leaf's non-zeros by column, for its gradient."""
    t.kernels.transpose(&step.layer.net, &step.batch, _first_feature(step.layer, leaf),
                        _first_feature(step.layer, leaf + 1))


cdef void _compare_leaf(
    Training *t, const Step *step, int leaf, void *out, int add
) noexcept nogil:
    """Sweep 1 on a leaf of the lowest layer."""
    if step.batch.sparse:
        _transpose_leaf(t, step, leaf, out, add)
    t.kernels.decode_delta(&t.data, &step.layer.net, &step.batch,
                           _first_feature(step.layer, leaf), _first_feature(step.layer, leaf + 1),
                           step.layer.delta, t.visible_grad,
                           t.loss + _first_unit(step.layer, leaf))
    _project_delta_leaf(t, step, leaf, out, add)


cdef void _project_delta_leaf(
    Training *t, const Step *step, int leaf, void *out, int add
) noexcept nogil:
    """A leaf's part of the derivative by what the layer decodes."""
    t.kernels.project_delta(&step.layer.net, &step.batch, step.layer.delta,
                            _first_feature(step.layer, leaf), _first_feature(step.layer, leaf + 1),
                            out, add)


cdef void _update_leaves(
    Training *t, const Step *step, int first, int last, void *visible_grad
) noexcept nogil:
    """The weights of leaves [first, last)."""
    t.kernels.update(&step.layer.net, &step.solver, &step.batch, step.layer.delta,
                     step.layer.code_delta, visible_grad, _first_feature(step.layer, first),
                     _first_feature(step.layer, last))


cdef int _pair(const Step *step, int leaf) noexcept nogil:
    """How many leaves are updated when it is the turn of this one. Panels want many rows of
    weights at a time: if the thread has the neighbour, too, both at the first, none at the next."""
    cdef int other = leaf + 1 if leaf % 2 == 0 else leaf - 1
    if (not step.batch.packed or other >= step.layer.n_leaves
            or _owner(step.layer, other, step.n_threads) != step.thread):
        return 1
    return 2 if leaf < other else 0


cdef void _pass_leaf(
    Training *t, const Step *step, int leaf, void *out, int add
) noexcept nogil:
    """The delta of the layer below, from the leaf's weights."""
    cdef Layer *below = step.layer - 1
    t.kernels.pass_delta(&step.layer.net, &below.net, &step.solver, &step.batch,
                         step.layer.code_delta, _first_feature(step.layer, leaf),
                         _first_feature(step.layer, leaf + 1), below.code_delta)


cdef void _pass_and_update_leaf(
    Training *t, const Step *step, int leaf, void *out, int add
) noexcept nogil:
    """Both, while the leaf's weights are in the cache."""
    cdef int leaves = _pair(step, leaf), i
    for i in range(leaf, leaf + leaves):
        _pass_leaf(t, step, i, out, add)
    if leaves > 0:
        _update_leaves(t, step, leaf, leaf + leaves, NULL)


cdef void _update_leaf(
    Training *t, const Step *step, int leaf, void *out, int add
) noexcept nogil:
    """A leaf's weights in the lowest layer."""
    cdef int leaves = _pair(step, leaf)
    if leaves > 0:
        _update_leaves(t, step, leaf, leaf + leaves, t.visible_grad)


cdef void _update_and_encode_leaf(
    Training *t, const Step *step, int leaf, void *out, int add
) noexcept nogil:
    """That, and the leaf's part of the next code, while its weights are in the cache."""
    if step.batch.B == 1 and step.after.B == 1 and step.layer.net.encoder.gradient == NULL:
        t.kernels.update_and_project(&step.layer.net, &step.solver, &step.batch, &step.after,
                                     step.layer.delta, step.layer.code_delta, t.visible_grad,
                                     _first_feature(step.layer, leaf),
                                     _first_feature(step.layer, leaf + 1), out, add)
        return
    _update_leaf(t, step, leaf, out, add)
    _project_leaf(t, step, &step.after, leaf, out, add)


cdef void _update_and_encode(Training *t, Step *step) noexcept nogil:
    """Sweep 2."""
    if t.supervised and step.batch.sparse:  # else sweep 1 has done it
        _own_leaves(t, step, _transpose_leaf)
    if step.after.B > 0:
        _sum_own_leaves(t, step, _update_and_encode_leaf, step.after.B)
    else:
        _own_leaves(t, step, _update_leaf)


# ------------------------------------------------------------------ a step, by rows and columns

cdef void _show(Training *t, const Step *step, const dae_batch *batch) noexcept nogil:
    """The thread's rows of a batch. Where shares differ, the last threads have the larger ones, of
    features too; so rows are shared out from the end."""
    cdef int turn = step.n_threads - 1 - step.thread
    t.kernels.show(&t.data, &t.layers[0].net, batch, share_begin(batch.B, turn, step.n_threads),
                   share_begin(batch.B, turn + 1, step.n_threads))


cdef void _compare_outputs(Training *t, const Step *step) noexcept nogil:
    """The thread's rows of the losses of the outputs, and of their delta."""
    t.kernels.output_delta(&t.data, &step.layer.net, &step.batch,
                           share_begin(step.batch.B, step.thread, step.n_threads),
                           share_begin(step.batch.B, step.thread + 1, step.n_threads),
                           step.layer.code_delta, t.loss)


cdef void _pack(
    Training *t, const Step *step, const dae_batch *batch, void *codes
) noexcept nogil:
    """The thread's columns of codes that will be decoded, or of deltas that will be passed down."""
    if batch.packed:
        t.kernels.pack(&step.layer.net, batch, codes,
                       _first_column(t, step, step.thread, step.n_threads),
                       _first_column(t, step, step.thread + 1, step.n_threads))


cdef void _finish_code(Training *t, const Step *step, const dae_batch *batch) noexcept nogil:
    """The thread's columns of a batch's code, from the parts."""
    cdef ptrdiff_t column0 = _first_column(t, step, step.thread, step.n_threads)
    cdef ptrdiff_t column1 = _first_column(t, step, step.thread + 1, step.n_threads)
    cdef void *more = _join_halves(t, step, batch.B, column0, column1)
    t.kernels.finish_code(&step.layer.net, batch, t.parts, more, column0, column1)
    if step.layer.decoded == step.layer.code and not t.supervised:
        _pack(t, step, batch, batch.code)


cdef void _finish_delta(Training *t, const Step *step) noexcept nogil:
    """The thread's columns of the derivative by the pre-activations of what the layer decodes:
    those of its own code, if it is topmost, else those of the decoder above."""
    cdef Layer *layer = step.layer
    cdef Layer *above = layer + 1
    cdef ptrdiff_t column0 = _first_column(t, step, step.thread, step.n_threads)
    cdef ptrdiff_t column1 = _first_column(t, step, step.thread + 1, step.n_threads)
    cdef void *more = _join_halves(t, step, step.batch.B, column0, column1)
    if layer == &t.layers[t.n_layers - 1]:
        t.kernels.finish_delta(&layer.net, layer.net.activation, &layer.net.hidden_bias,
                               &step.solver, &step.batch, layer.decoded, t.parts, more,
                               column0, column1, layer.code_delta)
        if layer != t.layers:
            _pack(t, step, &step.batch, layer.code_delta)
    else:
        t.kernels.finish_delta(&layer.net, above.net.decoder_activation, &above.net.visible_bias,
                               &step.solver, &step.batch, layer.decoded, t.parts, more,
                               column0, column1, above.delta)


cdef void _finish_outputs(Training *t, const Step *step) noexcept nogil:
    """The thread's columns of the outputs' bias; their delta is there."""
    cdef Layer *layer = step.layer
    t.kernels.finish_delta(&layer.net, DAE_IDENTITY, &layer.net.hidden_bias, &step.solver,
                           &step.batch, layer.code, layer.code_delta, NULL,
                           _first_column(t, step, step.thread, step.n_threads),
                           _first_column(t, step, step.thread + 1, step.n_threads),
                           layer.code_delta)
    if layer != t.layers:
        _pack(t, step, &step.batch, layer.code_delta)


cdef double _loss(const Training *t, const Step *step) noexcept nogil:
    """Sum of the losses of a piece that is compared: the same sum in every thread."""
    cdef ptrdiff_t n_units = (t.layers[0].net.n_features + DAE_UNIT - 1) // DAE_UNIT, i
    cdef double total = 0
    for i in range(step.batch.B if t.supervised else n_units):
        total += t.loss[i]
    return total


cdef void _pack_made_above(
    Training *t, const Step *step, void *codes
) noexcept nogil:
    """Codes of the layer, or their delta, that the layer above made leaf by leaf."""
    if step.batch.packed:
        _pack(t, step, &step.batch, codes)
        dae_barrier_wait(&t.barrier, step.thread, step.n_threads)


# ------------------------------------------------------------------ the steps of a thread

cdef void _work(Training *t, int thread, int n_threads) noexcept nogil:
    """What one thread of the team does from the first batch to the last."""
    cdef Step step
    cdef ptrdiff_t index = 0  # of the batch
    cdef ptrdiff_t at = 0, turn = 0
    cdef int top = t.n_layers - 1, k
    cdef double loss = 0
    cdef uint64_t denormals = dae_flush_denormals()
    step.thread, step.n_threads, step.solver = thread, n_threads, t.solver

    step.after = _piece(t, at, turn, thread)
    _show(t, &step, &step.after)
    dae_barrier_wait(&t.barrier, thread, n_threads)
    step.after.sparse = _is_sparse(&t.layers[0].net, &step.after)
    step.first = step.after
    _enter(t, &step, 0)
    _sum_own_leaves(t, &step, _encode_leaf, step.batch.B)
    dae_barrier_wait(&t.barrier, thread, n_threads)
    _finish_code(t, &step, &step.batch)
    dae_barrier_wait(&t.barrier, thread, n_threads)

    while step.after.B > 0:
        step.first = step.after
        at += step.first.B
        turn += 1
        step.after = _piece(t, at, turn, thread)
        for k in range(1, t.n_layers):
            _enter(t, &step, k)
            _sum_own_leaves(t, &step, _encode_leaf, step.batch.B)
            dae_barrier_wait(&t.barrier, thread, n_threads)
            _finish_code(t, &step, &step.batch)
            dae_barrier_wait(&t.barrier, thread, n_threads)
        if t.supervised:
            _enter(t, &step, top)
            _show(t, &step, &step.after)
            _compare_outputs(t, &step)
        else:
            for k in range(top, 0, -1):
                _enter(t, &step, k)
                _own_leaves(t, &step, _decode_leaf)
                dae_barrier_wait(&t.barrier, thread, n_threads)
                _enter(t, &step, k - 1)
                _pack_made_above(t, &step, step.batch.decoded)
            _enter(t, &step, 0)
            # sweep 1
            _show(t, &step, &step.after)
            _sum_own_leaves(t, &step, _compare_leaf, step.batch.B)
        dae_barrier_wait(&t.barrier, thread, n_threads)
        step.after.sparse = _is_sparse(&t.layers[0].net, &step.after)
        loss = _loss(t, &step) + (0 if step.first.first else loss)
        if step.first.last:
            if thread == 0:
                t.losses[index] = loss / step.first.whole
                t.n_done = index + 1
            if not loss / step.first.whole <= t.max_loss:
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
                dae_barrier_wait(&t.barrier, thread, n_threads)
                _enter(t, &step, k)
                _sum_own_leaves(t, &step, _project_delta_leaf, step.batch.B)
                dae_barrier_wait(&t.barrier, thread, n_threads)
                _finish_delta(t, &step)
        dae_barrier_wait(&t.barrier, thread, n_threads)
        for k in range(top, 0, -1):
            _enter(t, &step, k)
            _own_leaves(t, &step, _pass_and_update_leaf)
            dae_barrier_wait(&t.barrier, thread, n_threads)
            if k > 1:
                _enter(t, &step, k - 1)
                _pack_made_above(t, &step, step.layer.code_delta)
        # sweep 2
        _enter(t, &step, 0)
        _update_and_encode(t, &step)
        if step.after.B == 0:
            break
        dae_barrier_wait(&t.barrier, thread, n_threads)
        _finish_code(t, &step, &step.after)
        dae_barrier_wait(&t.barrier, thread, n_threads)
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
    batch.row_columns = <int32_t *> _take(base, used, B * (n + DAE_UNIT), sizeof(int32_t))
    batch.row_values = _take(base, used, B * (n + DAE_UNIT), itemsize)
    batch.row_starts = <int32_t *> _take(base, used, B * (n // DAE_UNIT + 2), sizeof(int32_t))


cdef void _lay_out_batches(Training *t, char *base, ptrdiff_t *used) noexcept nogil:
    """This batch and the next, in the lowest layer."""
    cdef Layer *layer = &t.layers[0]
    cdef ptrdiff_t B = t.piece_size, n = layer.net.n_features, i
    cdef int emphasised = t.data.emphasis[0] != 1 or t.data.emphasis[1] != 1
    cdef dae_batch *batch
    for i in range(2):
        batch = &t.buffers[i]
        batch.shown_stride = layer.shown_stride
        batch.shown = _take(base, used, B * layer.shown_stride, t.itemsize)
        batch.code, batch.decoded = layer.code, layer.decoded
        batch.entry_weight = NULL
        if emphasised:
            batch.entry_weight = _take(base, used, B * layer.shown_stride, t.itemsize)
        batch.sparse = 0
        batch.row_count = NULL
        if (layer.net.n_hidden < SPARSE_MIN_HIDDEN or B < SPARSE_MIN_ROWS
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


cdef void *_take_codes(
    Training *t, char *base, ptrdiff_t *used, const Layer *layer
) noexcept nogil:
    """Room for (piece_size, stride) elements, all zero: some writers leave the padding alone; and
    for their panels."""
    cdef ptrdiff_t n_bytes = t.piece_size * layer.net.stride * t.itemsize
    cdef ptrdiff_t in_all = n_bytes
    if t.kernels.pack != NULL and t.piece_size >= t.kernels.packed_rows:
        in_all = t.kernels.packed_bytes(&layer.net, t.piece_size)
    cdef void *codes = _take(base, used, in_all, 1)
    if codes != NULL:
        memset(codes, 0, n_bytes)
    return codes


cdef ptrdiff_t _piece_size(ptrdiff_t batch_size) noexcept nogil:
    """Rows of a piece of such a batch: as few pieces as can be, even ones."""
    cdef ptrdiff_t n_pieces = (batch_size + DAE_PIECE - 1) // DAE_PIECE
    if n_pieces <= 1:
        return batch_size
    return ((batch_size + n_pieces - 1) // n_pieces + 15) // 16 * 16


cdef void _lay_out_gradients(
    Training *t, Layer *layer, char *base, ptrdiff_t *used
) noexcept nogil:
    """Where the gradients of a layer's parameters are summed up over the pieces of a batch."""
    cdef ptrdiff_t n = (layer.net.n_features + 15) // 16 * 16, stride = layer.net.stride
    layer.net.encoder.gradient = _take(base, used, n * stride, t.itemsize)
    if layer.net.decoder.value != NULL and not layer.net.tied:
        layer.net.decoder.gradient = _take(base, used, n * stride, t.itemsize)
    layer.net.hidden_bias.gradient = _take(base, used, stride, t.itemsize)
    layer.net.visible_bias.gradient = _take(base, used, n, t.itemsize)


cdef ptrdiff_t _lay_out(Training *t, char *base, int n_threads) noexcept nogil:
    """Give all buffers their place behind `base`; returns the bytes they take together."""
    cdef ptrdiff_t B = t.piece_size, line = t.kernels.line, used = 0
    cdef ptrdiff_t n = t.layers[0].net.n_features, parts = 0, under_way = 0
    cdef int k
    cdef Layer *layer
    for k in range(t.n_layers):
        layer = &t.layers[k]
        if k > 0:
            layer.shown_stride = (layer - 1).net.stride
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
        layer.part_bytes = (B * layer.net.stride * t.itemsize + 63) // 64 * 64
        # one thread's tree has its root in the first part
        parts = max(parts, layer.part_bytes * (layer.n_leaves if n_threads > 1 else 1))
        # Under way in a tree are a sum for each fork but the last, whose leaves go into one.
        under_way = max(under_way, layer.part_bytes * max(0, _log2(layer.n_leaves) - 1))
    _lay_out_batches(t, base, &used)
    t.visible_grad = NULL
    if not t.supervised:
        t.visible_grad = _take(base, &used, n, t.itemsize)
    t.loss = <double *> _take(base, &used, B if t.supervised else n // DAE_UNIT + 1,
                              sizeof(double))
    t.parts = <char *> _take(base, &used, parts, 1)
    t.scratch_bytes = (t.kernels.scratch_size * t.itemsize + 63) // 64 * 64 + under_way
    t.scratch = <char *> _take(base, &used, t.scratch_bytes, n_threads)
    return used


cdef dae_corruption_spec _corruption(object record) except *:
    """From a `records.Corruption`."""
    cdef dae_corruption_spec c
    cdef Array donors = reading(record.donors, INDEX)
    c.kind = record.kind
    c.threshold = <const uint32_t *> reading(record.threshold, UINT32).address
    c.level = reading(record.level).address
    c.low = reading(record.low).address
    c.high = reading(record.high).address
    c.donors = <const ptrdiff_t *> donors.address
    c.n_donors = donors.rows
    c.seed = record.seed
    c.presentation = record.presentation
    return c


cdef dae_data _data(object record) except *:
    """From a `records.Data`."""
    cdef dae_data data
    data.clean = reading(record.clean).address
    data.corrupted = reading(record.corrupted).address
    data.weight = reading(record.weight).address
    data.target = reading(record.target).address
    data.classes = <const ptrdiff_t *> reading(record.classes, INDEX).address
    data.emphasis[0], data.emphasis[1] = record.emphasis
    data.corruption = _corruption(record.corruption)
    return data


cdef dae_update _solver(object record) except *:
    """From a `records.Solver`, no step's corrections yet."""
    cdef dae_update solver
    solver.kind = record.kind
    solver.learning_rate = record.learning_rate
    solver.momentum = record.momentum
    solver.beta_1, solver.beta_2 = record.beta_1, record.beta_2
    solver.epsilon = record.epsilon
    solver.alpha = record.alpha
    solver.correction_1 = solver.correction_2 = 1
    return solver


def train(
    data,                                  # records.Data
    list layers,                           # of records.Layer, from the lowest
    solver,                                # records.Solver
    batches,                               # records.Batches, of one row at least
    losses,                                # OUT (n_batches,) float64
    int n_threads,
):
    """Train on these batches; returns how many were done, the last of them perhaps refused.

    This is equivalent to, and much faster than, `dae._model.reference.train`.
    """
    cdef Training t
    cdef Array rows = reading(batches.rows, INDEX)
    cdef ptrdiff_t bytes_needed
    cdef int k, most_leaves = 1
    cdef char *memory
    cdef void *to_free = NULL

    memset(&t, 0, sizeof(t))
    t.itemsize = reading(data.clean).itemsize
    t.kernels = kernels(t.itemsize)
    t.data = _data(data)
    t.solver = _solver(solver)
    t.supervised = t.data.target != NULL or t.data.classes != NULL
    t.rows, t.n_rows = <const ptrdiff_t *> rows.address, rows.rows
    t.batch_size = batches.batch_size
    t.piece_size = _piece_size(t.batch_size)
    t.n_steps = batches.n_steps
    t.max_loss = batches.max_loss
    t.losses = <double *> writing(losses).address
    t.n_layers = <int> len(layers)
    t.layers = <Layer *> calloc(t.n_layers, sizeof(Layer))
    if t.layers == NULL:
        raise MemoryError("No memory for a list of layers.")
    dae_barrier_init(&t.barrier)
    try:
        for k in range(t.n_layers):
            describe_trained(&t.layers[k].net, layers[k])
            t.layers[k].n_leaves = _count_leaves(t.layers[k].net.n_features)
            most_leaves = max(most_leaves, t.layers[k].n_leaves)
        n_threads = max(1, min(n_threads, most_leaves))
        bytes_needed = _lay_out(&t, NULL, n_threads)
        memory = <char *> dae_allocate(bytes_needed, 0, &to_free)
        if memory == NULL:
            raise MemoryError(
                f"No memory for {bytes_needed / 2**20:.0f} MiB of training buffers. "
                "Lower batch_size or the number of hidden units."
            )
        _lay_out(&t, memory, n_threads)
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
    return t.n_done


def corrupt(
    data,                                  # records.Data
    rows,                                  # IN (n_rows,) intp, of the clean data
    out,                                   # OUT (n_rows, n)
    entry_weights,                         # OUT (n_rows, n) or None
    int n_threads,
):
    """out <- the corrupted copies of these rows; `dae._model.reference.corrupt` says how, its
    `entry_weights` what weight the emphasis gives to each entry."""
    cdef Array clean = reading(data.clean), index = reading(rows, INDEX), shown = writing(out)
    cdef const dae_kernels *kernel = kernels(clean.itemsize)
    cdef dae_data source = _data(data)
    cdef dae_layer layer
    cdef dae_batch batch
    memset(&layer, 0, sizeof(layer))
    memset(&batch, 0, sizeof(batch))
    layer.n_features = clean.columns
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
