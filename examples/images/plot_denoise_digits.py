"""
Denoising digits
================

The plainest use: `fit` on clean samples, `corrupt` as training does, `reconstruct`. Three kinds
of noise, each with a network that was trained for it, and the test digits that it has not seen.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits

from dae import DenoisingAutoencoder
from dae.inspection import ReconstructionDisplay

X = load_digits().data / 16
X_train, X_test = X[:1500], X[1500:]

# %%
# `dae.inspection.ReconstructionDisplay` corrupts the first rows, repairs them and draws all three.

kinds = {"masking": 0.5, "gaussian": 0.4, "salt_and_pepper": 0.4}
figure, axes = plt.subplots(len(kinds), 1, figsize=(8, 9))
networks = {}
for axis, (kind, level) in zip(axes, kinds.items(), strict=True):
    networks[kind] = DenoisingAutoencoder(
        256,
        corruption=kind,
        corruption_level=level,
        loss="log_loss",
        learning_rate="cosine",
        max_iter=60,
        tol=None,
        random_state=0,
    ).fit(X_train)
    ReconstructionDisplay.from_estimator(networks[kind], X_test, n_samples=10, ax=axis)
    axis.set_title(f'corruption="{kind}", corruption_level={level}')
figure.suptitle("Clean, corrupted and repaired")
plt.show()

# %%
# The error per pixel before and after, on all test digits.

for kind, network in networks.items():
    noisy = network.corrupt(X_test)
    before = ((noisy - X_test) ** 2).mean()
    after = ((network.reconstruct(noisy) - X_test) ** 2).mean()
    print(f"{kind:<16} mean squared error {before:.3f} -> {after:.3f}")
