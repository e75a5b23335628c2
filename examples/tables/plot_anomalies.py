"""
Anomalies, and the cell that is odd
===================================

`dae.DenoisingOutlierDetector` learns to predict masked cells of a row from the others. A row is odd
if its cells are not what the others let expect: the score is the mean error over masks that hide
every cell equally often, and `errors` says *where*. Columns come in their own units.
"""

# %%
# 250 benign samples to learn from; benign and malignant ones, which no training saw, to judge.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

from dae import DenoisingOutlierDetector

data = load_breast_cancer()
benign = data.target == 1
rng = np.random.default_rng(0)
normal = rng.permutation(np.flatnonzero(benign))[:250]
rest = np.setdiff1d(np.arange(len(data.data)), normal)

detector = DenoisingOutlierDetector(random_state=0).fit(data.data[normal])
forest = IsolationForest(random_state=0).fit(data.data[normal])
for name, model in (("dae", detector), ("IsolationForest", forest)):
    auc = roc_auc_score(benign[rest], model.score_samples(data.data[rest]))
    print(f"{name:<16} area under the ROC curve {auc:.3f}")

# %%
# A benign sample with one wrong cell: its smoothness ten times as large, a slip of the decimal
# point. The map shows the error of each cell, for this row and for others.

typo = data.data[rest[benign[rest]]][:8].copy()
typo[3, 4] *= 10
errors = detector.errors(typo)

oddness = -detector.score_samples(data.data[rest])
figure, axes = plt.subplots(2, 1, figsize=(9.2, 6), height_ratios=[1, 1.1])
bins = np.geomspace(oddness.min(), oddness.max(), 40)
axes[0].hist(oddness[benign[rest]], bins, alpha=0.7, label="benign")
axes[0].hist(oddness[~benign[rest]], bins, alpha=0.7, label="malignant")
axes[0].axvline(-detector.offset_, color="grey", ls="--", label="offset_")
axes[0].set_xscale("log")
axes[0].set_xlabel("mean error of masked cells")
axes[0].set_ylabel("rows")
axes[0].set_title("Rows that no training saw")
axes[0].legend()
picture = axes[1].imshow(np.log10(errors + 1e-2), cmap="magma", aspect="auto")
axes[1].set_xticks(range(30), data.feature_names, rotation=90, fontsize=7)
axes[1].set_yticks(range(8), [f"row {n}" for n in range(8)])
arrow = dict(color="white", width=1, headwidth=6)
axes[1].annotate("the wrong cell", (4.5, 3), (9.5, 1), color="white", arrowprops=arrow)
axes[1].set_title("Error of each cell, logarithm")
figure.colorbar(picture, ax=axes[1])
plt.show()

# %%
# The cell with the largest error:

row, column = np.unravel_index(errors.argmax(), errors.shape)
print(f"row {row}, {data.feature_names[column]}")
