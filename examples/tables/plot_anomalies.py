"""
Anomalies, and the cell that is odd
===================================

A network that has learned what measurements have to do with each other repairs an odd row towards
what would have been usual. The loss of a row says how odd it is, and the difference to its repaired
copy says *where*.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from dae import DenoisingAutoencoder

data = load_breast_cancer()
benign = data.target == 1
rng = np.random.default_rng(0)

# %%
# Trained on 250 benign samples. Fewer hidden units than columns: what is odd must not be copied.

normal = rng.permutation(np.flatnonzero(benign))[:250]
scaler = StandardScaler().fit(data.data[normal])
X = scaler.transform(data.data)
network = DenoisingAutoencoder(
    12, activation="tanh", corruption_level=0.2, max_iter=200, tol=None, random_state=0
).fit(X[normal])

rest = np.setdiff1d(np.arange(len(X)), normal)
oddness = -network.score_samples(X[rest])
auc = roc_auc_score(~benign[rest], oddness)
print(f"area under the ROC curve, malignant as the odd ones: {auc:.3f}")

# %%
# A benign sample with one wrong cell: its smoothness ten times as large, a slip of the decimal
# point. The map shows, for it and for others, the squared difference to the repaired row.

typo = data.data[rest[benign[rest]]][:8].copy()
typo[3, 4] *= 10
shown = scaler.transform(typo)
difference = (network.reconstruct(shown) - shown) ** 2

figure, axes = plt.subplots(2, 1, figsize=(9.2, 6), height_ratios=[1, 1.1])
bins = np.geomspace(oddness.min(), oddness.max(), 40)
axes[0].hist(oddness[benign[rest]], bins, alpha=0.7, label="benign")
axes[0].hist(oddness[~benign[rest]], bins, alpha=0.7, label="malignant")
axes[0].set_xscale("log")
axes[0].set_xlabel("loss of a row")
axes[0].set_ylabel("rows")
axes[0].set_title(f"Rows that no training saw: AUC {auc:.3f}")
axes[0].legend()
picture = axes[1].imshow(np.log10(difference + 1e-3), cmap="magma", aspect="auto")
axes[1].set_xticks(range(30), data.feature_names, rotation=90, fontsize=7)
axes[1].set_yticks(range(8), [f"row {n}" for n in range(8)])
axes[1].annotate(
    "the wrong cell", (4, 3), (9.5, 1), color="white", arrowprops=dict(color="white", width=1)
)
axes[1].set_title("Squared difference of each cell to the repaired row, logarithm")
figure.colorbar(picture, ax=axes[1])
plt.show()

# %%
# The cell with the largest difference:

row, column = np.unravel_index(difference.argmax(), difference.shape)
print(f"row {row}, {data.feature_names[column]}")
