"""What OpenMP offers here. Which number of threads to use is decided in `dae`."""


cdef extern from "openmp.h" nogil:
    int dae_max_threads()
    int dae_openmp()


def openmp_enabled():
    """Whether this build can use more than one thread."""
    return bool(dae_openmp())


def max_threads():
    """OpenMP's own limit at this moment: OMP_NUM_THREADS, threadpoolctl, the cores."""
    return dae_max_threads()
