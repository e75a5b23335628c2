"""The team of one call of `train`: what its threads share, and what each has at hand."""
from libc.stdint cimport int32_t

from daecore._kernels cimport dae_batch, dae_data, dae_kernels, dae_layer, dae_update


cdef extern from "barrier.h" nogil:
    ctypedef struct dae_barrier:
        pass
    void dae_barrier_init(dae_barrier *)
    void dae_barrier_wait(dae_barrier *, int, int)
    void dae_barrier_destroy(dae_barrier *)


# A layer and its buffers for a micro-batch.
ctypedef struct LayerBuffers:
    dae_layer params
    int n_leaves                # a power of two
    ptrdiff_t part_bytes
    ptrdiff_t shown_stride      # of what it encodes
    void *code                  # (micro_batch_size, stride) H
    void *decoded               # (micro_batch_size, stride) H again in the topmost layer
    void *delta                 # (micro_batch_size, shown_stride) dE/da* of its decoder
    void *code_delta            # (micro_batch_size, stride) dE/da of H


# All that the threads of one call share.
ctypedef struct Training:
    const dae_kernels *kernels
    ptrdiff_t itemsize
    LayerBuffers *layers
    int n_layers
    int supervised
    dae_update solver           # without the step's corrections
    dae_data data
    const ptrdiff_t *rows       # (n_rows) in order of presentation
    ptrdiff_t n_rows
    ptrdiff_t batch_size
    ptrdiff_t micro_batch_size  # most rows of a batch that go through a step together
    ptrdiff_t n_steps           # solver steps before this call
    double max_loss
    dae_batch buffers[2]        # the lowest layer's, of this micro-batch and the next, in turn
    void *visible_grad          # (n)
    double *loss                # (groups of features), or (micro_batch_size) if supervised
    double *scores              # (leaves, micro_batch_size) sums of rows of a multinomial loss
    double *totals              # (threads, micro_batch_size, 2) of the same
    double *block_totals        # (micro_batch_size, blocks) sums, where a block is multinomial
    char *parts                 # sums (micro_batch_size, stride) over leaves, by the lowest leaf
    char *scratch               # for each thread: for its kernels, then for its partial sums
    ptrdiff_t scratch_bytes
    dae_barrier barrier
    double *losses              # OUT (n_batches)
    ptrdiff_t n_done            # OUT
    double looked               # when signals were last looked for, in seconds
    void *raised                # a list for what a signal handler raised
    int stopped                 # whether one did: written by thread 0, read after a barrier


# What one thread has at hand in one step.
ctypedef struct Step:
    dae_update solver
    dae_batch lowest            # this micro-batch in the lowest layer
    dae_batch next              # the next micro-batch, there
    LayerBuffers *layer         # the one at work
    dae_batch batch             # this micro-batch in that layer
    ptrdiff_t n_summed          # rows of the micro-batch that is being summed over leaves
    int thread
    int n_threads


# A range of features, or of hidden units.
ctypedef struct Range:
    ptrdiff_t start
    ptrdiff_t stop
