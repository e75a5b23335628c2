"""The functions of `dae._model.reference`, fast. Only this package imports the compiled core.

arguments.py    checks what comes in, and makes the records that the core is called with
inference.py    encode, decode, reconstruct, sample_losses, all_finite, network_is_finite,
                check_finite
training.py     train, corrupt, entry_weights
convolutional.py  pictures through a convolutional network, and back
threads.py      how many threads: n_jobs, OpenMP, cores, forks
tuning.py       the sizes that all of them go by
"""

from dae._core.inference import (
    all_finite,
    check_finite,
    decode,
    encode,
    network_is_finite,
    reconstruct,
    sample_losses,
)
from dae._core.threads import n_threads, n_threads_for, openmp_enabled
from dae._core.training import corrupt, entry_weights, train
from daecore._simd import accelerated_precisions, simd_level
from daecore._simd import available_levels as available_simd_levels

__all__ = [
    "accelerated_precisions",
    "all_finite",
    "available_simd_levels",
    "check_finite",
    "corrupt",
    "decode",
    "encode",
    "entry_weights",
    "n_threads",
    "n_threads_for",
    "network_is_finite",
    "openmp_enabled",
    "reconstruct",
    "sample_losses",
    "simd_level",
    "train",
]
