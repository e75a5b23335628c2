"""Inference: rows through a fixed network, a chunk of rows at a time.

A thread takes a chunk from input to output: nothing is shared but the weights, which are read.
All scratch belongs to the call, so any number of calls may run at once on the same arrays.
"""
from cython cimport floating
from cython.parallel cimport parallel, prange
from libc.stdlib cimport free
from libc.string cimport memcpy

from daecore._kernels cimport dae_batch, dae_kernels, dae_network
from daecore._network cimport describe
from daecore._simd cimport kernels
from daecore._threads cimport dae_team_size, dae_thread, share_begin


cdef extern from "aligned.h" nogil:
    void *dae_allocate(size_t, int, void **)


cdef extern from "finite.h" nogil:
    int dae_all_finite_32(const void *, ptrdiff_t)
    int dae_all_finite_64(const void *, ptrdiff_t)


# Rows a thread takes at a time: at most so many that their codes and 16 rows of weights stay in the
# L2 cache, and no fewer than what the register tiles want.
cdef enum:
    CHUNK = 96
    PACKED_CHUNK = 128          # weights are packed once a chunk
    LEAST_CHUNK = 12

# Wanted of a chunk
cdef enum Output:
    CODE
    DECODED
    RECONSTRUCTION
    LOSSES


ctypedef struct Inference:
    const dae_kernels *kernels
    dae_network net
    ptrdiff_t itemsize
    ptrdiff_t n_rows
    ptrdiff_t chunk             # rows a thread takes at a time
    int packed                  # whether codes are packed for the products
    ptrdiff_t code_bytes        # of the scratch for a chunk's codes
    Output output
    int coded                   # the source holds codes
    const char *source          # (n_rows, n), or codes (n_rows, m)
    const char *clean           # (n_rows, n), for LOSSES
    const char *entry_weight    # the same, or NULL
    char *out                   # (n_rows, m) for CODE, (n_rows, n) else
    double *losses              # (n_rows)


cdef void _chunk(
    const Inference *t, ptrdiff_t first, ptrdiff_t rows, char *code
) noexcept nogil:
    """Rows [first, first + rows) from `source` to `out` or `losses`."""
    cdef const dae_kernels *k = t.kernels
    cdef const dae_network *net = &t.net
    cdef ptrdiff_t n = net.n_features, m = net.n_hidden
    cdef ptrdiff_t width = (m + k.line - 1) // k.line * k.line, b
    cdef ptrdiff_t code_bytes = net.stride * t.itemsize, m_bytes = m * t.itemsize
    cdef const char *weight
    cdef dae_batch batch
    batch.B = batch.whole = rows
    batch.room = t.chunk
    batch.scratch = code + t.code_bytes
    batch.packed = t.packed
    if t.coded:
        for b in range(rows):
            memcpy(code + b * code_bytes, t.source + (first + b) * m_bytes, m_bytes)
    else:
        batch.shown = <void *> (t.source + first * n * t.itemsize)
        batch.shown_stride = n
        batch.code = code
        batch.sparse = 0
        k.project(net, &batch, 0, n, code, 0)
        k.finish_code(net, &batch, code, NULL, 0, width)
    if t.packed and t.output != CODE:
        k.pack(net, &batch, code, 0, width)
    if t.output == CODE:
        for b in range(rows):
            memcpy(t.out + (first + b) * m_bytes, code + b * code_bytes, m_bytes)
    elif t.output == LOSSES:
        weight = t.entry_weight + first * n * t.itemsize if t.entry_weight != NULL else NULL
        k.row_losses(net, &batch, t.clean + first * n * t.itemsize, weight, code, t.losses + first)
    else:
        k.decode(net, &batch, code, 0, n, t.out + first * n * t.itemsize, n)


cdef void _run(Inference *t, char *scratch, ptrdiff_t scratch_bytes, int thread,
               int n_threads) noexcept nogil:
    """Thread's share of the chunks."""
    cdef ptrdiff_t n_chunks = (t.n_rows + t.chunk - 1) // t.chunk, c
    cdef char *code = scratch + thread * scratch_bytes
    for c in range(share_begin(n_chunks, thread, n_threads),
                   share_begin(n_chunks, thread + 1, n_threads)):
        _chunk(t, c * t.chunk, min(t.chunk, t.n_rows - c * t.chunk), code)


