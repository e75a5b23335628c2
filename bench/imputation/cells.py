"""Which cells are hidden: completely at random, by another column, or by their own value."""

from __future__ import annotations

import numpy as np

MECHANISMS = ("MCAR 30 %", "MCAR 10 %", "MCAR 50 %", "MAR 30 %", "MNAR 30 %")


def hidden(X: np.ndarray, mechanism: str, seed: int) -> np.ndarray:
    """Hidden cells, bool, of min-max scaled X; every row and every column keeps a value.

    MAR: half of the columns are always there, and the chance that a cell of the others is hidden
    grows with the rank of one of those. MNAR: it grows with the rank of the cell itself. Both from
    0 to twice the rate.
    """
    rng = np.random.RandomState(seed)
    kind, rate = mechanism.split()[0], float(mechanism.split()[1]) / 100
    n, d = X.shape
    draws = rng.rand(n, d)
    if kind == "MCAR":
        mask = draws < rate
    else:
        ranks = (X + 1e-9 * rng.rand(n, d)).argsort(axis=0).argsort(axis=0) / n
        if kind == "MAR":
            there = rng.permutation(d)[: max(1, d // 2)]
            cause = ranks[:, rng.choice(there, d)]
        else:
            there, cause = [], ranks
        mask = draws < 2 * rate * cause
        mask[:, there] = False
    whole = mask.all(axis=1)
    mask[whole, rng.randint(0, d, whole.sum())] = False
    return mask
