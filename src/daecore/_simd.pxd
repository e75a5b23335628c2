from daecore._kernels cimport dae_kernels

# The chosen level's kernels for elements of this size (4 or 8 bytes), multiplied at this precision
# (of enum dae_precision) or a higher one.
cdef const dae_kernels *kernels(size_t itemsize, int precision) noexcept nogil
