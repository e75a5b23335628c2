"""
Learning curves and early stopping
==================================

With a constant rate and `tol`, `fit` stops by itself: when the loss has not fallen by this fraction
for `n_iter_no_change` epochs. That is the training loss, of samples that are corrupted differently
in every epoch, which is hard to learn by heart. With few samples it can be done nevertheless;
`early_stopping` then judges by samples that are set aside.
"""

import warnings

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

from dae import DenoisingAutoencoder
from dae.inspection import LossCurveDisplay

X = load_digits().data / 16
warnings.simplefilter("ignore", ConvergenceWarning)  # one of the three is not to stop by itself

# %%
# 150 digits, 512 units, little noise, and no stopping rule: the training loss keeps falling,
# that of other samples does not.

settings = dict(
    n_components=512,
    corruption_level=0.1,
    learning_rate_init=0.001,
    learning_rate="constant",
    max_iter=300,
    tol=1e-3,
    random_state=0,
)
free = DenoisingAutoencoder(
    early_stopping=True, validation_fraction=0.3, n_iter_no_change=300, **settings
).set_params(tol=1e-6)
stopped = DenoisingAutoencoder(early_stopping=True, validation_fraction=0.3, **settings)
noisier = DenoisingAutoencoder(early_stopping=True, validation_fraction=0.3, **settings)
noisier.set_params(corruption_level=0.4)

runs = {
    "little noise, 300 epochs": free,
    "little noise, early stopping": stopped,
    "more noise, early stopping": noisier,
}
figure, axes = plt.subplots(1, 3, figsize=(10.2, 3.5), sharey=True)
for axis, (name, network) in zip(axes, runs.items(), strict=True):
    network.fit(X[:150])
    LossCurveDisplay.from_estimator(network, log_scale=True, ax=axis)
    axis.set_title(f"{name}\n{network.n_iter_} epochs")
    axis.label_outer()
figure.suptitle("Loss by epoch: training and validation samples")
plt.show()

# %%
# Is it a good fit? `score` of samples that no fit has seen, without corruption (greater is better),
# and the error of repairing them, at the same 30 % of masked pixels for all.

import numpy as np

test = X[300:800]
masked = test * (np.random.default_rng(0).random(test.shape) > 0.3)
for name, network in runs.items():
    error = ((network.reconstruct(masked) - test) ** 2).sum(axis=1).mean()
    print(f"{name:<30} score {network.score(test):7.3f}   error of repairing {error:.2f}")
