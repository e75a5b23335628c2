"""Convolutions of the maps of pictures, forward and back.

Forward, and back to the inputs, a thread takes a strip of one picture at a time. For the gradient
of the filters it takes some of their numbers, and all pictures in order. So no number that is
written depends on how many threads there are.
"""
from cython.parallel cimport parallel
from libc.stdlib cimport free
from libc.string cimport memset

from daecore._arrays cimport reading, writing
from daecore._kernels cimport dae_convolution, dae_kernels, dae_maps
from daecore._simd cimport kernels
from daecore._threads cimport dae_team_size, dae_thread, share_begin


cdef extern from "aligned.h" nogil:
    void *dae_allocate(size_t, int, void **)


cdef enum:
    STRIP_PIXELS = 512          # of a strip, at least: filters are packed once a strip
    TAPS = 9
    INPUTS = 32                 # of the filters whose gradient is a thread's, at a time


ctypedef struct Call:
    const dae_kernels *kernels
    dae_convolution layer
    ptrdiff_t n_pictures
    ptrdiff_t inputs_bytes, outputs_bytes   # of the maps of a picture
    ptrdiff_t strip                         # rows of pixels
    ptrdiff_t n_parts                       # strips of a picture, or parts of the filters
    dae_maps maps                           # of the first picture
    const void *filters
    ptrdiff_t start, stop                   # rows of pixels that are wanted
    void *gradient


cdef int _begin(Call *t, object layer, ptrdiff_t n_pictures, ptrdiff_t itemsize) except -1:
    cdef dae_convolution *c = &t.layer
    memset(t, 0, sizeof(Call))
    c.height, c.width = layer.height, layer.width
    c.inputs, c.outputs = layer.inputs, layer.outputs
    c.rectify = layer.rectify
    t.n_pictures = n_pictures
    t.kernels = kernels(itemsize, layer.precision)
    t.inputs_bytes = (c.height + 2) * (c.width + 2) * c.inputs * itemsize
    t.outputs_bytes = (c.height + 2) * (c.width + 2) * c.outputs * itemsize
    return 0


cdef void _convolve(const Call *t, char *scratch, int thread, int n_threads) noexcept nogil:
    """A thread's share of the strips."""
    cdef ptrdiff_t n_items = t.n_pictures * t.n_parts, item, picture, start
    cdef dae_maps maps
    for item in range(share_begin(n_items, thread, n_threads),
                      share_begin(n_items, thread + 1, n_threads)):
        picture = item // t.n_parts
        start = t.start + item % t.n_parts * t.strip
        maps.x = <const char *> t.maps.x + picture * t.inputs_bytes
        maps.y = <char *> t.maps.y + picture * t.outputs_bytes
        maps.added = maps.mask = NULL
        if t.maps.added != NULL:
            maps.added = <const char *> t.maps.added + picture * t.outputs_bytes
        if t.maps.mask != NULL:
            maps.mask = <const char *> t.maps.mask + picture * t.outputs_bytes
        t.kernels.convolve(&t.layer, &maps, t.filters, start,
                           min(start + t.strip, t.stop), scratch)


cdef void _gradient(const Call *t, char *scratch, int thread, int n_threads) noexcept nogil:
    """A thread's share of the parts of the filters."""
    cdef ptrdiff_t part, picture, start, per_tap = t.n_parts // TAPS
    for part in range(share_begin(t.n_parts, thread, n_threads),
                      share_begin(t.n_parts, thread + 1, n_threads)):
        start = part % per_tap * INPUTS
        for picture in range(t.n_pictures):
            t.kernels.filter_gradient(
                &t.layer, <const char *> t.maps.x + picture * t.inputs_bytes,
                <const char *> t.maps.y + picture * t.outputs_bytes, part // per_tap, start,
                min(start + INPUTS, t.layer.inputs), t.gradient, scratch)


ctypedef void (*Work)(const Call *, char *, int, int) noexcept nogil


cdef int _run(const Call *t, Work work, ptrdiff_t n_items, ptrdiff_t scratch_bytes,
              int n_threads) except -1:
    cdef char *scratch
    cdef void *to_free
    n_threads = max(1, min(n_threads, n_items))
    scratch_bytes = (scratch_bytes + 63) // 64 * 64
    scratch = <char *> dae_allocate(scratch_bytes * n_threads, 0, &to_free)
    if scratch == NULL:
        raise MemoryError(f"No memory for {scratch_bytes * n_threads / 2**20:.0f} MiB of scratch.")
    try:
        if n_threads == 1:
            with nogil:
                work(t, scratch, 0, 1)
        else:
            with nogil, parallel(num_threads=n_threads):
                work(t, scratch + dae_thread() * scratch_bytes, dae_thread(), dae_team_size())
    finally:
        free(to_free)
    return 0


def convolve(
    layer,                      # records.Convolution
    x,                          # IN (n_pictures, height + 2, width + 2, inputs)
    filters,                    # IN (3, 3, inputs, outputs)
    added,                      # IN (n_pictures, height + 2, width + 2, outputs) or None
    mask,                       # IN the same, or None
    y,                          # OUT the same, its border INOUT
    ptrdiff_t start,            # rows of pixels, of each picture
    ptrdiff_t stop,
    int n_threads,
):
    """y[start:stop] <- g(the convolution of x + added), and 0 where the mask is not positive"""
    cdef Call t
    _begin(&t, layer, reading(x).rows, reading(x).itemsize)
    t.maps.x = reading(x).address
    t.maps.added = reading(added).address
    t.maps.mask = reading(mask).address
    t.maps.y = writing(y).address
    t.filters = reading(filters).address
    t.start, t.stop = start, stop
    t.strip = (STRIP_PIXELS + t.layer.width - 1) // t.layer.width
    t.n_parts = (stop - start + t.strip - 1) // t.strip
    _run(&t, _convolve, t.n_pictures * t.n_parts,
         t.kernels.convolve_scratch(&t.layer, t.strip) * reading(x).itemsize, n_threads)


def filter_gradient(
    layer,                      # records.Convolution
    x,                          # IN (n_pictures, height + 2, width + 2, inputs)
    delta,                      # IN (n_pictures, height + 2, width + 2, outputs) dE/dy
    gradient,                   # INOUT (3, 3, inputs, outputs)
    int n_threads,
):
    """gradient += dE/dfilters"""
    cdef Call t
    _begin(&t, layer, reading(x).rows, reading(x).itemsize)
    t.maps.x = reading(x).address
    t.maps.y = <void *> reading(delta).address
    t.gradient = writing(gradient).address
    t.n_parts = TAPS * ((t.layer.inputs + INPUTS - 1) // INPUTS)
    _run(&t, _gradient, t.n_parts,
         t.kernels.gradient_scratch(&t.layer) * reading(x).itemsize, n_threads)
