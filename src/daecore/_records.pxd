"""From the records of a call to the structs that the kernels take."""
from libc.stdint cimport int32_t, uint32_t

from daecore._arrays cimport INDEX, INT32, UINT32, Array, reading
from daecore._kernels cimport dae_corruption_spec, dae_csr, dae_update


cdef inline dae_corruption_spec corruption_of(object record) except *:
    """From a `records.Corruption`."""
    cdef dae_corruption_spec c
    cdef Array donors = reading(record.donors, INDEX)
    cdef Array categories = reading(record.categories, INDEX)
    c.kind = record.kind
    c.threshold = <const uint32_t *> reading(record.threshold, UINT32).address
    c.level = reading(record.level).address
    c.low = reading(record.low).address
    c.high = reading(record.high).address
    c.donors = <const ptrdiff_t *> donors.address
    c.n_donors = donors.rows
    c.categories = <const ptrdiff_t *> categories.address
    c.n_categories = categories.rows
    c.seed = record.seed
    c.presentation = record.presentation
    return c


cdef inline dae_update solver_of(object record) except *:
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


cdef inline dae_csr csr_of(object record) except *:
    """From a `records.CSR`; empty for None."""
    cdef dae_csr X
    X.starts = NULL
    X.columns = NULL
    X.values = NULL
    if record is not None:
        X.starts = <const ptrdiff_t *> reading(record.starts, INDEX).address
        X.columns = <const int32_t *> reading(record.columns, INT32).address
        X.values = reading(record.values).address
    return X
