"""How arrays lie in memory: what compiled code can read, and fast."""

from __future__ import annotations

from typing import Any

import numpy as np

from dae._model.damage import damaged

CACHE_LINE = 64  # bytes


def padded_width(n_hidden: int, dtype: np.dtype) -> int:
    """Row stride, in elements, of a weight array with `n_hidden` columns.

    A whole number of cache lines, and an odd one from 1 KiB on: with a power of two every
    row of a column block falls into the same few cache sets, which costs a third of the speed.
    """
    per_line = CACHE_LINE // np.dtype(dtype).itemsize
    lines = -(-n_hidden // per_line)
    if lines * CACHE_LINE >= 1024 and lines % 2 == 0:
        lines += 1
    return lines * per_line


def aligned_zeros(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Zeros whose first element lies at the start of a cache line."""
    dtype = np.dtype(dtype)
    n_bytes = int(np.prod(shape, dtype=object)) * dtype.itemsize
    buffer = np.zeros(n_bytes + CACHE_LINE, dtype=np.uint8)
    offset = -buffer.ctypes.data % CACHE_LINE
    return buffer[offset : offset + n_bytes].view(dtype).reshape(shape)


def aligned_copy(array: np.ndarray) -> np.ndarray:
    """A copy whose first element lies at the start of a cache line."""
    copy = aligned_zeros(array.shape, array.dtype)
    copy[...] = array
    return copy


def with_aligned_arrays(value: Any) -> Any:
    """The value, with copies of the unaligned arrays in its dicts, lists and tuples.

    Arrays that other processes send by pickle's protocol 5 begin at any byte.
    """
    if isinstance(value, np.ndarray):
        return value if value.flags.aligned else value.copy()
    if isinstance(value, dict):
        return {name: with_aligned_arrays(each) for name, each in value.items()}
    if isinstance(value, list):
        return [with_aligned_arrays(each) for each in value]
    if type(value) is tuple:
        return tuple(with_aligned_arrays(each) for each in value)
    return value


def is_trainable(array: np.ndarray) -> bool:
    """Whether training may write into the array: pickling loses alignment, memory maps lock."""
    return array.flags.writeable and array.ctypes.data % CACHE_LINE == 0


def is_plain(array: np.ndarray) -> bool:
    """Whether compiled code can read the array without a copy."""
    flags = array.flags  # NumPy creates the object at each access
    return flags.c_contiguous and flags.aligned


def check_layout(name: str, array: Any, shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Raise ValueError unless the core can be given `array` as it is."""
    if array.dtype != dtype:
        problem = f"dtype {dtype}, got {array.dtype}"
    elif array.shape != shape:
        problem = f"shape {shape}, got {array.shape}"
    elif is_plain(array):
        return
    elif array.flags.aligned:
        problem = "C order, got another memory layout"
    else:
        problem = "aligned memory, got an unaligned array"
    raise damaged(f"{name} must have {problem}")
