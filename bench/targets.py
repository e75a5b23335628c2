"""What the figures are held to: ratios of samples per second, shares of measured peaks, limits."""

from __future__ import annotations

# batch size: ratio to PyTorch eager, to the fastest rival, share of the best matrix product on
# dense rows and on MNIST (81 % zeros: more than all, because zeros are skipped)
STEPS = {
    1: {"eager": 10.0, "fastest": 4.0},
    20: {"eager": 4.0, "fastest": 3.0, "dense": 0.75, "mnist": 0.95},
    128: {"eager": 2.0, "fastest": 1.8, "dense": 0.88, "mnist": 1.05},
    512: {"eager": 1.9, "fastest": 1.5, "dense": 0.90, "mnist": 1.05},
}
FASTEST_DENSE_512 = 1.3

# batch size: ratio of matmul_precision="medium" to the fastest rival with bfloat16, to our float32
BFLOAT16 = {
    20: {"fastest": 2.0},
    128: {"fastest": 1.4, "float32": 1.7},
    512: {"fastest": 1.25, "float32": 1.7},
}

SOLVERS_EAGER = {20: 4.0, 128: 2.0}  # Adam and momentum
THREADS = 1.85  # samples per second with two threads, over those with one, batch 128
INFERENCE_SHARE = 0.90  # of the best matrix product, 10,000 rows
ONE_ROW_MICROSECONDS = 15.0  # above the arithmetic
LOSS_WITHIN = 0.01  # of each other, after the same number of samples

MEMORY_RATIO = 1.1  # peak of `fit` over the data, 2 GB of float32
MEMORY_MAPPED_GB = 0.2  # above the weights, the data memory-mapped


def step_targets(data: str, batch_size: int) -> dict[str, float]:
    """Targets of plain SGD at 784-500, float32."""
    wanted = dict(STEPS.get(batch_size, {}))
    wanted["share"] = wanted.pop(data, None)
    for other in ("dense", "mnist"):
        wanted.pop(other, None)
    if data == "dense" and batch_size == 512:
        wanted["fastest"] = FASTEST_DENSE_512
    return {key: value for key, value in wanted.items() if value is not None}
