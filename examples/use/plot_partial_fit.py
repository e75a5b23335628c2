"""
Streams: partial_fit
====================

Data that arrive in blocks, or do not fit into memory, are learned block by block. `partial_fit`
continues the solver's moments and the numbering of corruptions, so that no corruption is
repeated; here the data change on the way, and the network follows.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from dae import DenoisingAutoencoder

digits, target = load_digits(return_X_y=True)
digits = (digits / 16).astype("float32")
low, high = digits[target < 5], digits[target >= 5]


def stream(n_blocks, block_size, seed=0):
    """Blocks of the digits 0 to 4, then of 5 to 9, then of both."""
    rng = np.random.default_rng(seed)
    for n in range(n_blocks):
        source = [low, high, digits][3 * n // n_blocks]
        yield source[rng.integers(0, len(source), block_size)]


# %%
# The loss that `loss_curve_` records for a block is of weights from before it: each block is a
# test first and a lesson afterwards.

BLOCKS = 240
network = DenoisingAutoencoder(128, corruption_level=0.3, batch_size=32, random_state=0)
errors = {"digits 0 to 4": [], "digits 5 to 9": []}
for block in stream(BLOCKS, 256):
    network.partial_fit(block)
    errors["digits 0 to 4"].append(-network.score(low))
    errors["digits 5 to 9"].append(-network.score(high))

# %%

figure, axis = plt.subplots(figsize=(7.4, 3.8))
axis.plot(network.loss_curve_, color="C5", lw=1, label="loss_curve_, corrupted block")
for name, curve in errors.items():
    axis.plot(curve, label=f"{name}, clean")
for n, words in enumerate(("0 to 4", "5 to 9", "all digits")):
    axis.axvline(n * BLOCKS / 3, color="grey", lw=0.8)
    axis.text((n + 0.5) * BLOCKS / 3, 7.4, f"blocks of {words}", ha="center", fontsize=9)
axis.set_ylim(0, 8)
axis.set_xlabel("block of 256 rows")
axis.set_ylabel("loss per row")
axis.set_title("The stream changes twice, the network follows")
axis.legend()
plt.show()

# %%
# A pickled network resumes the stream where it was: interrupted and uninterrupted training give
# the same bits.

import pickle

whole = DenoisingAutoencoder(32, random_state=0)
first = DenoisingAutoencoder(32, random_state=0)
for n, block in enumerate(stream(10, 128)):
    whole.partial_fit(block)
    first.partial_fit(block)
    if n == 4:
        first = pickle.loads(pickle.dumps(first))
print("the same bits:", np.array_equal(whole.components_, first.components_))
