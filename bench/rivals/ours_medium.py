"""Our library with ``matmul_precision="medium"``."""

from __future__ import annotations

from bench.rivals import ours
from dae import _core

name = "dae medium"


def available(n_threads: int) -> str | None:
    if "medium" not in _core.accelerated_precisions():
        return "this machine has no faster products for it; it computes as dae"
    return ours.available(n_threads)


class Session(ours.Session):
    matmul_precision = "medium"
