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
# 50,000 patches of 10 x 10 pixels. The mean of each patch is subtracted: what is left is contrast,
# with a standard deviation of about 1 after the division.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_sample_images
from sklearn.feature_extraction.image import extract_patches_2d

SIDE = 10

pictures = [picture.mean(axis=2) / 255 for picture in load_sample_images().images]
patches = np.concatenate(
    [extract_patches_2d(p, (SIDE, SIDE), max_patches=25_000, random_state=0) for p in pictures]
)
X = patches.reshape(len(patches), -1)
X = ((X - X.mean(axis=1, keepdims=True)) / 0.2).astype("float32")

# %%
# Two networks of as many units as pixels, alike but for the noise.

from dae import DenoisingAutoencoder
from dae.inspection import FiltersDisplay

settings = dict(n_components=100, learning_rate_init=0.01, learning_rate="cosine", max_iter=6)
settings |= dict(tol=None, random_state=0)
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
figure.suptitle("100 filters of 10 x 10 pixels, each scaled by itself")
plt.show()

# %%
# Rough or smooth, in a number: the correlation of neighbouring weights of a filter.

for name, network in networks.items():
    filters = network.components_.reshape(-1, SIDE, SIDE)
    filters = filters - filters.mean(axis=(1, 2), keepdims=True)
    neighbours = (filters[:, :, 1:] * filters[:, :, :-1]).sum(axis=(1, 2))
    correlation = neighbours / (filters**2).sum(axis=(1, 2))
    print(f"{name:<38}{np.median(correlation):.2f}")
