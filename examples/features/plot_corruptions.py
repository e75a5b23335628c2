"""
What each corruption does
=========================

`corruption` decides which question the network has to answer, and so what it learns. Here are the
four built-in kinds and a function of one's own, on handwritten digits: how a sample is shown to the
network in training, and how it is repaired.
"""

# %%
# A callable gets a copy of each mini-batch and a random generator. This one hides a square, which
# is harder than as many pixels anywhere: no neighbour is left to ask.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from dae import DenoisingAutoencoder

X = load_digits().data / 16
SIDE = 8


def hide_a_square(batch, rng):
    pictures = batch.reshape(-1, SIDE, SIDE)
    for picture in pictures:
        row, column = rng.integers(0, SIDE - 2, 2)
        picture[row : row + 3, column : column + 3] = 0
    return pictures.reshape(batch.shape)


kinds = {
    "masking, 0.4:\nset to 0": dict(corruption="masking", corruption_level=0.4),
    "gaussian, 0.3:\nnoise added": dict(corruption="gaussian", corruption_level=0.3),
    "salt_and_pepper, 0.3:\nleast or largest": dict(
        corruption="salt_and_pepper", corruption_level=0.3
    ),
    "swap, 0.3:\nfrom another row": dict(corruption="swap", corruption_level=0.3),
    "a function:\na square hidden": dict(corruption=hide_a_square),
}

# %%
# The same four digits in each row: clean, corrupted, repaired.

SHOWN = 4
figure, axes = plt.subplots(len(kinds), 1, figsize=(7.2, 4.2))
for axis, (name, corruption) in zip(axes, kinds.items(), strict=True):
    network = DenoisingAutoencoder(
        256, loss="log_loss", max_iter=60, tol=None, random_state=0, **corruption
    ).fit(X[200:])
    corrupted = network.corrupt(X[:SHOWN])
    rows = [X[:SHOWN], corrupted, network.reconstruct(corrupted)]
    tiles = np.full((SIDE, 3 * SHOWN * (SIDE + 1) + 12), np.nan)
    for part, samples in enumerate(rows):
        for n, sample in enumerate(samples):
            left = part * (SHOWN * (SIDE + 1) + 6) + n * (SIDE + 1)
            tiles[:, left : left + SIDE] = sample.reshape(SIDE, SIDE)
    axis.imshow(tiles, cmap="gray_r", vmin=0, vmax=1)
    axis.set_xticks([])
    axis.set_yticks([])
    axis.spines[:].set_visible(False)
    axis.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
axes[0].set_title(
    f"{'clean':^34}{'as shown to the network':^34}{'repaired':^34}", family="monospace", fontsize=7
)
figure.suptitle("Five corruptions, and what was learned from each")
plt.show()

# %%
# Which to choose is a property of the data more than of the network: masking for pixels, counts and
# clicks, where 0 means "nothing here"; swap for tables, where 0 may be no possible value at all but
# another row's value always is one; gaussian where measurements are noisy in that way.
