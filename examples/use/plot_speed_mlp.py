"""
Speed beside MLPRegressor
=========================

`sklearn.neural_network.MLPRegressor` can be trained as a denoising autoencoder: with corrupted
samples as X and clean ones as y, with new noise for each epoch, by hand. The network and the
number of epochs are the same here, and so nearly is the loss; the time is not. Measured while
this page was built, on whatever machine that was; careful measurements are among the
:doc:`benchmarks </benchmarks/index>`.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPRegressor
from threadpoolctl import threadpool_limits

from dae import DenoisingAutoencoder

X = load_digits().data.astype("float32") / 16
X_train, X_test = X[:1500], X[1500:]
UNITS, EPOCHS, BATCH = 256, 15, 64
masked = X_test * (np.random.default_rng(1).random(X_test.shape) > 0.3)


def error(repaired):
    return ((repaired - X_test) ** 2).sum(axis=1).mean()


# %%
# Both on one thread, judged after every third epoch.

curves = {}
one_thread = threadpool_limits(1)

seconds, points = 0.0, []
dae = DenoisingAutoencoder(UNITS, tied_weights=False, batch_size=BATCH, random_state=0, n_jobs=1)
for epoch in range(EPOCHS):
    started = time.perf_counter()
    dae.partial_fit(X_train)
    seconds += time.perf_counter() - started
    if epoch % 3 == 2:
        points.append((seconds, error(dae.reconstruct(masked))))
curves["DenoisingAutoencoder, untied"] = points

seconds, points = 0.0, []
rng = np.random.default_rng(0)
mlp = MLPRegressor(hidden_layer_sizes=(UNITS,), batch_size=BATCH, random_state=0)
for epoch in range(EPOCHS):
    started = time.perf_counter()
    corrupted = X_train * (rng.random(X_train.shape, dtype="float32") > 0.3)
    mlp.partial_fit(corrupted, X_train)
    seconds += time.perf_counter() - started
    if epoch % 3 == 2:
        points.append((seconds, error(mlp.predict(masked))))
curves["MLPRegressor"] = points
one_thread.restore_original_limits()

# %%

figure, axis = plt.subplots(figsize=(6.8, 3.8))
for name, points in curves.items():
    axis.plot(*zip(*points, strict=True), "o-", label=f"{name}: {points[-1][0]:.2f} s")
axis.set_xscale("log")
axis.set_xlabel("seconds of training")
axis.set_ylabel("squared error of repaired digits")
axis.set_title(f"64-{UNITS}-64, {EPOCHS} epochs, batches of {BATCH}, one thread")
axis.legend()
plt.show()
