"""
Codes in two dimensions, beside PCA and t-SNE
=============================================

With two hidden units at the end of a stack, the codes are a map of the data. PCA gives the best
*linear* map; a stack bends. Methods made for maps alone separate groups better still: t-SNE moves
each point by itself, so there is no function that a new sample can be put through, nor one that
leads back. UMAP is its neighbour: quicker, and with a transform for new samples that is found by
optimising once more. The autoencoder is one function each way: `transform` for new samples,
`inverse_transform` for any place on the map.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

from dae import StackedDenoisingAutoencoder

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split((X / 16).astype("float32"), y, random_state=0)

# %%
# Four layers, each trained to repair the codes of the one below, then all together.

stack = StackedDenoisingAutoencoder(
    (128, 64, 32, 2),
    activation=["tanh", "tanh", "tanh", "identity"],
    loss="log_loss",
    corruption_level=[0.1, 0, 0, 0],
    max_iter=10,
    fine_tune=True,
    fine_tune_max_iter=200,
    fine_tune_learning_rate_init=0.003,
    learning_rate="cosine",
    batch_size=32,
    tol=None,
    random_state=0,
).fit(X_train)

# %%
# Test digits on three maps: 450 digits that PCA and the stack have not seen. t-SNE has no
# transform: its map is made of all digits, these among them. "neighbours" is the accuracy of a vote
# of the 10 nearest training digits on the map, a measure of how well the digits are apart.

pca = PCA(2).fit(X_train)
everything = TSNE(random_state=0).fit_transform(np.vstack([X_train, X_test]))
maps = {
    "PCA": (pca.transform(X_train), pca.transform(X_test)),
    "stack of four layers": (stack.transform(X_train), stack.transform(X_test)),
    "t-SNE (of these digits, too)": np.split(everything, [len(X_train)]),
}
figure, axes = plt.subplots(1, 3, figsize=(10.2, 3.8))
for axis, (name, (train, test)) in zip(axes, maps.items(), strict=True):
    neighbours = KNeighborsClassifier(10).fit(train, y_train).score(test, y_test)
    axis.scatter(*test.T, c=y_test, cmap="tab10", s=9, vmin=0, vmax=9)
    for digit in range(10):
        axis.annotate(
            str(digit),
            np.median(test[y_test == digit], axis=0),
            weight="bold",
            ha="center",
            bbox=dict(boxstyle="round", fc="white", alpha=0.7, lw=0),
        )
    axis.set_title(f"{name}: neighbours {neighbours:.0%}")
    axis.set_xticks([])
    axis.set_yticks([])
figure.suptitle("450 test digits on each map")
plt.show()

# %%
# And back: what the network decodes on a grid over its map.

low, high = np.percentile(stack.transform(X_train), [4, 96], axis=0)
grid = np.stack(
    np.meshgrid(np.linspace(low[0], high[0], 16), np.linspace(high[1], low[1], 10)), axis=-1
)
decoded = stack.inverse_transform(grid.reshape(-1, 2))
tiles = np.pad(decoded.reshape(10, 16, 8, 8), [(0, 0), (0, 0), (1, 2), (2, 2)])
picture = tiles.swapaxes(1, 2).reshape(110, 192)

figure, axis = plt.subplots(figsize=(9, 5.4))
axis.imshow(picture, cmap="gray_r", vmin=0, vmax=1)
axis.set_axis_off()
axis.set_title("Decoded places of the map: digits turn into each other")
plt.show()
