"""MovieLens 1M: which films will held-out users like, given four fifths of those they like?

Strong generalisation, the protocol of Liang et al. (WWW 2018): ratings of 4 and more, users with
at least 5; 600 users to test, 600 to choose settings, a fifth of their films hidden. Recall is
divided by min(k, hidden films). The settings of `TRIED` are what was searched, on validation users
alone; test users are looked at once, by `run`. `click_rivals` has what is beside it.

The public split of LCFN (`split_lcf`) hides films of users who are trained on; the settings are
those chosen above.
"""

from __future__ import annotations

import gzip
import time
from dataclasses import dataclass

import numpy as np
import scipy.sparse

from bench import data
from bench.sparse import click_rivals, table
from bench.timing import in_turn, ratios, spread
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


def load_lcf() -> tuple[scipy.sparse.csr_array, scipy.sparse.csr_array]:
    """Known and hidden films of the same users, a public split."""
    folder = data.folder("clicks/movielens1m") / "split_lcf"
    rows = []
    for part in ("train", "test"):
        with gzip.open(folder / f"{part}.txt.gz", "rt") as file:
            numbers = [[int(word) for word in line.split()] for line in file]
        rows.append({user: sorted(set(films)) for user, *films in numbers})
    n_users = 1 + max(max(part) for part in rows)
    n_films = 1 + max(film for part in rows for films in part.values() for film in films)
    train, test = (
        rows_of([np.array(part.get(user, []), int) for user in range(n_users)], n_films)
        for part in rows
    )
    return train, test


def rows_of(columns: list[np.ndarray], n_columns: int) -> scipy.sparse.csr_array:
    starts = np.concatenate([[0], np.cumsum([len(row) for row in columns])])
    indices = np.concatenate(columns)
    values = np.ones(len(indices), np.float32)
    return scipy.sparse.csr_array((values, indices, starts), shape=(len(columns), n_columns))


def scores(
    ranked: np.ndarray, hidden: scipy.sparse.csr_array, *, lcf: bool = False
) -> dict[str, float]:
    """Recall@20, Recall@50 and NDCG@100 of the 100 films that are ranked first for each user.

    With `lcf`, Recall@20 is divided by all hidden films and NDCG is that of 20 films, as in the
    papers that use that split.
    """
    recalls: dict[int, list[float]] = {20: []} if lcf else {20: [], 50: []}
    gains, depth = [], 20 if lcf else 100
    discount = 1 / np.log2(np.arange(2, depth + 2))
    for user, films in enumerate(ranked):
        truth = hidden[[user]].indices
        if not len(truth):
            continue
        hits = np.isin(films[:100], truth)
        for k, found in recalls.items():
            found.append(hits[:k].sum() / (len(truth) if lcf else min(k, len(truth))))
        best = discount[: min(depth, len(truth))].sum()
        gains.append((hits[:depth] * discount).sum() / best)
    named = {f"recall@{k}": float(np.mean(found)) for k, found in recalls.items()}
    return named | {f"ndcg@{depth}": float(np.mean(gains))}


def top(Z: np.ndarray, given: scipy.sparse.csr_array) -> np.ndarray:
    Z = Z.copy()
    Z[given.nonzero()] = -np.inf
    return np.argsort(-Z, axis=1, kind="stable")[:, :100]


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
        "learning_rate": "cosine",
        "learning_rate_init": 3e-3,
        "batch_size": 200,
        "alpha": 1e-3,
        "tol": None,
        "max_iter": 40,
        "random_state": 0,
    } | settings)  # fmt: skip


# Each is tried as one model, on validation users.
TRIED: list[dict] = [
    {},
    {"learning_rate": "constant", "learning_rate_init": 1e-3, "max_iter": 60},
    {"learning_rate_init": 5e-3, "max_iter": 25},
    {"activation": "identity"},
    {"activation": "logistic"},
    {"tied_weights": False},
    {"corruption_level": 0.2},
    {"corruption_level": 0.35},
    {"corruption_level": 0.35, "n_components": 400},
    {"corruption_level": 0.65},
    {"alpha": 3e-3},
    {"n_components": 400},
    {"n_components": 400, "alpha": 2e-3},
    {"emphasis": (1, 0.3)},
]
MEMBERS = 5  # of the best setting, from as many random states: their log-probabilities are averaged


def logarithms(fitted: DenoisingAutoencoder, given: scipy.sparse.csr_array) -> np.ndarray:
    return np.log(np.maximum(fitted.reconstruct(given), 1e-30))


