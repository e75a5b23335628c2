"""Chooses the SIMD level, once, at import: the fastest that runs here, or DAE_SIMD's."""
import os

from daecore._kernels cimport DAE_HIGHEST, dae_available_levels, dae_kernels, dae_level

cdef const dae_level *_chosen


def _choose():
    """Set `_chosen`; the only write to this module's state."""
    global _chosen
    cdef const dae_level *levels[8]
    cdef int n_levels = dae_available_levels(levels)
    cdef int i
    if n_levels == 0:
        raise ImportError(
            "This build of daecore needs a processor with SSE4.2 (x86-64-v2). "
            "Build it from source for this machine."
        )
    _chosen = levels[n_levels - 1]
    wanted = os.environ.get("DAE_SIMD", "")
    if not wanted:
        return
    for i in range(n_levels):
        if levels[i].name.decode() == wanted:
            _chosen = levels[i]
            return
    raise ImportError(
        f"DAE_SIMD={wanted!r} is not a SIMD level that this build has and this processor runs. "
        f"Set it to one of {[levels[i].name.decode() for i in range(n_levels)]}, or unset it."
    )


_choose()
del _choose


cdef const dae_kernels *kernels(size_t itemsize, int precision) noexcept nogil:
    if itemsize != 4:
        return _chosen.f64
    while precision > DAE_HIGHEST and _chosen.f32[precision] == NULL:
        precision -= 1
    return _chosen.f32[precision]


def simd_level():
    """Name of the SIMD level in use."""
    return _chosen.name.decode()


def available_levels():
    """Names of the levels that are compiled in and run here, slowest first."""
    cdef const dae_level *levels[8]
    cdef int i
    return [levels[i].name.decode() for i in range(dae_available_levels(levels))]


def accelerated_precisions():
    """Names of the precisions of products that are faster than "highest" at the level in use."""
    from daecore._enums import PRECISIONS
    return [name for name, precision in PRECISIONS.items()
            if precision != DAE_HIGHEST and _chosen.f32[precision] != NULL]
