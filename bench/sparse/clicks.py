"""MovieLens 1M: which films will held-out users like, given four fifths of those they like?

Strong generalisation, the protocol of Liang et al. (WWW 2018): ratings of 4 and more, users with
at least 5; 600 users to test, 600 to choose settings, a fifth of their films hidden. Recall is
divided by min(k, hidden films). Beside it: popularity and EASE (Steck, WWW 2019).
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import scipy.sparse

from bench import data
from dae import DenoisingAutoencoder

HELD = 600  # users to test, and as many to choose by


@dataclass
class Clicks:
    """Users as rows, films as columns; the held-out ones in two parts."""

    train: scipy.sparse.csr_array
    given: dict[str, scipy.sparse.csr_array]
    hidden: dict[str, scipy.sparse.csr_array]


def load() -> Clicks:
    with np.load(data.folder("clicks/movielens1m") / "pairs.npz") as file:
        liked = file["rating"] >= 4
        users, films = file["user_id"][liked], file["movie_id"][liked]
    often = np.bincount(users) >= 5
    kept = often[users]
    _, users = np.unique(users[kept], return_inverse=True)
    _, films = np.unique(films[kept], return_inverse=True)
    n_users, n_films = users.max() + 1, films.max() + 1
    X = scipy.sparse.csr_array(
        (np.ones(len(users), np.float32), (users, films)), shape=(n_users, n_films)
    )
    random = np.random.RandomState(98765)
    order = random.permutation(n_users)
    parts = {"validation": order[-2 * HELD : -HELD], "test": order[-HELD:]}
    given, hidden = {}, {}
    for name, part in parts.items():  # validation users are drawn for first
        rows = [X[[user]].indices for user in part]
        left_out = [random.choice(len(row), len(row) // 5, replace=False) for row in rows]
        masks = [np.isin(np.arange(len(row)), out) for row, out in zip(rows, left_out, strict=True)]
        for kind, sign in ((given, False), (hidden, True)):
            chosen = [row[mask == sign] for row, mask in zip(rows, masks, strict=True)]
            kind[name] = rows_of(chosen, n_films)
    return Clicks(X[order[: -2 * HELD]], given, hidden)


def rows_of(columns: list[np.ndarray], n_columns: int) -> scipy.sparse.csr_array:
    starts = np.concatenate([[0], np.cumsum([len(row) for row in columns])])
    indices = np.concatenate(columns)
    values = np.ones(len(indices), np.float32)
    return scipy.sparse.csr_array((values, indices, starts), shape=(len(columns), n_columns))


def scores(ranked: np.ndarray, hidden: scipy.sparse.csr_array) -> dict[str, float]:
    """Recall@20, Recall@50 and NDCG@100 of the 100 films that are ranked first for each user."""
    recalls: dict[int, list[float]] = {20: [], 50: []}
    gains = []
    discount = 1 / np.log2(np.arange(2, 102))
    for user, films in enumerate(ranked):
        truth = hidden[[user]].indices
        if not len(truth):
            continue
        hits = np.isin(films[:100], truth)
        for k, found in recalls.items():
            found.append(hits[:k].sum() / min(k, len(truth)))
        gains.append((hits * discount).sum() / discount[: min(100, len(truth))].sum())
    return {
        "recall@20": float(np.mean(recalls[20])),
        "recall@50": float(np.mean(recalls[50])),
        "ndcg@100": float(np.mean(gains)),
    }


def top(Z: np.ndarray, given: scipy.sparse.csr_array) -> np.ndarray:
    Z = Z.copy()
    Z[given.nonzero()] = -np.inf
    return np.argsort(-Z, axis=1, kind="stable")[:, :100]


# ------------------------------------------------------------------ rivals


def popularity(clicks: Clicks, given: scipy.sparse.csr_array) -> np.ndarray:
    counts = np.asarray(clicks.train.sum(axis=0)).ravel()
    return top(np.broadcast_to(counts, given.shape), given)


def ease(clicks: Clicks, given: scipy.sparse.csr_array, weight: float = 800.0) -> np.ndarray:
    """Embarrassingly shallow autoencoder (Steck 2019), eq. 8."""
    G = (clicks.train.T @ clicks.train).toarray().astype(np.float64)
    G[np.diag_indices_from(G)] += weight
    P = np.linalg.inv(G)
    B = P / -np.diag(P)
    B[np.diag_indices_from(B)] = 0
    return top(given @ B, given)


# ------------------------------------------------------------------ this library


def model(**settings) -> DenoisingAutoencoder:
    """The multinomial denoising autoencoder of Liang et al. (2018), with tied weights."""
    return DenoisingAutoencoder(**{
        "n_components": 200,
        "corruption": "masking",
        "corruption_level": 0.5,
        "activation": "tanh",
        "loss": "multinomial",
        "input_norm": "l2",
        "learning_rate_init": 1e-3,
        "batch_size": 100,
        "alpha": 1e-3,
        "tol": None,
        "max_iter": 40,
        "random_state": 0,
    } | settings)  # fmt: skip


GRID = [
    {"n_components": size, "max_iter": epochs, "alpha": alpha}
    for size in (200, 400)
    for epochs in (30, 50)
    for alpha in (3e-4, 1e-3, 3e-3)
]


def judge(clicks: Clicks, part: str, **settings) -> dict:
    started = time.perf_counter()
    fitted = model(**settings).fit(clicks.train)
    seconds = time.perf_counter() - started
    ranked, _ = fitted.top_features(clicks.given[part], 100)
    return {"settings": settings, "seconds": seconds, **scores(ranked, clicks.hidden[part])}


def run(quick: bool = False) -> dict:
    clicks = load()
    tried = [judge(clicks, "validation", **settings) for settings in (GRID[:1] if quick else GRID)]
    for result in tried:
        print(result, flush=True)
    best = max(tried, key=lambda result: result["ndcg@100"])
    rivals = {}
    for name, function in (("popularity", popularity), ("EASE", ease)):
        started = time.perf_counter()
        ranked = function(clicks, clicks.given["test"])
        seconds = time.perf_counter() - started
        rivals[name] = {"seconds": seconds, **scores(ranked, clicks.hidden["test"])}
    return {
        "shape": list(clicks.train.shape),
        "entries": int(clicks.train.nnz),
        "validation": tried,
        "dae": judge(clicks, "test", **best["settings"]),
        "rivals": rivals,
    }