def judge(
    train: scipy.sparse.csr_array,
    given: scipy.sparse.csr_array,
    hidden: scipy.sparse.csr_array,
    settings: dict,
    *,
    members: int = 1,
    lcf: bool = False,
) -> dict:
    """Scores, and seconds of training."""
    seconds, sums = 0.0, np.zeros((), np.float32)
    for seed in range(members):
        started = time.perf_counter()
        fitted = model(**settings, random_state=seed).fit(train)
        seconds += time.perf_counter() - started
        sums = sums + logarithms(fitted, given)
    found = scores(click_rivals.top(sums, given), hidden, lcf=lcf)
    return {"settings": settings, "members": members, "seconds": seconds, **found}


def epoch_task(train: scipy.sparse.csr_array):
    fitted = model(n_components=200, batch_size=500)
    fitted.partial_fit(train)

    def measured() -> float:
        started = time.perf_counter()
        fitted.partial_fit(train)
        return time.perf_counter() - started

    return measured


def run(quick: bool = False) -> dict:
    clicks = load()
    validation = (clicks.train, clicks.given["validation"], clicks.hidden["validation"])
    test = (clicks.train, clicks.given["test"], clicks.hidden["test"])
    quickly = {"max_iter": 1} if quick else {}
    tried = []
    for settings in TRIED[: 1 if quick else None]:
        tried.append(judge(*validation, settings | quickly))
        print(tried[-1], flush=True)
    best = max(tried, key=lambda one: one["ndcg@100"])["settings"]
    fast = [one for one in tried if one["seconds"] < 20] or tried
    fast_best = max(fast, key=lambda one: one["ndcg@100"])["settings"]
    results = {
        "dae, within 20 s": judge(*test, fast_best),
        "dae, best": judge(*test, best),
        f"dae, {MEMBERS} of the best": judge(*test, best, members=MEMBERS),
    }
    for name, rival in click_rivals.RIVALS.items():
        found = click_rivals.judge(rival, clicks, quick=quick)
        if found is not None:
            results[name] = found | scores(found.pop("ranked"), clicks.hidden["test"])
            print(name, results[name], flush=True)
    train, hidden = load_lcf()
    lcf = {
        "dae, best": judge(train, train, hidden, best, lcf=True),
        f"dae, {MEMBERS} of the best": judge(train, train, hidden, best, members=MEMBERS, lcf=True),
    }
    started = time.perf_counter()
    ranked = click_rivals.ease(train, train)
    lcf["EASE"] = {"seconds": time.perf_counter() - started, **scores(ranked, hidden, lcf=True)}
    tasks = {"dae": epoch_task(clicks.train)}
    torch_epoch = click_rivals.torch_epoch(clicks.train)
    if torch_epoch is not None:
        tasks["PyTorch by hand"] = torch_epoch
    return {
        "shape": list(clicks.train.shape),
        "entries": int(clicks.train.nnz),
        "validation": tried,
        "test": results,
        "lcf": lcf,
        "epoch": in_turn(tasks, 1 if quick else 7),
    }


def text(result: dict) -> str:
    """Test users, with the settings that were best on the validation users."""
    n_users = f"{result['shape'][0]:,}"
    lines = [
        _table(
            f"MovieLens 1M, ratings of 4 and more, {n_users} users to learn from, 600 to test; "
            f"{table.machine_of(result)}. {len(result['validation'])} settings were tried on 600 "
            "other users.",
            result["test"],
            ("recall@20", "recall@50", "ndcg@100"),
        ),
        "",
        _table(
            "The same data, the public split of LCFN, settings as above (published: UltraGCN "
            "Recall@20 .2787, NDCG@20 .2642).",
            result["lcf"],
            ("recall@20", "ndcg@20"),
        ),
        "",
    ]
    epoch = result["epoch"]
    line = ", ".join(f"{name} {np.median(taken):.2f} s" for name, taken in epoch.items())
    if len(epoch) > 1:
        faster = spread(ratios(epoch["PyTorch by hand"], epoch["dae"]))[0]
        line += f" ({faster:.1f}x)"
    lines.append(f"An epoch of I-200-I, batches of 500, in turn: {line}.")
    settings = result["test"]["dae, best"]["settings"]
    lines.append("Best setting: " + ", ".join(f"{k}={v!r}" for k, v in settings.items()) + ".")
    return "\n".join(lines)


def _table(caption: str, rows: dict[str, dict], names: tuple[str, ...]) -> str:
    return table.markdown(
        caption,
        ["", *(name.replace("recall", "Recall").replace("ndcg", "NDCG") for name in names),
         "seconds of training"],
        [
            [name, *(f"{row[score]:.4f}" for score in names), f"{row['seconds']:.1f}"]
            for name, row in rows.items()
        ],
    )  # fmt: skip