cdef int _infer(
    Inference *t,                          # INOUT what goes out is set by the caller
    Output output,
    const floating[:, ::1] source,
    const floating[:, ::1] encoder,
    const floating[:, ::1] decoder,
    const floating[::1] hidden_bias,
    const floating[::1] visible_bias,
    int activation,
    int decoder_activation,
    int loss,
    bint many,
    int n_threads,
) except -1:
    """All rows of `source` to `output`, on as many threads as there are chunks for."""
    cdef ptrdiff_t scratch_bytes
    cdef char *scratch
    cdef void *to_free
    t.kernels = kernels(sizeof(floating))
    t.net = describe(encoder, decoder, hidden_bias, visible_bias, activation, decoder_activation,
                     loss)
    t.itemsize = sizeof(floating)
    t.n_rows = source.shape[0]
    t.output = output
    t.source = <const char *> &source[0, 0]
    n_threads = max(1, n_threads)
    # not by the number of these rows: what a row gets must not depend on where a call ends
    t.packed = many and t.kernels.pack != NULL
    t.chunk = PACKED_CHUNK if t.packed else CHUNK
    t.chunk = min(t.chunk, max(LEAST_CHUNK, (t.n_rows + n_threads - 1) // n_threads), t.n_rows)
    n_threads = min(n_threads, (t.n_rows + t.chunk - 1) // t.chunk)
    t.code_bytes = (t.chunk * t.net.stride * t.itemsize + 63) // 64 * 64
    scratch_bytes = t.code_bytes
    if t.packed:
        t.code_bytes = t.kernels.packed_bytes(&t.net, t.chunk)
        scratch_bytes = t.code_bytes + t.kernels.scratch_size * t.itemsize
    scratch = <char *> dae_allocate(scratch_bytes * n_threads, 1, &to_free)
    if scratch == NULL:
        raise MemoryError(f"No memory for {scratch_bytes * n_threads / 2**20:.0f} MiB of scratch.")
    try:
        if n_threads == 1:
            with nogil:
                _run(t, scratch, scratch_bytes, 0, 1)
        else:
            with nogil, parallel(num_threads=n_threads):
                _run(t, scratch, scratch_bytes, dae_thread(), dae_team_size())
    finally:
        free(to_free)
    return 0


def encode(
    const floating[:, ::1] X,              # IN (n_rows, n)
    const floating[:, ::1] encoder,        # IN (n, stride)
    const floating[:, ::1] decoder,        # IN (n, stride)
    const floating[::1] hidden_bias,       # IN (m,)
    const floating[::1] visible_bias,      # IN (n,)
    int activation,
    int decoder_activation,
    int loss,
    floating[:, ::1] out,                  # OUT (n_rows, m)
    bint many,                             # whether the rows are a part of many
    int n_threads,
):
    """out <- g1(X W + b)"""
    cdef Inference t
    t.coded = 0
    t.out = <char *> &out[0, 0]
    _infer(&t, CODE, X, encoder, decoder, hidden_bias, visible_bias, activation,
           decoder_activation, loss, many, n_threads)


def decode(
    const floating[:, ::1] H,              # IN (n_rows, m)
    const floating[:, ::1] encoder,        # IN (n, stride)
    const floating[:, ::1] decoder,        # IN (n, stride)
    const floating[::1] hidden_bias,       # IN (m,)
    const floating[::1] visible_bias,      # IN (n,)
    int activation,
    int decoder_activation,
    int loss,
    floating[:, ::1] out,                  # OUT (n_rows, n)
    bint many,                             # whether the rows are a part of many
    int n_threads,
):
    """out <- g2(H V^T + b*)"""
    cdef Inference t
    t.coded = 1
    t.out = <char *> &out[0, 0]
    _infer(&t, DECODED, H, encoder, decoder, hidden_bias, visible_bias, activation,
           decoder_activation, loss, many, n_threads)


def reconstruct(
    const floating[:, ::1] X,              # IN (n_rows, n)
    const floating[:, ::1] encoder,        # IN (n, stride)
    const floating[:, ::1] decoder,        # IN (n, stride)
    const floating[::1] hidden_bias,       # IN (m,)
    const floating[::1] visible_bias,      # IN (n,)
    int activation,
    int decoder_activation,
    int loss,
    floating[:, ::1] out,                  # OUT (n_rows, n)
    bint many,                             # whether the rows are a part of many
    int n_threads,
):
    """out <- g2(g1(X W + b) V^T + b*)"""
    cdef Inference t
    t.coded = 0
    t.out = <char *> &out[0, 0]
    _infer(&t, RECONSTRUCTION, X, encoder, decoder, hidden_bias, visible_bias, activation,
           decoder_activation, loss, many, n_threads)


def sample_losses(
    bint coded,                            # whether `shown` holds codes
    const floating[:, ::1] X,              # IN (n_rows, n) clean
    const floating[:, ::1] shown,          # IN (n_rows, n), or (n_rows, m)
    const floating[:, ::1] entry_weight,   # IN (n_rows, n) or None
    const floating[:, ::1] encoder,        # IN (n, stride)
    const floating[:, ::1] decoder,        # IN (n, stride)
    const floating[::1] hidden_bias,       # IN (m,)
    const floating[::1] visible_bias,      # IN (n,)
    int activation,
    int decoder_activation,
    int loss,
    double[::1] out,                       # OUT (n_rows,), zeros
    bint many,                             # whether the rows are a part of many
    int n_threads,
):
    """out[i] <- the loss of row i, the weighted sum over the features"""
    cdef Inference t
    t.coded = coded
    t.clean = <const char *> &X[0, 0]
    t.entry_weight = NULL
    if entry_weight is not None:
        t.entry_weight = <const char *> &entry_weight[0, 0]
    t.losses = &out[0]
    _infer(&t, LOSSES, shown, encoder, decoder, hidden_bias, visible_bias, activation,
           decoder_activation, loss, many, n_threads)


# Numbers that a thread looks at in one go.
cdef enum:
    BLOCK = 65536


def all_finite(
    const floating[:, ::1] X,              # IN
    int n_threads,
):
    """Whether X has neither NaN nor infinity."""
    cdef ptrdiff_t count = X.shape[0] * X.shape[1], block
    cdef const floating *x = &X[0, 0]
    cdef int found = 0
    if n_threads <= 1:
        with nogil:
            found = not _finite(x, count)
    else:
        for block in prange((count + BLOCK - 1) // BLOCK, nogil=True, num_threads=n_threads,
                            schedule="static"):
            found |= not _finite(x + block * BLOCK, min(BLOCK, count - block * BLOCK))
    return not found


cdef inline int _finite(const floating *x, ptrdiff_t count) noexcept nogil:
    if floating is float:
        return dae_all_finite_32(x, count)
    else:
        return dae_all_finite_64(x, count)
