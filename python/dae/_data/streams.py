"""Random streams of a training: the order of the rows, what callables draw, the split."""

from __future__ import annotations

import numpy as np

# what a random stream is for
_ORDER, _FUNCTION, _SPLIT = range(3)

VALIDATION = 0  # the number of the presentation that validation data keep; training starts at 1


def generator(seed: int, presentation: int, purpose: int, index: int = 0) -> np.random.Generator:
    """An independent stream for each (seed, presentation, purpose, index); no state to keep."""
    key = np.array([seed, presentation], dtype=np.uint64)
    counter = np.array([0, index, purpose, 0], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(counter=counter, key=key))


def function_stream(seed: int, presentation: int, batch: int) -> np.random.Generator:
    """The stream that a callable corruption is given for one batch of a presentation."""
    return generator(seed, presentation, _FUNCTION, batch)


def order_of(rows: np.ndarray, seed: int, presentation: int, *, shuffle: bool) -> np.ndarray:
    """The order of `rows` in a presentation."""
    return generator(seed, presentation, _ORDER).permutation(rows) if shuffle else rows


def new_seed(random_state: np.random.RandomState) -> int:
    """The key of all streams of a training, except that of the initial weights."""
    return int(random_state.randint(0, 2**64, dtype=np.uint64))


def split(
    rows: np.ndarray, fraction: float, seed: int, classes: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Training and validation rows, each in ascending order.

    With `classes`, the class number of each sample, every class has its share in both, up to one
    row.
    """
    n_validation = int(np.ceil(float(fraction) * len(rows)))
    if n_validation >= len(rows):
        raise ValueError(
            f"early_stopping with validation_fraction={fraction} leaves none of {len(rows)} rows "
            "to train on. Lower validation_fraction, pass more rows or set early_stopping=False."
        )
    mixed = generator(seed, VALIDATION, _SPLIT).permutation(rows)
    if classes is None:
        return np.sort(mixed[n_validation:]), np.sort(mixed[:n_validation])
    mixed = mixed[np.argsort(classes[mixed], kind="stable")]
    # rows at equal distances, class by class
    places = (np.arange(n_validation) + 0.5) * (len(mixed) / n_validation)
    picked = np.zeros(len(mixed), dtype=bool)
    picked[places.astype(np.intp)] = True
    return np.sort(mixed[~picked]), np.sort(mixed[picked])
