"""MovieLens 1M: which films will held-out users like, given four fifths of those they like?

Strong generalisation, the protocol of Liang et al. (WWW 2018): ratings of 4 and more, users with
at least 5; 600 users to test, 600 to choose settings, a fifth of their films hidden. Recall is
divided by min(k, hidden films). The settings of `TRIED` are what was searched, on validation users
alone; test users are looked at once, by `run`. `click_rivals` has what is beside it. Times are
processor times of one thread, so that a shared machine can tell, too.

The public split of LCFN (`split_lcf`) hides films of users who are trained on; the settings are
those chosen above.
"""

from __future__ import annotations

import gzip
import os
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


# Each is trained once and judged on validation users. The averages of the log-probabilities of the
# best two, three and so on are judged there, too. Worse on validation users, and no longer here:
# emphasis (1, 0.3), users of n films weighted by n ** -0.5, 20 epochs at a rate of 5e-3.
TRIED: list[dict] = [
    {},
    {"n_components": 400, "alpha": 2e-3, "max_iter": 30},
    {"n_components": 800, "alpha": 3e-3, "max_iter": 25},
    {"n_components": 800, "alpha": 4e-3, "max_iter": 25, "random_state": 1},
]


def trained(train: scipy.sparse.csr_array, settings: dict) -> tuple[DenoisingAutoencoder, float]:
    """Fitted; seconds of processor time."""
    fitted = model(**settings)
    started = time.process_time()
    fitted.fit(train)
    return fitted, time.process_time() - started


def logarithms(fitted: DenoisingAutoencoder, given: scipy.sparse.csr_array) -> np.ndarray:
    return np.log(np.maximum(fitted.reconstruct(given), 1e-30))


def averaged(parts: list[np.ndarray], given, hidden, *, lcf: bool = False) -> dict[str, float]:
    return scores(click_rivals.top(np.mean(parts, axis=0), given), hidden, lcf=lcf)


def train_all(clicks: Clicks, tried: list[dict]) -> tuple[list[dict], list[dict]]:
    """What was tried, best first, and the log-probabilities of each for held-out users."""
    found = []
    for settings in tried:
        fitted, seconds = trained(clicks.train, settings)
        logs = {part: logarithms(fitted, given) for part, given in clicks.given.items()}
        row = {"settings": settings, "seconds": seconds}
        row |= averaged(
            [logs["validation"]], clicks.given["validation"], clicks.hidden["validation"]
        )
        print(row, flush=True)
        found.append((row, logs))
    found.sort(key=lambda one: -one[0]["ndcg@100"])
    return [row for row, _ in found], [logs for _, logs in found]


def names(tried: list[dict], number: int) -> dict[str, list[int]]:
    """The rows of the tables, and which networks each averages, chosen on validation users."""
    fast = next((n for n, one in enumerate(tried) if one["seconds"] < 20), 0)
    found = {"dae, within 20 s": [fast], "dae, one network": [0]}
    return found if number == 1 else found | {f"dae, average of {number}": list(range(number))}


def judge(clicks: Clicks, tried: list[dict], logs: list[dict], members: list[int]) -> dict:
    """Test users, by the average of some networks; NDCG of the validation users beside it."""
    found = {
        part: averaged([logs[n][part] for n in members], clicks.given[part], clicks.hidden[part])
        for part in clicks.given
    }
    seconds = sum(tried[n]["seconds"] for n in members)
    return {"seconds": seconds, "validation": found["validation"]["ndcg@100"], **found["test"]}


def judge_lcf(tried: list[dict], rows: dict[str, list[int]]) -> dict[str, dict]:
    train, hidden = load_lcf()
    logs, seconds = {}, {}
    for n in sorted({n for members in rows.values() for n in members}):
        fitted, seconds[n] = trained(train, tried[n]["settings"])
        logs[n] = logarithms(fitted, train)
    results = {}
    for name, members in rows.items():
        found = averaged([logs[n] for n in members], train, hidden, lcf=True)
        results[name] = {"seconds": sum(seconds[n] for n in members), **found}
        print(name, results[name], flush=True)
    started = time.process_time()
    ranked = click_rivals.ease(train, train)
    results["EASE"] = {"seconds": time.process_time() - started}
    results["EASE"] |= scores(ranked, hidden, lcf=True)
    return results


