"""Peak memory of `fit` beside the size of its CSR, in a process of its own.

What the process has taken before `fit` (interpreter, libraries and X) is taken off, so that the
figure is what `fit` adds; X itself counts once, as the user's.
"""

from __future__ import annotations

import json
import subprocess
import sys

from bench.sparse import table

GIGABYTE = 1e9

PROGRAM = """
import json, resource, sys
import numpy as np
from scipy import sparse
from dae import DenoisingAutoencoder

size, n_features, n_units, sampling = json.loads(sys.argv[1])
per_row = 100
n_rows = int(size / (8 * per_row))
rng = np.random.default_rng(0)
columns = np.empty(n_rows * per_row, np.int32)
step = n_features // per_row
offset = np.arange(per_row, dtype=np.int32) * step
for start in range(0, n_rows, 10_000):  # ascending, without a second array of this size
    stop = min(start + 10_000, n_rows)
    block = offset + rng.integers(0, step, (stop - start, per_row), dtype=np.int32)
    columns[start * per_row : stop * per_row] = block.ravel()
starts = np.arange(0, n_rows * per_row + 1, per_row, dtype=np.int32)
values = np.ones(n_rows * per_row, np.float32)
X = sparse.csr_array((values, columns, starts), shape=(n_rows, n_features))
dae = DenoisingAutoencoder(
    n_units, max_iter=1, tol=None, batch_size=512, reconstruction_sampling=sampling, random_state=0
)
dae.fit(X[:1000])
del dae
dae = DenoisingAutoencoder(
    n_units, max_iter=1, tol=None, batch_size=512, reconstruction_sampling=sampling, random_state=0
)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
dae.fit(X)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
bytes_of_X = X.data.nbytes + X.indices.nbytes + X.indptr.nbytes
print(json.dumps({
    "csr": bytes_of_X, "added": peak - before, "weights": 3 * dae.components_.nbytes,
}))
"""


def run(quick: bool = False) -> dict:
    size = 0.05 * GIGABYTE if quick else GIGABYTE
    measured = []
    for sampling in (1.0, None):
        # without sampling every row costs all features: fewer of them, for the time
        n_features, n_units = (50_000, 16) if sampling else (1000, 4)
        arguments = json.dumps([size, n_features, n_units, sampling])
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, arguments], capture_output=True, text=True, check=True
        )
        measured.append(
            {"sampling": sampling, "features": n_features, "units": n_units}
            | json.loads(done.stdout)
        )
        print(measured[-1], flush=True)
    return {"measured": measured}


def text(result: dict) -> str:
    rows = [
        [
            f"{m['features']:,} features, {m['units']} units, "
            + ("sampled" if m["sampling"] else "not sampled"),
            f"{m['csr'] / 1e6:,.0f}",
            f"{m['weights'] / 1e6:,.1f}",
            f"{m['added'] / 1e6:,.0f}",
            f"{(m['csr'] + m['added'] - m['weights']) / m['csr']:.3f}x",
        ]
        for m in result["measured"]
    ]
    return table.markdown(
        "Memory of `fit` on CSR, float32, one epoch of Adam, in MB: X, weights with moments, and "
        f"what `fit` adds to the process at its peak; {table.machine_of(result)}.",
        ["", "X", "weights and moments", "added", "X and added less weights, over X"],
        rows,
    )
