import numpy as np

from daecore.records import Convolution

def convolve(
    layer: Convolution,
    x: np.ndarray,
    filters: np.ndarray,
    added: np.ndarray | None,
    mask: np.ndarray | None,
    y: np.ndarray,
    start: int,
    stop: int,
    n_threads: int,
) -> None: ...
def filter_gradient(
    layer: Convolution,
    x: np.ndarray,
    delta: np.ndarray,
    gradient: np.ndarray,
    n_threads: int,
) -> None: ...