def epoch_task(train: scipy.sparse.csr_array, matmul_precision: str):
    """Seconds of one epoch, on all cores."""
    fitted = model(
        n_components=200, batch_size=500, matmul_precision=matmul_precision, n_jobs=os.cpu_count()
    )
    fitted.partial_fit(train)

    def measured() -> float:
        started = time.perf_counter()
        fitted.partial_fit(train)
        return time.perf_counter() - started

    return measured


def run(quick: bool = False) -> dict:
    clicks = load()
    shorter = [one | {"max_iter": 1} for one in TRIED[:2]] if quick else TRIED
    tried, logs = train_all(clicks, shorter)
    given, hidden = clicks.given["validation"], clicks.hidden["validation"]
    averages = [
        averaged([one["validation"] for one in logs[:number]], given, hidden)["ndcg@100"]
        for number in range(1, len(logs) + 1)
    ]
    print("averages", averages, flush=True)
    number = 1 + int(np.argmax(averages))
    rows = names(tried, number)
    results = {name: judge(clicks, tried, logs, members) for name, members in rows.items()}
    print(results, flush=True)
    lcf = judge_lcf(tried, rows)
    for name, rival in click_rivals.RIVALS.items():
        found = click_rivals.judge(rival, clicks, quick=quick)
        if found is not None:
            results[name] = found
            print(name, results[name], flush=True)
    tasks = {
        "dae": epoch_task(clicks.train, "highest"),
        'dae, matmul_precision="medium"': epoch_task(clicks.train, "medium"),
    }
    torch_epoch = click_rivals.torch_epoch(clicks.train)
    if torch_epoch is not None:
        tasks["PyTorch by hand"] = torch_epoch
    return {
        "shape": list(clicks.train.shape),
        "entries": int(clicks.train.nnz),
        "tried": tried,
        "averages": averages,
        "test": results,
        "lcf": lcf,
        "epoch": in_turn(tasks, 1 if quick else 7),
    }


def text(result: dict) -> str:
    """Test users, with the settings that were best on the validation users."""
    n_users = f"{result['shape'][0]:,}"
    lines = [
        _table(
            f"MovieLens 1M, ratings of 4 and more, {n_users} users to learn from, 600 to test. "
            f"{len(result['tried'])} settings were tried on 600 other users (validation). "
            f"Processor time of one thread, shared machine; {result['environment']['cpu']}.",
            result["test"],
            ("recall@20", "recall@50", "ndcg@100", "validation"),
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
    torch = epoch.get("PyTorch by hand")
    lines += [
        table.markdown(
            "An epoch of I-200-I, batches of 500, in turn, all cores, wall time: median, and how "
            "many times faster than PyTorch.",
            ["", "seconds", "faster"],
            [
                [
                    name,
                    f"{np.median(taken):.3f}",
                    f"{spread(ratios(torch, taken))[0]:.1f}x" if torch else "",
                ]
                for name, taken in epoch.items()
            ],
        ),
        "",
        table.markdown(
            "All that was tried: what was changed in `model` of bench/sparse/clicks.py; NDCG@100 "
            "of validation users, alone and by the average of log-probabilities to that line.",
            ["changed", "alone", "average so far", "seconds"],
            [
                [
                    ", ".join(f"{k}={v!r}" for k, v in one["settings"].items()) or "nothing",
                    f"{one['ndcg@100']:.4f}",
                    f"{average:.4f}",
                    f"{one['seconds']:.1f}",
                ]
                for one, average in zip(result["tried"], result["averages"], strict=True)
            ],
        ),
    ]
    return "\n".join(lines)


HEADINGS = {
    "recall@20": "Recall@20",
    "recall@50": "Recall@50",
    "ndcg@20": "NDCG@20",
    "ndcg@100": "NDCG@100",
    "validation": "NDCG@100, validation",
}


def _table(caption: str, rows: dict[str, dict], names: tuple[str, ...]) -> str:
    return table.markdown(
        caption,
        ["", *(HEADINGS[name] for name in names), "seconds"],
        [
            [name, *(f"{row[score]:.4f}" for score in names), f"{row['seconds']:.1f}"]
            for name, row in rows.items()
        ],
    )  # fmt: skip
