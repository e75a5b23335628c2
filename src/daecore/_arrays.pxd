"""From arrays, which the caller owns and has checked, to the pointers that the kernels take."""
from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer,
)

# Types of elements
cdef enum Kind:
    REAL                        # float32 or float64
    INDEX                       # intp
    UINT32
    INT32


ctypedef struct Array:
    void *address               # of the first element; NULL for None
    ptrdiff_t rows
    ptrdiff_t columns           # 0 of a vector
    ptrdiff_t itemsize


cdef inline bint _is_of(Kind kind, char code, ptrdiff_t itemsize) noexcept:
    """By the code of the buffer protocol, of which some are as long as the platform makes them."""
    if kind == REAL:
        return code == c"f" or code == c"d"
    if kind == INDEX:
        return code in (c"i", c"l", c"q", c"n") and itemsize == sizeof(ptrdiff_t)
    if kind == INT32:
        return code in (c"i", c"l") and itemsize == 4
    return code in (c"I", c"L") and itemsize == 4


cdef inline Array _array(object array, Kind kind, int flags) except *:
    """C-contiguous elements of this kind. They outlive the view: the caller holds the array."""
    cdef Array found
    cdef Py_buffer view
    cdef bint fits
    if array is None:
        return Array(NULL, 0, 0, 0)
    PyObject_GetBuffer(array, &view, PyBUF_FORMAT | PyBUF_C_CONTIGUOUS | flags)
    fits = _is_of(kind, view.format[0], view.itemsize)
    found.address = view.buf
    found.rows = view.shape[0]
    found.columns = view.shape[1] if view.ndim > 1 else 0
    found.itemsize = view.itemsize
    PyBuffer_Release(&view)
    if not fits:
        raise TypeError("The core was given an array of a type that it does not take there.")
    return found


cdef inline Array reading(object array, Kind kind=REAL) except *:
    """An array that is only read, or None."""
    return _array(array, kind, 0)


cdef inline Array writing(object array, Kind kind=REAL) except *:
    """An array that may be written, or None."""
    return _array(array, kind, PyBUF_WRITABLE)
