"""The compiled core of `dae`: loops over arrays.

It decides nothing, validates nothing and keeps no state. Arrays come in from `dae._core`, which has
checked every shape, dtype and layout; they stay owned by Python; what a call needs beside them it
allocates and frees. The only thing fixed at import is the SIMD level.

What lies where
---------------
    _training.pyx     the steps of training: which thread does what, in what order, what waits
    _inference.pyx    codes, reconstructions, losses: chunks of rows, each by one thread
    _simd.pyx         the choice of the SIMD level; hands out its table of kernels
    _threads.pyx      what OpenMP offers
    _kernels.pxd, _network.pxd    the C structs for Cython, and a network as one of them
    csrc/kernels.h        the contract: structs, what each kernel does, in the notation of the note
    csrc/kernels_body.h   the kernels: a range of rows, features or hidden units each
    csrc/tiles.h          the two register tiles that all the arithmetic runs through
    csrc/matrix_tiles.h   the same by the matrix unit (AMX), for many rows of float32
    csrc/activations.h, losses.h, solvers.h, corruption.h    one formula of the mathematics each
    csrc/simd.h           vector types by the compilers' vector extensions
    csrc/levels/*.c       one unit for a SIMD level and a real type
    csrc/dispatch.c       which levels this processor runs
    csrc/barrier.h, denormals.h, openmp.h, aligned.h    the rest of the machine

One training step
-----------------
B rows, n features, m hidden units; W and V (one array when tied) are (n, m), a row a feature. The
features are cut into leaves (`_training.pyx`); a thread owns some leaves D and does everything that
touches their rows of W and V, which so stay in its cache. Weights come from memory twice a step,
whatever the solver, and no gradient is stored:

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

Batches of more than 128 rows go through the step in pieces, so that what is made of their rows
stays in the caches. In sweep 2 a piece then adds to the gradient, which is kept for that, and the
last one takes the step; the picture is of a batch in one piece.

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
"""
