cdef extern from "openmp.h" nogil:
    int dae_thread()
    int dae_team_size()


cdef inline ptrdiff_t first_unit(ptrdiff_t n_units, int thread, int n_threads) noexcept nogil:
    """Units [first_unit(t), first_unit(t + 1)) are thread t's."""
    return n_units * thread // n_threads
