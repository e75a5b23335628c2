import numpy as np

from daecore.records import Batches, Layer, SampledData, Solver

def train_sampled(
    data: SampledData,
    layer: Layer,
    solver: Solver,
    batches: Batches,
    room_of_row: np.ndarray,
    losses: np.ndarray,
    n_threads: int,
) -> int: ...
