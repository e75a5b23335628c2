import numpy as np

from daecore.records import CSR, Decoder, Encoder

def encode(
    encoder: Encoder, X: np.ndarray | CSR, out: np.ndarray, many: bool, n_threads: int
) -> None: ...
def decode(
    decoder: Decoder, H: np.ndarray, out: np.ndarray, many: bool, n_threads: int
) -> None: ...
def reconstruct(
    encoder: Encoder,
    decoder: Decoder,
    X: np.ndarray,
    out: np.ndarray,
    many: bool,
    n_threads: int,
) -> None: ...
def sample_losses(
    encoder: Encoder | None,
    decoder: Decoder,
    loss: int,
    X: np.ndarray,
    shown: np.ndarray,
    entry_weight: np.ndarray | None,
    out: np.ndarray,
    many: bool,
    n_threads: int,
) -> None: ...
def all_finite(X: np.ndarray, n_threads: int) -> bool: ...
