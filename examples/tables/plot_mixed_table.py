"""
A category beside numbers
=========================

Columns of different kinds have losses of different kinds: `output_blocks` gives the numbers of this
table the squared error and the levels of its category a softmax. Where the category is missing, the
network then says how likely each level is.
"""

# %%
# Three kinds of a plant, generated: each with its usual length and width, and overlapping.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from dae import DenoisingAutoencoder

KINDS = ["alpine", "coast", "forest"]
CENTRES = np.array([[-1.3, -0.4], [0.3, 1.2], [1.2, -0.8]])
rng = np.random.default_rng(0)
kind = rng.integers(0, 3, 3000)
numbers = CENTRES[kind] + rng.normal(scale=0.75, size=(3000, 2))

# %%
# Two numbers and three levels, one-hot: two blocks. Masking hides a number or, because a softmax is
# one thing, a whole category.

scaler = StandardScaler().fit(numbers)
levels = OneHotEncoder(sparse_output=False).fit_transform(np.array(KINDS)[kind][:, None])
X = np.hstack([scaler.transform(numbers), levels])


def hide(batch, rng):
    """Each number with a chance of 10 %, the category with a chance of 50 %."""
    batch[:, :2][rng.random((len(batch), 2)) < 0.1] = 0
    batch[:, 2:][rng.random(len(batch)) < 0.5] = 0
    return batch


network = DenoisingAutoencoder(
    64,
    output_blocks=[("squared_error", 2), ("multinomial", 3)],
    corruption=hide,
    tied_weights=False,
    learning_rate="cosine",
    max_iter=60,
    tol=None,
    random_state=0,
).fit(X)

# %%
# The category is missing (NaN); the numbers vary over the picture. Beside the network's answer, the
# true probabilities, which are known since the table was generated.

side = np.linspace(-3, 3, 90)
grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
asked = np.hstack([scaler.transform(grid), np.full((len(grid), 3), np.nan)])
answered = network.reconstruct(asked)[:, 2:]
distance = ((grid[:, None] - CENTRES) ** 2).sum(axis=-1) / (2 * 0.75**2)
true = np.exp(-distance) / np.exp(-distance).sum(axis=1, keepdims=True)

figure, axes = plt.subplots(1, 3, figsize=(10.2, 3.6), sharex=True, sharey=True)
for level, name in enumerate(KINDS):
    axes[0].scatter(*numbers[kind == level][:300].T, s=5, color="rgb"[level], label=name)
axes[0].legend(loc="upper right")
axes[0].set_title("900 of the rows")
for axis, chances, name in ((axes[1], answered, "by the network"), (axes[2], true, "true")):
    axis.imshow(chances.reshape(90, 90, 3).clip(0, 1), origin="lower", extent=(-3, 3, -3, 3))
    axis.set_title(f"probabilities of the kinds, {name}")
for axis in axes:
    axis.set_xlabel("length")
    axis.set_aspect("equal")
axes[0].set_ylabel("width")
figure.suptitle("A missing category, answered from two numbers")
plt.show()

agree = (answered.argmax(axis=1) == true.argmax(axis=1)).mean()
print(f"the likeliest kind is the same on {agree:.0%} of the picture")
print(f"mean difference of the probabilities: {np.abs(answered - true).mean():.3f}")
