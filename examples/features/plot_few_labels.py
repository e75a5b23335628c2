"""
Few labels, many samples
========================

Labels cost, samples often do not. A `StackedDenoisingAutoencoder` learns from all samples; a
`StackedDenoisingClassifier` that starts from its layers (`pretrained`) needs fewer labels than
one that starts from nothing.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from dae import StackedDenoisingAutoencoder, StackedDenoisingClassifier

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    (X / 16).astype("float32"), y, test_size=600, stratify=y, random_state=0
)

# %%
# All 1197 training digits without their labels, once:

SIZES = (200, 100)
layers = StackedDenoisingAutoencoder(
    SIZES, corruption_level=0.3, loss="log_loss", max_iter=30, tol=None, random_state=0
).fit(X_train)

# %%
# Then 2 to 40 labels of each digit, drawn five times.


def accuracy(model, n_labels, seed):
    rng = np.random.default_rng(seed)
    rows = np.concatenate([rng.choice(np.flatnonzero(y_train == d), n_labels) for d in range(10)])
    return model.fit(X_train[rows], y_train[rows]).score(X_test, y_test)


tuning = dict(fine_tune_max_iter=40, batch_size=20, tol=None, random_state=0)
tuning |= dict(fine_tune_corruption="masking", fine_tune_corruption_level=0.2)
models = {
    "pretrained on all digits": StackedDenoisingClassifier(SIZES, pretrained=layers, **tuning),
    "the same network, not pretrained": StackedDenoisingClassifier(SIZES, max_iter=0, **tuning),
    "logistic regression": LogisticRegression(max_iter=1000),
}
counts = [2, 5, 10, 20, 40]
figure, axis = plt.subplots(figsize=(6.6, 4))
for name, model in models.items():
    found = np.array([[accuracy(model, n, seed) for seed in range(5)] for n in counts])
    (line,) = axis.plot(counts, found.mean(axis=1), "o-", label=name)
    axis.fill_between(
        counts, found.min(axis=1), found.max(axis=1), color=line.get_color(), alpha=0.15
    )
axis.set_xscale("log")
axis.set_xticks(counts, [str(n) for n in counts])
axis.minorticks_off()
axis.set_xlabel("labels of each digit")
axis.set_ylabel("accuracy on 600 other digits")
axis.set_title("Five draws of the labels: mean and range")
axis.legend(loc="lower right")
plt.show()
