import numpy as np

from daecore.records import Batches, Data, Layer, Solver

def train(
    data: Data,
    layers: list[Layer],
    solver: Solver,
    batches: Batches,
    losses: np.ndarray,
    n_threads: int,
) -> int: ...
def corrupt(
    data: Data,
    rows: np.ndarray,
    out: np.ndarray,
    entry_weights: np.ndarray | None,
    unpacked: np.ndarray | None,
    n_threads: int,
) -> None: ...
