cdef extern from "openmp.h" nogil:
    int dae_thread()
    int dae_team_size()


cdef inline ptrdiff_t share_begin(ptrdiff_t count, int part, int n_parts) noexcept nogil:
    """Where part number `part` begins when `count` things are cut into `n_parts` even parts."""
    return count * part // n_parts
