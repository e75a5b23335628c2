"""Our library with ``matmul_precision="high"``."""

from __future__ import annotations

from bench.rivals import ours
from dae import _core

name = "dae high"


def available(n_threads: int) -> str | None:
    if "high" not in _core.accelerated_precisions():
        return "this machine has no faster products for it; it computes as dae"
    return ours.available(n_threads)


class Session(ours.Session):
    matmul_precision = "high"
