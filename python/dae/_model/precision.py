"""What is rounded where products of float32 may be less precise: their factors, to bfloat16.

bfloat16 has the range of float32 and 8 of its 24 bits. Sums, weights, moments, losses and biases
stay float32. The names are PyTorch's (``torch.set_float32_matmul_precision``).
"""

from __future__ import annotations

import numpy as np

HIGHEST = "highest"

# Name -> how many bfloat16 numbers stand for a factor; None: it is not rounded.
PRECISIONS: dict[str, int | None] = {HIGHEST: None, "high": 2, "medium": 1}


def rounded(x: np.ndarray, precision: str) -> list[np.ndarray]:
    """The pieces that stand for `x` in a product, the largest first, in x's dtype."""
    n_pieces = PRECISIONS[precision]
    if n_pieces is None:
        return [x]
    pieces: list[np.ndarray] = []
    rest = x.astype(np.float32)
    for _ in range(n_pieces):
        piece = to_bfloat16(rest)
        pieces.append(piece.astype(x.dtype))
        rest = rest - piece
    return pieces


def to_bfloat16(x: np.ndarray) -> np.ndarray:
    """float32 numbers of 8 bits: the nearest ones, of two the one whose last bit is 0.

    Numbers below the smallest normal one, 2^-126, become 0.
    """
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    last = (bits >> np.uint32(16)) & np.uint32(1)
    nearest = ((bits + np.uint32(0x7FFF) + last) & np.uint32(0xFFFF0000)).view(np.float32)
    nearest = np.where(np.abs(x) < np.finfo(np.float32).tiny, np.float32(0), nearest)
    return np.where(np.isnan(x), np.float32(np.nan), nearest).reshape(np.shape(x))


def product(A: np.ndarray, B: np.ndarray, precision: str) -> np.ndarray:
    """A B from factors of this precision; of two pieces each, without the product of the smaller.

    Sums are in the dtype of A and B.
    """
    left, right = rounded(A, precision), rounded(B, precision)
    total = left[0] @ right[0]
    for a, b in ((0, 1), (1, 0)):
        if a < len(left) and b < len(right):
            total = total + left[a] @ right[b]
    return total
