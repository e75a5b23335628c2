"""Inference: rows through a fixed network, a chunk of rows at a time.

A thread takes a chunk from input to output: nothing is shared but the weights, which are read.
All scratch belongs to the call, so any number of calls may run at once on the same arrays.
"""
from cython cimport floating
from cython.parallel cimport parallel, prange
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

from daecore._arrays cimport INDEX, Array, reading, writing
from daecore._kernels cimport DAE_SOFTMAX, dae_batch, dae_csr, dae_kernels, dae_layer
from daecore._layer cimport describe_decoder, describe_encoder
from daecore._records cimport csr_of
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
    dae_layer layer
    ptrdiff_t itemsize
    int precision
    ptrdiff_t n_rows
    ptrdiff_t chunk             # rows a thread takes at a time
    int packed                  # whether codes are packed for the products
    ptrdiff_t codes_bytes       # of the scratch for a chunk's codes
    ptrdiff_t outputs_at        # in the scratch, pre-activations of a chunk's blocks of outputs
    Output output
    int coded                   # the source holds codes
    dae_csr stored              # the source, if it is sparse
    const char *source          # (n_rows, n), or codes (n_rows, m)
    const char *clean           # (n_rows, n), for LOSSES
    const char *entry_weight    # the same, or NULL
    char *out                   # (n_rows, m) for CODE, (n_rows, n) else
    double *losses              # (n_rows)


cdef void _chunk(
    const Inference *t, ptrdiff_t start, ptrdiff_t rows, char *codes
) noexcept nogil:
    """Rows [start, start + rows) from `source` to `out` or `losses`."""
    cdef const dae_kernels *kernel = t.kernels
    cdef const dae_layer *layer = &t.layer
    cdef ptrdiff_t n = layer.n_features, b
    cdef ptrdiff_t width = (layer.n_hidden + kernel.line - 1) // kernel.line * kernel.line
    cdef ptrdiff_t row_bytes = n * t.itemsize, code_bytes = layer.n_hidden * t.itemsize
    cdef ptrdiff_t padded_bytes = layer.stride * t.itemsize
    cdef const char *weight = NULL
    cdef dae_batch batch
    memset(&batch, 0, sizeof(batch))
    batch.B = batch.batch_size = rows
    batch.room = t.chunk
    batch.scratch = codes + t.codes_bytes
    batch.packed = t.packed
    if t.coded:
        for b in range(rows):
            memcpy(codes + b * padded_bytes, t.source + (start + b) * code_bytes, code_bytes)
    else:
        batch.code = codes
        if t.stored.starts != NULL:
            for b in range(rows):
                kernel.project_stored(layer, &t.stored, start + b, codes + b * padded_bytes)
        else:
            batch.shown = <void *> (t.source + start * row_bytes)
            batch.shown_stride = n
            kernel.project(layer, &batch, 0, n, codes, 0)
        kernel.finish_code(layer, &batch, codes, NULL, 0, width)
    if t.packed and t.output != CODE:
        kernel.pack(layer, &batch, codes, 0, width)
    if t.output == CODE:
        for b in range(rows):
            memcpy(t.out + (start + b) * code_bytes, codes + b * padded_bytes, code_bytes)
    elif t.output == LOSSES and layer.blocks.count > 0:
        kernel.decode(layer, &batch, codes, 0, n, codes + t.outputs_at, n)
        for b in range(rows):
            if t.entry_weight != NULL:
                weight = t.entry_weight + (start + b) * row_bytes
            t.losses[start + b] += kernel.block_losses(
                layer, codes + t.outputs_at + b * row_bytes, t.clean + (start + b) * row_bytes,
                weight)
    elif t.output == LOSSES:
        if t.entry_weight != NULL:
            weight = t.entry_weight + start * row_bytes
        kernel.row_losses(layer, &batch, t.clean + start * row_bytes, weight, codes,
                          t.losses + start)
    else:
        kernel.decode(layer, &batch, codes, 0, n, t.out + start * row_bytes, n)
        if layer.blocks.count > 0:
            for b in range(rows):
                kernel.activate_blocks(layer, t.out + (start + b) * row_bytes)
        elif layer.decoder_activation == DAE_SOFTMAX:
            for b in range(rows):
                kernel.softmax(t.out + (start + b) * row_bytes, n)


cdef void _run(Inference *t, char *scratch, ptrdiff_t scratch_bytes, int thread,
               int n_threads) noexcept nogil:
    """Thread's share of the chunks."""
    cdef ptrdiff_t n_chunks = (t.n_rows + t.chunk - 1) // t.chunk, c
    cdef char *codes = scratch + thread * scratch_bytes
    for c in range(share_begin(n_chunks, thread, n_threads),
                   share_begin(n_chunks, thread + 1, n_threads)):
        _chunk(t, c * t.chunk, min(t.chunk, t.n_rows - c * t.chunk), codes)


