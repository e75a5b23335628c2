"""What `.ci/aarch64 count` counts: between two calls of getsid lies one call of each kind.

SGD, then Adam, two steps of 20 rows each; then codes of 40 rows; 784-500, float32, one thread.
"""

import os

import numpy as np

from dae import DenoisingAutoencoder

X = np.random.default_rng(0).random((40, 784), dtype=np.float32)
for solver in ("sgd", "adam"):
    dae = DenoisingAutoencoder(500, solver=solver, batch_size=20, n_jobs=1, random_state=0)
    dae.partial_fit(X[:20])
    os.getsid(0)
    dae.partial_fit(X)
    os.getsid(0)
os.getsid(0)
dae.transform(X)
os.getsid(0)
