"""
Few labels, many samples
========================

Labels cost, samples often do not. A `StackedDenoisingAutoencoder` learns from all samples; a
`StackedDenoisingClassifier` that starts from its layers (`pretrained`) needs fewer labels than one
that starts from nothing.
"""

# %%
# Digits rotated by any angle, which no linear model can read: 4,000 to learn from, a few of them
# labelled, and 1,500 to judge by.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from dae import StackedDenoisingAutoencoder, StackedDenoisingClassifier
from dae.datasets import make_mnist_variation

digits = load_digits()
rotated = make_mnist_variation(
    "rot",
    digits.images / 16,
    digits.target,
    n_train=4000,
    n_validation=0,
    n_test=1500,
    random_state=0,
)
X_train, y_train = rotated.train.data.astype("float32"), rotated.train.target
X_test, y_test = rotated.test.data.astype("float32"), rotated.test.target

# %%
# All training digits without their labels, once:

SIZES = (300, 200)
training = dict(tol=None, random_state=0)
layers = StackedDenoisingAutoencoder(
    SIZES,
    corruption_level=0.25,
    loss="log_loss",
    learning_rate="cosine",
    max_iter=15,
    **training,
).fit(X_train)

# %%
# Then 5 to 50 labels of each digit, drawn three times.


def accuracy(model, n_labels, seed):
    rng = np.random.default_rng(seed)
    rows = np.concatenate(
        [rng.choice(np.flatnonzero(y_train == d), n_labels, replace=False) for d in range(10)]
    )
    return model.fit(X_train[rows], y_train[rows]).score(X_test, y_test)


training |= dict(fine_tune_max_iter=30, batch_size=20)
training |= dict(fine_tune_corruption="masking", fine_tune_corruption_level=0.2)
models = {
    "pretrained on all digits": StackedDenoisingClassifier(SIZES, pretrained=layers, **training),
    "the same network, not pretrained": StackedDenoisingClassifier(SIZES, max_iter=0, **training),
    "logistic regression": LogisticRegression(max_iter=300),
}
counts = [5, 10, 20, 50]
figure, axis = plt.subplots(figsize=(6.6, 4))
for name, model in models.items():
    found = np.array([[accuracy(model, n, seed) for seed in range(3)] for n in counts])
    (line,) = axis.plot(counts, found.mean(axis=1), "o-", label=name)
    low, high = found.min(axis=1), found.max(axis=1)
    axis.fill_between(counts, low, high, color=line.get_color(), alpha=0.15)
axis.set_xscale("log")
axis.set_xticks(counts, [str(n) for n in counts])
axis.minorticks_off()
axis.set_xlabel("labels of each digit")
axis.set_ylabel("accuracy on 1,500 other digits")
axis.set_title("Three draws of the labels: mean and range")
axis.legend(loc="upper left")
plt.show()

# %%
# The gain is no miracle: a few points here, and with enough labels these teach what the unlabelled
# digits would have taught. It grows with the number of unlabelled samples and of layers; on MNIST,
# :doc:`/benchmarks/papers` has it for a tenth of the labels.
