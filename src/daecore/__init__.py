"""The compiled core of `dae`: loops over arrays.

It decides nothing, validates nothing and keeps no state. Arrays come in from `dae._core`, in
records whose fields are read by name; `dae._core` has checked every shape, dtype and layout. They
stay owned by Python; what a call needs beside them it allocates and frees. The only thing fixed at
import is the SIMD level.

What lies where
---------------
    records.py        what the core is called with: layers, solver, data, batches
    _enums.pyx        numbers of activations, losses, solvers and corruptions, by name
    _training.pyx     the steps of training: which thread does what, in what order, what waits
    _team.pxd         what the threads of a call share, and what each has at hand
    _leaves.pxd       who owns which features; sums over all features as a tree
    _buffers.pxd      the buffers of a call, laid out in one piece of memory
    _inference.pyx    codes, reconstructions, losses: chunks of rows, each by one thread
    _convolution.pyx  pictures through convolutions, and back: strips, each by one thread
    _simd.pyx         the choice of the SIMD level; hands out its table of kernels
    _threads.pyx      what OpenMP offers
    _arrays.pxd, _layer.pxd    from arrays and records to pointers and structs
    _kernels.pxd      csrc/kernels.h for Cython
    *.pyi             the functions' types, for mypy

    csrc/kernels.h        the contract: structs, and what each kernel does
    csrc/enums.h          the lists of activations, losses, solvers, corruptions
    csrc/tuning.h         block sizes, with their measurements
    csrc/kernels_body.h   includes what follows, once for each level; the table of kernels
      show.h                  rows gathered and corrupted, lists of their non-zeros
      encode.h, decode.h      codes; reconstructions and their losses
      blocks.h                outputs in blocks of features, each with its own loss
      delta.h, bias.h         derivatives by pre-activations; the biases' steps
      gradient.h, update.h    weights by their gradients
      update_one_row.h        the same for batches of one row
      products_vector.h       the three products, by the register tiles of tiles.h
      products_amx.h, amx.h   the same by the matrix unit (AMX), for many rows of float32
      products_bfloat16.h     the same from factors of bfloat16, by vdpbf16ps
      bfloat16.h              rounding to bfloat16, and packing
      activations.h, losses.h, solvers.h, corruption.h    one formula of the mathematics each
      convolution.h           convolutions of 3 x 3, by tiles.h; the gradient of their filters
      simd.h                  vector types by the compilers' vector extensions
    csrc/levels/*.c       one SIMD level and real type each: its vectors, its products
    csrc/dispatch.c       which levels this processor runs
    csrc/barrier.h, denormals.h, finite.h, openmp.h, aligned.h    the rest of the machine

One training step
-----------------
B rows, n features, m hidden units; W and V (one array when tied) are (n, m), one row per feature.
The features are cut into leaves (`_leaves.pxd`); a thread owns some leaves D and does everything
that touches their rows of W and V, which so stay in its cache. Weights come from memory twice per
step, whatever the solver, and no gradient is stored:

        X (rows of the user's array)
        |  show: gather, corrupt           the NEXT batch, while this one is decoded
        v
        X~ (B, n)                                  H (B, m) = g1(X~ W + b)
                                                   |
    sweep 1, by leaves D, 16 features at a time:   v
        Z[:, D] = g2(H V[D, :]^T + b*[D]),  loss,  dZ[:, D] = dE/da*[:, D]
        part of dH:  dZ[:, D] V[D, :]              V[D, :] is still in the cache
    ------------------------------------------------------------------ barrier
    by columns J of the hidden units:
        dH[:, J] = (sum of the parts) * g1'(H[:, J]),   b[J] <- solver
    ------------------------------------------------------------------ barrier
    sweep 2, by leaves D, 96 rows at a time:
        W[D, :] <- solver(W[D, :], dZ[:, D]^T H + X~[:, D]^T dH)
        part of the next code:  X~_next[:, D] W[D, :]
    ------------------------------------------------------------------ barrier
    by columns J:
        H_next[:, J] = g1(sum of the parts + b[J])
    ------------------------------------------------------------------ barrier

Where the processor has a matrix unit, large batches of float32 go through it: the code is packed
for it once a step, weights and deltas where they are used; sweep 2 takes two leaves at a time, so
that a packed operand serves more rows.

Outputs may be in blocks of features with a loss each (tables). What is compared entry by entry is
part of sweep 1 as above; the softmax of a block needs its total first. Sweep 1 then leaves the
block's pre-activations in dZ; after a barrier the totals are summed up by rows; after another one
the leaves put the derivatives in their place, and multiply by V.

A missing entry, NaN, is 0 in X~, and its weight in the loss is 0: `show` makes both.

Factors of float32 may be asked for at less than their precision: a table of kernels whose products
round them to bfloat16, if the level has one (`_simd.pyx`). Codes are then packed once a step in
both ways in which products need them: along the hidden units, and along the rows of the batch.

Batches of more than 128 rows go through the step in micro-batches, so that what is made of their
rows stays in the caches. In sweep 2 a micro-batch then adds to the gradient, which is kept for
that, and the last one takes the step; the picture is of a batch that is one micro-batch.

Several layers
--------------
A layer's hidden units are the features of the layer above. The lowest layer does the step above; in
its middle, the layers above it do the same moves with codes in the place of X~ and X:

    up      H_k = g1(H_k-1 W + b)              by leaves, a tree; finished by columns
    down    D_k-1 = g2(D_k V^T + b*)           by leaves; D_k is H_k in the topmost layer
    sweep 1 of the lowest layer: Z from D_1, loss, delta
    up      dD_k = (dD_k-1 V) * g2'(D_k)       by leaves, a tree; finished by columns with b*
    down    dH_k-1 = (dH_k W^T) * g1'(H_k-1)   by leaves, with b; then W, V of the leaf <- solver
    sweep 2 of the lowest layer

A stack without decoders is supervised: up, then loss and delta of the topmost code against a
target, by rows, then down. One layer is the case without anything between the sweeps.

For batches of one row sweep 2 is a single pass over the weights: each is moved, and at once
multiplied with what the next row shows.

The sums over all features are taken within a leaf first, then over the leaves as a binary tree. How
many leaves there are depends on n alone; a thread adds up those branches of the tree that are all
its own, the rest is added after the barrier. So each number is one sum in one order, and the
results are the same bits for any number of threads. Atomics serve the barrier only.

Of a batch that is mostly zeros (corrupted counts, digits) lists of the non-zeros are kept, and the
two products with X~ go through the lists. A left-out term would have added zero.

Convolutions
------------
A map holds the channels of each pixel of a picture side by side, with a border of zero pixels.
Three pixels side by side are then one row of 3 channels numbers, and the rows of neighbouring
pixels overlap: a convolution of 3 x 3 is the sum of three products of matrices that lie in the map,
and nothing is copied. Going back to the inputs is a convolution with the filters turned round. Each
layer is a call of its own; the network, its gradient and its solver are Python's
(`dae._core.convolutional`).
"""
