"""
What noise does to the filters
==============================

The weights of a hidden unit of an autoencoder of images are an image themselves: what the unit
looks for. Trained without noise, a network with more units than pixels can copy its input, and
most of its weights stay close to where they began. Repairing corrupted pixels needs their
neighbours: with noise, the weights become strokes and edges. This is figure 3 of Vincent et al.
(2008), on patches of the two photographs that come with scikit-learn.
"""

# %%
# 30,000 patches of 12 x 12 pixels. The mean of each patch is subtracted, and the patches are
# whitened a little, so that the fine scales count as much as the coarse ones.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_sample_images
from sklearn.feature_extraction.image import extract_patches_2d

SIDE = 12

pictures = [picture.mean(axis=2) / 255 for picture in load_sample_images().images]
patches = np.concatenate(
    [extract_patches_2d(p, (SIDE, SIDE), max_patches=15_000, random_state=0) for p in pictures]
)
X = patches.reshape(len(patches), -1)
X = X - X.mean(axis=1, keepdims=True)

values, vectors = np.linalg.eigh(X.T @ X / len(X))
X = (X @ vectors / np.sqrt(values + 0.02 * values.max())) @ vectors.T
X = (X / X.std()).astype("float32")

# %%
# Two networks, alike but for the noise.

from dae import DenoisingAutoencoder
from dae.inspection import FiltersDisplay

settings = dict(n_components=144, batch_size=64, max_iter=12, tol=None, random_state=0)
networks = {
    "without noise": DenoisingAutoencoder(corruption=None, **settings),
    "Gaussian noise, standard deviation 1": DenoisingAutoencoder(
        corruption="gaussian", corruption_level=1.0, **settings
    ),
}

figure, axes = plt.subplots(1, 2, figsize=(9, 4.7))
for axis, (name, network) in zip(axes, networks.items(), strict=True):
    network.fit(X)
    FiltersDisplay.from_estimator(network, n_filters=100, n_columns=10, ax=axis, cmap="gray")
    axis.set_title(name)
    axis.set_axis_off()
figure.suptitle("100 filters of 12 x 12 pixels, each scaled by itself")
plt.show()

# %%
# How much of a filter's energy lies in its strongest quarter of pixels says the same in a number.

for name, network in networks.items():
    energy = np.sort(network.components_**2, axis=1)[:, ::-1]
    share = energy[:, : SIDE**2 // 4].sum(axis=1) / energy.sum(axis=1)
    print(f"{name:<38}{np.median(share):.0%} in a quarter of the pixels")
