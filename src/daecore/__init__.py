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
    csrc/activations.h, losses.h, solvers.h, corruption.h    one formula of the mathematics each
    csrc/simd.h           vector types by the compilers' vector extensions
    csrc/levels/*.c       one unit for a SIMD level and a real type: five lines
    csrc/dispatch.c       which levels this processor runs
    csrc/team.h, denormals.h, openmp.h, aligned.h    the rest of the machine

One training step
-----------------
B rows, n features, m hidden units; W and V (one array when tied) are (n, m), a row a feature.
Weights cross the cache three times a step whatever the solver, and no gradient is ever stored:

        X (rows of the user's array)
        |  show: gather, corrupt           the NEXT batch, while this one is decoded
        v
        X~ (B, n) ----------- encode -----------> H (B, m)      H = g1(X~ W + b)
                                                  |
    sweep 1, by rows D of V (16 features):        v
        Z[:, D] = g2(H V[D, :]^T + b*[D]),  loss,  dZ[:, D] = dE/da*[:, D]
    ------------------------------------------------------------------ barrier
    sweep 2, by columns J of W (512 bytes):
        dH[:, J] = (dZ V[:, J]) * g1'(H[:, J])
        for 96 rows D at a time, in the cache until the last line is done:
            W[D, J] <- solver(W[D, J], dZ[:, D]^T H[:, J] + X~[:, D]^T dH[:, J])
            H_next[:, J] += X~_next[:, D] W[D, J]
    ------------------------------------------------------------------ barrier

Every element of every array is written by one thread, as a sum in a fixed order; neither the tile
it falls into nor the thread that takes it enters that order. So the results are the same bits
for any number of threads. There are no reductions, and atomics only to meet and to share out work.

Of a batch that is mostly zeros (corrupted counts, digits) lists of the non-zeros are kept, and the
two products with X~ go through the lists. A left-out term would have added zero.
"""
