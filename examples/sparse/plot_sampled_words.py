"""
Words at the cost of the words
==============================

A text of 60 words out of 20,000 has 19,940 zeros. Encoding skips them; decoding cannot, unless
only a part of the outputs is asked for. `reconstruction_sampling` reconstructs the words of a
text and a few others, weighted so that the gradient is right on average (Dauphin et al. 2011).
"""

# %%
# 1,000 texts, generated: 10 topics of 200 words each, and 18,000 words that belong to no topic.

import time

import matplotlib.pyplot as plt
import numpy as np
from scipy import sparse
from sklearn.metrics import adjusted_rand_score

from dae import DenoisingAutoencoder

TEXTS, WORDS, TOPICS = 1000, 20_000, 10
rng = np.random.default_rng(0)
topic = rng.integers(0, TOPICS, TEXTS)
rows, columns = [], []
for text in range(TEXTS):
    own = 200 * topic[text] + rng.integers(0, 200, 40)
    common = rng.integers(200 * TOPICS, WORDS, 20)
    words = np.unique(np.concatenate([own, common]))
    rows.append(np.full(len(words), text))
    columns.append(words)
rows, columns = np.concatenate(rows), np.concatenate(columns)
X = sparse.csr_array((np.ones(len(rows), "float32"), (rows, columns)), shape=(TEXTS, WORDS))

# %%
# Two fits that differ in `reconstruction_sampling` only. The time of the first grows with the
# number of words that there are, that of the second with the number of words in a text.

settings = dict(n_components=64, activation="logistic", loss="log_loss", corruption_level=0.3)
settings |= dict(learning_rate_init=0.005, max_iter=8, tol=None, random_state=0)
fits = {"all outputs": None, "sampled, 1 zero per word": 1.0}
seconds, models = {}, {}
for name, sampling in fits.items():
    started = time.perf_counter()
    models[name] = DenoisingAutoencoder(reconstruction_sampling=sampling, **settings).fit(X)
    seconds[name] = time.perf_counter() - started
    print(f"{name:<26}{seconds[name]:.1f} s")

# %%
# Both find the topics: similarity of the codes, texts sorted by topic.

from sklearn.cluster import KMeans

order = np.argsort(topic, kind="stable")[::8]
figure, axes = plt.subplots(1, 2, figsize=(8.6, 4.3))
for axis, (name, model) in zip(axes, models.items(), strict=True):
    codes = model.transform(X)
    labels = KMeans(TOPICS, n_init=5, random_state=0).fit_predict(codes)
    codes = codes - codes.mean(axis=0)
    codes = codes / np.linalg.norm(codes, axis=1, keepdims=True)
    axis.imshow(codes[order] @ codes[order].T, cmap="viridis", vmin=-0.2, vmax=1)
    agreement = adjusted_rand_score(topic, labels)
    axis.set_title(f"{name}: {seconds[name]:.1f} s\nk-means finds the topics: {agreement:.2f}")
    axis.set_axis_off()
figure.suptitle("Cosines of codes, texts sorted by topic")
plt.show()
