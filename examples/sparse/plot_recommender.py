"""
A recommender for clicks
========================

A table of who has clicked what is mostly zeros. The multinomial denoising autoencoder of Liang et
al. (2018) hides half of each row's clicks and learns to name the others; `top_features` returns
what a row does not have yet, without making a dense array of all scores.
"""

# %%
# 3,000 people and 400 articles of eight subjects, made up: everybody cares for one to three
# subjects, and some articles are more popular than others.

import matplotlib.pyplot as plt
import numpy as np
from scipy import sparse
from sklearn.decomposition import TruncatedSVD

from dae import DenoisingAutoencoder

PEOPLE, ARTICLES, SUBJECTS = 3000, 400, 8
rng = np.random.default_rng(0)
subject = np.sort(rng.integers(0, SUBJECTS, ARTICLES))
popularity = rng.pareto(1.5, ARTICLES) + 0.2
taste = np.zeros((PEOPLE, SUBJECTS))
for person in taste:
    liked = rng.choice(SUBJECTS, rng.integers(1, 4), replace=False)
    person[liked] = rng.dirichlet(np.ones(len(liked)))
chance = (0.97 * taste[:, subject] + 0.03 / SUBJECTS) * popularity
chance /= chance.sum(axis=1, keepdims=True)
clicks = np.zeros((PEOPLE, ARTICLES), dtype="float32")
for person, row in zip(clicks, chance, strict=True):
    person[rng.choice(ARTICLES, rng.integers(8, 30), replace=False, p=row)] = 1

# %%
# A fifth of the clicks of 500 people is hidden; the others are for training.

test = clicks[:500]
hidden = (test > 0) & (rng.random(test.shape) < 0.2)
shown = sparse.csr_array(np.where(hidden, 0, test))
train = sparse.csr_array(clicks[500:])

model = DenoisingAutoencoder(
    32,
    activation="tanh",
    loss="multinomial",
    corruption_level=0.5,
    input_norm="l2",
    max_iter=60,
    tol=None,
    random_state=0,
).fit(train)
recommended, _ = model.top_features(shown, 10)

# %%
# How many of the hidden clicks are among the ten recommended articles, beside the most popular
# articles and a truncated SVD?


def best_new(scores, k=10):
    return np.argsort(-np.where(shown.toarray() > 0, -np.inf, scores), axis=1)[:, :k]


svd = TruncatedSVD(16, random_state=0).fit(train)
methods = {
    "most popular": best_new(np.tile(np.asarray(train.sum(axis=0)).ravel(), (500, 1))),
    "truncated SVD, rank 16": best_new(svd.inverse_transform(svd.transform(shown))),
    "denoising autoencoder": recommended,
}
recall = {}
for name, columns in methods.items():
    found = np.take_along_axis(hidden, columns, axis=1).sum(axis=1)
    possible = np.minimum(hidden.sum(axis=1), 10)
    recall[name] = (found / np.maximum(possible, 1))[possible > 0].mean()

figure, axes = plt.subplots(1, 2, figsize=(10.2, 3.6), width_ratios=[2.3, 1], layout="constrained")
person = 4
scores = model.reconstruct(shown[[person]])[0]
axes[0].scatter(np.arange(ARTICLES), scores, s=12, c=subject, cmap="tab10")
known = shown[[person]].indices
axes[0].scatter(known, scores[known], s=60, fc="none", ec="black", label="clicked")
axes[0].scatter(
    recommended[person],
    scores[recommended[person]],
    marker="v",
    s=44,
    color="red",
    label="recommended",
)
axes[0].set_yscale("log")
axes[0].set_ylim(1e-5, None)
axes[0].set_xlabel("article, coloured by its subject")
axes[0].set_ylabel("reconstruction")
axes[0].set_title("One person")
axes[0].legend()
bars = axes[1].barh(list(recall), list(recall.values()), color=["C5", "C5", "C0"])
axes[1].bar_label(bars, fmt=" %.2f")
axes[1].invert_yaxis()
axes[1].set_xlim(0, 1.2 * max(recall.values()))
axes[1].set_title("Recall of hidden clicks in ten")
figure.suptitle("Clicks hidden, clicks found")
plt.show()
