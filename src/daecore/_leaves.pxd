"""The leaves: which features, and whose; sums over all features as a tree over the leaves.

The features of a layer, that is the rows of its weights, are cut into leaves, a number that
depends on their count alone. A thread owns some leaves and does all work on their rows. What is
summed over all features is summed within a leaf, then over the leaves in the order of a binary
tree: branches that are all a thread's own by `sum_own_leaves`, the rest, after a barrier, by
columns in `join_halves`. So the bits are the same for any number of threads.
"""
from daecore._kernels cimport FEATURE_GROUP
from daecore._team cimport LayerBuffers, Range, Step, Training
from daecore._threads cimport share_begin


# The fewest groups of features in a leaf, for up to 8 leaves, and for more.
cdef enum:
    GROUPS_OF_FEW_LEAVES = 2
    GROUPS_OF_MANY_LEAVES = 6
    FEW_LEAVES = 8
    MOST_LEAVES = 64


cdef inline ptrdiff_t n_groups(ptrdiff_t n_features) noexcept nogil:
    """Groups of FEATURE_GROUP features, the last perhaps smaller."""
    return (n_features + FEATURE_GROUP - 1) // FEATURE_GROUP


cdef inline int count_leaves(ptrdiff_t n_features) noexcept nogil:
    """Number of leaves, a power of two: of 32 features at least, more than 8 only of 96."""
    cdef ptrdiff_t groups = n_groups(n_features)
    cdef int leaves = 1
    while ((leaves < FEW_LEAVES and groups >= 2 * leaves * GROUPS_OF_FEW_LEAVES)
            or (leaves < MOST_LEAVES and groups >= 2 * leaves * GROUPS_OF_MANY_LEAVES)):
        leaves *= 2
    return leaves


cdef inline ptrdiff_t log2_of(int leaves) noexcept nogil:
    cdef ptrdiff_t log2 = 0
    while 1 << log2 < leaves:
        log2 += 1
    return log2


cdef inline ptrdiff_t first_group(const LayerBuffers *layer, int leaf) noexcept nogil:
    return share_begin(n_groups(layer.params.n_features), leaf, layer.n_leaves)


cdef inline Range features_of(const LayerBuffers *layer, int leaf, int n_leaves) noexcept nogil:
    """The features of `n_leaves` leaves, from this one on."""
    cdef ptrdiff_t n = layer.params.n_features
    return Range(min(first_group(layer, leaf) * FEATURE_GROUP, n),
                 min(first_group(layer, leaf + n_leaves) * FEATURE_GROUP, n))


cdef inline int owner(const LayerBuffers *layer, int leaf, int n_threads) noexcept nogil:
    """The thread whose leaves, [n_leaves t / n_threads, n_leaves (t + 1) / n_threads), hold it."""
    return ((leaf + 1) * n_threads - 1) // layer.n_leaves


cdef inline ptrdiff_t _column(
    const Training *t, const Step *step, int thread, int n_threads
) noexcept nogil:
    """Where the thread's share of the layer's hidden units begins."""
    cdef ptrdiff_t line = t.kernels.line, columns = t.kernels.columns
    cdef ptrdiff_t m = step.layer.params.n_hidden
    return min(share_begin((m + columns - 1) // columns, thread, n_threads) * columns,
               (m + line - 1) // line * line)


cdef inline Range own_columns(const Training *t, const Step *step) noexcept nogil:
    """The thread's share of the layer's hidden units, whole cache lines."""
    return Range(_column(t, step, step.thread, step.n_threads),
                 _column(t, step, step.thread + 1, step.n_threads))


cdef inline ptrdiff_t all_columns(const Training *t, const Step *step) noexcept nogil:
    return _column(t, step, 1, 1)


# Work on a leaf of the layer. Work that makes a part of a (B, m) sum sets `out` to it, or adds it
# with `add`; other work leaves both alone.
ctypedef void (*LeafWork)(Training *, const Step *, int leaf, void *out, int add) noexcept nogil


cdef inline void _sum_leaves(
    Training *t, const Step *step, LeafWork work, int start, int stop, char *out, char *spare
) noexcept nogil:
    """out <- the sum over leaves [start, stop), as a tree; `spare` has room for the sums below."""
    cdef int middle = (start + stop) // 2
    cdef ptrdiff_t part_bytes = step.layer.part_bytes
    if stop - start == 1:
        work(t, step, start, out, 0)
    elif stop - start == 2:
        work(t, step, start, out, 0)
        work(t, step, middle, out, 1)
    else:
        _sum_leaves(t, step, work, start, middle, out, spare)
        _sum_leaves(t, step, work, middle, stop, spare, spare + part_bytes)
        t.kernels.add(&step.layer.params, step.n_summed, out, spare, 0, all_columns(t, step))


cdef inline void _own_branches(
    Training *t, const Step *step, LeafWork work, int start, int stop
) noexcept nogil:
    """The thread's share of [start, stop): the largest branches that are all its own."""
    cdef int middle = (start + stop) // 2
    cdef int low = owner(step.layer, start, step.n_threads)
    cdef int high = owner(step.layer, stop - 1, step.n_threads)
    if low > step.thread or high < step.thread:
        return
    if low == high:
        _sum_leaves(t, step, work, start, stop, t.parts + start * step.layer.part_bytes,
                    t.scratch + step.thread * t.scratch_bytes
                    + t.kernels.scratch_size * t.itemsize)
        return
    _own_branches(t, step, work, start, middle)
    _own_branches(t, step, work, middle, stop)


cdef inline void sum_own_leaves(Training *t, Step *step, LeafWork work, ptrdiff_t B) noexcept nogil:
    """The work on the thread's leaves; their parts of the sum of B rows, for `_join`."""
    step.n_summed = B
    _own_branches(t, step, work, 0, step.layer.n_leaves)


cdef inline void for_own_leaves(Training *t, const Step *step, LeafWork work) noexcept nogil:
    """The work on the thread's leaves, where nothing is to be summed."""
    cdef int leaf
    for leaf in range(step.layer.n_leaves):
        if owner(step.layer, leaf, step.n_threads) == step.thread:
            work(t, step, leaf, NULL, 0)


cdef inline void _join(
    Training *t, const Step *step, ptrdiff_t B, int start, int stop, Range columns
) noexcept nogil:
    """In these columns, the part of leaf `start` <- the sum of all threads' parts."""
    cdef const LayerBuffers *layer = step.layer
    cdef int middle = (start + stop) // 2
    if owner(layer, start, step.n_threads) == owner(layer, stop - 1, step.n_threads):
        return
    _join(t, step, B, start, middle, columns)
    _join(t, step, B, middle, stop, columns)
    t.kernels.add(&layer.params, B, t.parts + start * layer.part_bytes,
                  t.parts + middle * layer.part_bytes, columns.start, columns.stop)


cdef inline void *join_halves(
    Training *t, const Step *step, ptrdiff_t B, Range columns
) noexcept nogil:
    """In these columns, the sum of all threads' parts but for its last addition, which whoever uses
    it does: returns the second half, the first is t.parts; NULL if that is all."""
    cdef int n_leaves = step.layer.n_leaves, middle = n_leaves // 2
    if (owner(step.layer, 0, step.n_threads)
            == owner(step.layer, n_leaves - 1, step.n_threads)):
        return NULL
    _join(t, step, B, 0, middle, columns)
    _join(t, step, B, middle, n_leaves, columns)
    return t.parts + middle * step.layer.part_bytes
