"""
Stacked features for a linear model
===================================

A linear model sees what is linear in its features. The codes of a stack are features that were
learned without labels; here they are learned from noisy, rotated digits, and a logistic
regression on them is compared with one on the pixels.
"""

# %%
# `dae.datasets` makes the classic variations of digit images; here scikit-learn's 8 x 8 digits,
# rotated by any angle.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from dae import DenoisingAutoencoder, StackedDenoisingAutoencoder
from dae.datasets import make_mnist_variation

digits = load_digits()
rotated = make_mnist_variation(
    "rot",
    digits.images / 16,
    digits.target,
    n_train=3000,
    n_validation=0,
    n_test=2000,
    random_state=0,
)
X_train, y_train = rotated.train.data.astype("float32"), rotated.train.target
X_test, y_test = rotated.test.data.astype("float32"), rotated.test.target

figure, axes = plt.subplots(2, 12, figsize=(9, 1.7))
for axis, row in zip(axes.flat, X_train, strict=False):
    axis.imshow(row.reshape(8, 8), cmap="gray_r")
    axis.set_axis_off()
figure.suptitle("Rotated digits")
plt.show()

# %%
# One layer, and a stack of three whose codes are used side by side.

training = dict(max_iter=12, tol=None, learning_rate="cosine", random_state=0)
features = {
    "pixels": "passthrough",
    "one layer": DenoisingAutoencoder(256, corruption_level=0.25, loss="log_loss", **training),
    "three layers": StackedDenoisingAutoencoder(
        (256, 128, 128),
        corruption_level=0.25,
        loss="log_loss",
        output_layers="all",
        **training,
    ),
}
errors = {}
for name, coder in features.items():
    model = make_pipeline(
        coder, StandardScaler(), LogisticRegression(C=0.01, tol=1e-3, max_iter=200)
    )
    errors[name] = 1 - model.fit(X_train, y_train).score(X_test, y_test)

# %%

figure, axis = plt.subplots(figsize=(6.2, 2.3))
bars = axis.barh(list(errors), [100 * e for e in errors.values()], color=["C5", "C0", "C0"])
axis.bar_label(bars, fmt=" %.1f %%", fontsize=9)
axis.invert_yaxis()
axis.set_xlabel("test error of a logistic regression, %")
axis.set_title(f"{len(X_test):,} rotated digits; 95 % intervals are about +-"
               f"{100 * 1.96 * np.sqrt(0.2 * 0.8 / len(X_test)):.1f} points")  # fmt: skip
plt.show()

# %%
# The pipeline is an estimator like any other: it can be searched, saved and shown.

model