cdef int _infer(Inference *t, Output output, bint many, int n_threads) except -1:
    """All rows of the source to `output`, on as many threads as there are chunks for."""
    cdef ptrdiff_t scratch_bytes
    cdef char *scratch
    cdef void *to_free
    t.kernels = kernels(t.itemsize, t.precision)
    t.output = output
    n_threads = max(1, n_threads)
    # not by the number of these rows: what a row gets must not depend on where a call ends
    t.packed = many and t.kernels.pack != NULL
    t.chunk = PACKED_CHUNK if t.packed else CHUNK
    t.chunk = min(t.chunk, max(LEAST_CHUNK, (t.n_rows + n_threads - 1) // n_threads), t.n_rows)
    n_threads = min(n_threads, (t.n_rows + t.chunk - 1) // t.chunk)
    t.codes_bytes = (t.chunk * t.layer.stride * t.itemsize + 63) // 64 * 64
    scratch_bytes = t.codes_bytes
    if t.packed:
        t.codes_bytes = t.kernels.packed_bytes(&t.layer, t.chunk)
        scratch_bytes = t.codes_bytes + t.kernels.scratch_size * t.itemsize
    t.outputs_at = (scratch_bytes + 63) // 64 * 64
    if output == LOSSES and t.layer.blocks.count > 0:
        scratch_bytes = t.outputs_at + (t.chunk * t.layer.n_features * t.itemsize + 63) // 64 * 64
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


cdef int _begin(Inference *t, object source) except -1:
    """An inference from the rows of `source`, else empty."""
    cdef Array rows
    memset(t, 0, sizeof(Inference))
    if isinstance(source, tuple):
        t.stored = csr_of(source)
        t.n_rows = reading(source.starts, INDEX).rows - 1
        t.itemsize = reading(source.values).itemsize
        return 0
    rows = reading(source)
    t.source = <const char *> rows.address
    t.n_rows, t.itemsize = rows.rows, rows.itemsize
    return 0


def encode(
    encoder,                               # records.Encoder
    X,                                     # IN (n_rows, n), or a records.CSR
    out,                                   # OUT (n_rows, m)
    bint many,                             # whether the rows are a part of many
    int n_threads,
):
    """out <- g1(X W + b)"""
    cdef Inference t
    _begin(&t, X)
    describe_encoder(&t.layer, encoder)
    t.precision = encoder.precision
    t.out = <char *> writing(out).address
    _infer(&t, CODE, many, n_threads)


def decode(
    decoder,                               # records.Decoder
    H,                                     # IN (n_rows, m)
    out,                                   # OUT (n_rows, n)
    bint many,
    int n_threads,
):
    """out <- g2(H V^T + b*)"""
    cdef Inference t
    _begin(&t, H)
    t.coded = 1
    describe_decoder(&t.layer, decoder, reading(H).columns)
    t.precision = decoder.precision
    t.out = <char *> writing(out).address
    _infer(&t, DECODED, many, n_threads)


def reconstruct(
    encoder,                               # records.Encoder
    decoder,                               # records.Decoder, of the same layer
    X,                                     # IN (n_rows, n)
    out,                                   # OUT (n_rows, n)
    bint many,
    int n_threads,
):
    """out <- g2(g1(X W + b) V^T + b*)"""
    cdef Inference t
    _begin(&t, X)
    describe_encoder(&t.layer, encoder)
    describe_decoder(&t.layer, decoder, t.layer.n_hidden)
    t.precision = decoder.precision
    t.out = <char *> writing(out).address
    _infer(&t, RECONSTRUCTION, many, n_threads)


def sample_losses(
    encoder,                               # records.Encoder; None where `shown` holds codes
    decoder,                               # records.Decoder
    int loss,                              # of enum dae_loss
    X,                                     # IN (n_rows, n) clean
    shown,                                 # IN (n_rows, n), or codes (n_rows, m)
    entry_weight,                          # IN (n_rows, n) or None
    out,                                   # INOUT (n_rows,) float64, zeros
    bint many,
    int n_threads,
):
    """out[i] += the loss of row i, the weighted sum over the features"""
    cdef Inference t
    _begin(&t, shown)
    if encoder is None:
        t.coded = 1
        describe_decoder(&t.layer, decoder, reading(shown).columns)
    else:
        describe_encoder(&t.layer, encoder)
        describe_decoder(&t.layer, decoder, t.layer.n_hidden)
    t.layer.loss = loss
    t.precision = decoder.precision
    t.clean = <const char *> reading(X).address
    t.entry_weight = <const char *> reading(entry_weight).address
    t.losses = <double *> writing(out).address
    _infer(&t, LOSSES, many, n_threads)


# Numbers that a thread checks at a time.
cdef enum:
    CHECKED_AT_ONCE = 65536


def all_finite(
    const floating[:, ::1] X,              # IN
    int n_threads,
):
    """Whether X has neither NaN nor infinity."""
    cdef ptrdiff_t count = X.shape[0] * X.shape[1], start
    cdef const floating *x = &X[0, 0]
    cdef int found = 0
    if n_threads <= 1:
        with nogil:
            found = not _finite(x, count)
    else:
        for start in prange(0, count, CHECKED_AT_ONCE, nogil=True, num_threads=n_threads,
                            schedule="static"):
            found |= not _finite(x + start, min(CHECKED_AT_ONCE, count - start))
    return not found


cdef inline int _finite(const floating *x, ptrdiff_t count) noexcept nogil:
    if floating is float:
        return dae_all_finite_32(x, count)
    else:
        return dae_all_finite_64(x, count)
