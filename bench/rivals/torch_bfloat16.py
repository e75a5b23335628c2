"""PyTorch by hand with its products in bfloat16, 8 bits where float32 has 24.

Not one of the rivals of the other tables, which all multiply float32 numbers: what it costs to be
that exact.
"""

from __future__ import annotations

from bench.rivals import torch_by_hand

name = "PyTorch by hand, bfloat16"
available = torch_by_hand.available


class Session(torch_by_hand.Session):
    precision = "medium"
