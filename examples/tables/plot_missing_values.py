"""
Missing values filled
=====================

A network that has learned to repair masked cells can repair missing ones:
`dae.tabular.DenoisingImputer`. Beside it, the imputers of scikit-learn, on columns of measurements
whose cells are hidden at random.
"""

import time
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer
from sklearn.preprocessing import StandardScaler

from dae.tabular import DenoisingImputer

# %%
# `DenoisingImputer` has scikit-learn's interface. It takes columns in their own units, arrays and
# DataFrames, with categories too. All have their defaults, but for the number of rounds.

warnings.simplefilter("ignore", ConvergenceWarning)  # of the three rounds
methods = {
    "SimpleImputer": SimpleImputer(),
    "KNNImputer": KNNImputer(),
    "IterativeImputer": IterativeImputer(max_iter=3, tol=0, random_state=0),
    "DenoisingImputer": DenoisingImputer(random_state=0),
}

# %%
# 10, 30 and 50 % of the cells are hidden. Columns are standardised by what is left.

tables = {"breast cancer, 569 x 30": load_breast_cancer().data, "wine, 178 x 13": load_wine().data}
shares = [0.1, 0.3, 0.5]
figure, axes = plt.subplots(1, len(tables), figsize=(9.6, 3.8), sharey=True)
for axis, (title, table) in zip(axes, tables.items(), strict=True):
    errors = {name: [] for name in methods}
    seconds = dict.fromkeys(methods, 0.0)
    for share in shares:
        hidden = np.random.default_rng(0).random(table.shape) < share
        scaler = StandardScaler().fit(np.where(hidden, np.nan, table))
        full = scaler.transform(table)
        holes = np.where(hidden, np.nan, full)
        for name, method in methods.items():
            started = time.perf_counter()
            filled = method.fit_transform(holes)
            seconds[name] += time.perf_counter() - started
            errors[name].append(np.sqrt(((filled - full)[hidden] ** 2).mean()))
    for name, found in errors.items():
        axis.plot(100 * np.array(shares), found, "o-", label=f"{name}: {seconds[name]:.1f} s")
    axis.set_title(title)
    axis.set_xlabel("hidden cells, %")
    axis.set_xticks([10, 30, 50])
    axis.legend(loc="lower right", fontsize=7)
axes[0].set_ylabel("RMSE of filled cells, standard deviations")
axes[0].set_ylim(0, 1.2)
figure.suptitle("Hidden cells filled: error, and seconds for the three fits")
plt.show()

# %%
# Where columns hang together linearly and closely, as in the first table, the linear models of
# `IterativeImputer` are hard to beat; the mean is what all have to beat.
#
# What was filled in, for two columns that hang together: the mean is one vertical line, the network
# follows the cloud.

table = load_breast_cancer().data
names = load_breast_cancer().feature_names
hidden = np.random.default_rng(1).random(table.shape) < 0.3
full = StandardScaler().fit_transform(table)
holes = np.where(hidden, np.nan, full)
a, b = 0, 5  # radius, compactness
rows = hidden[:, a] & ~hidden[:, b]

figure, axes = plt.subplots(1, 3, figsize=(9.6, 3.4), sharex=True, sharey=True)
panels = {"as it was": full}
panels |= {
    name: methods[name].fit_transform(holes) for name in ("SimpleImputer", "DenoisingImputer")
}
for axis, (name, filled) in zip(axes, panels.items(), strict=True):
    axis.scatter(full[~rows, a], full[~rows, b], s=5, color="0.8")
    axis.scatter(filled[rows, a], filled[rows, b], s=9, color="C1")
    axis.set_title(name)
    axis.set_xlabel(names[a])
axes[0].set_ylabel(names[b])
figure.suptitle(f"{names[a].capitalize()} filled where it was hidden")
plt.show()

# %%
# How such an imputer is made of `dae.DenoisingAutoencoder`, by hand: :doc:`/guide/tasks/tables`.
# Twelve tables, other shares and other ways of missing: :doc:`/benchmarks/imputation`.
