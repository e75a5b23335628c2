"""dae and PyTorch in one process, imported in the order of the arguments: both use their threads.

python .ci/beside_torch.py torch dae
"""

import importlib
import sys

import numpy as np


def main() -> None:
    for name in sys.argv[1:]:
        importlib.import_module(name)
    import torch

    from dae import DenoisingAutoencoder, _core

    X = np.random.default_rng(0).random((2000, 300), dtype=np.float32)
    for _ in range(3):
        codes = DenoisingAutoencoder(200, max_iter=2, tol=None, n_jobs=2).fit(X).transform(X)
        with torch.no_grad():
            product = torch.from_numpy(X) @ torch.from_numpy(X).T
        if not (np.isfinite(codes).all() and torch.isfinite(product).all()):
            sys.exit("NaN or infinity")
    print("OpenMP in dae:", _core.openmp_enabled())


if __name__ == "__main__":
    main()
