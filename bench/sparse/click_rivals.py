"""What recommends beside this library: popularity, PureSVD, iALS, EASE, and PyTorch by hand.

Settings are those of the literature or of a search on the validation users; PyTorch's number of
epochs is chosen on them within its run.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import numpy as np
import scipy.sparse

from bench import machine


def top(Z: np.ndarray, given: scipy.sparse.csr_array) -> np.ndarray:
    """The 100 films with the highest Z that are not given."""
    Z = np.array(Z, copy=True)
    Z[given.nonzero()] = -np.inf
    return np.argsort(-Z, axis=1, kind="stable")[:, :100]


def popularity(train, given) -> np.ndarray:
    counts = np.asarray(train.sum(axis=0)).ravel()
    return top(np.broadcast_to(counts, given.shape), given)


def pure_svd(train, given, n_components: int = 50) -> np.ndarray:
    _, _, V = scipy.sparse.linalg.svds(train.astype(np.float64), n_components, random_state=0)
    return top((given @ V.T) @ V, given)


def ease(train, given, weight: float = 800.0) -> np.ndarray:
    """Embarrassingly shallow autoencoder (Steck 2019), eq. 8."""
    G = (train.T @ train).toarray().astype(np.float64)
    G[np.diag_indices_from(G)] += weight
    P = np.linalg.inv(G)
    B = P / -np.diag(P)
    B[np.diag_indices_from(B)] = 0
    return top(given @ B, given)


def ials(train, given) -> np.ndarray:
    """Implicit's alternating least squares (Hu, Koren & Volinsky 2008)."""
    from implicit.als import AlternatingLeastSquares  # codespell:ignore als

    model = AlternatingLeastSquares(64, regularization=10.0, alpha=4.0, random_state=0)
    model.fit(scipy.sparse.csr_matrix(train), show_progress=False)
    users = np.arange(given.shape[0])
    rows = scipy.sparse.csr_matrix(given)
    ranked, _ = model.recommend(
        users, rows, N=100, filter_already_liked_items=True, recalculate_user=True
    )
    return ranked


class TorchNetwork:
    """I-200-I of Liang et al. (2018) as users write it: dense batches, Adam."""

    def __init__(self, train, batch_size: int = 500, n_components: int = 200) -> None:
        import torch

        torch.manual_seed(0)
        self.torch, self.train, self.batch_size = torch, train, batch_size
        n = train.shape[1]
        self.network = torch.nn.Sequential(
            torch.nn.Dropout(0.5), torch.nn.Linear(n, n_components), torch.nn.Tanh(),
            torch.nn.Linear(n_components, n),
        )  # fmt: skip
        for layer in (self.network[1], self.network[3]):
            torch.nn.init.xavier_normal_(layer.weight)
        self.optimizer = torch.optim.Adam(self.network.parameters(), 1e-3, weight_decay=2e-5)
        self.random = np.random.default_rng(0)

    def logits(self, rows):
        x = self.torch.tensor(rows.toarray())
        return x, self.network(self.torch.nn.functional.normalize(x))

    def epoch(self) -> None:
        self.network.train()
        order = self.random.permutation(self.train.shape[0])
        for start in range(0, len(order), self.batch_size):
            x, a = self.logits(self.train[order[start : start + self.batch_size]])
            loss = -(self.torch.log_softmax(a, 1) * x).sum(1).mean()
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()

    def rank(self, given) -> np.ndarray:
        self.network.eval()
        with self.torch.no_grad():
            return top(self.logits(given)[1].numpy(), given)


def torch_epoch(train) -> Callable[[], float] | None:
    """Seconds of one epoch, on all cores."""
    try:
        network = TorchNetwork(train)
    except ImportError:
        return None
    machine.set_torch_threads(os.cpu_count() or 1)

    def measured() -> float:
        started = time.perf_counter()
        network.epoch()
        return time.perf_counter() - started

    return measured


def by_torch(clicks, epochs: int) -> dict:
    """The epoch is chosen on the validation users."""
    network, seconds, best = TorchNetwork(clicks.train), 0.0, None
    for epoch in range(1, epochs + 1):
        started = time.process_time()
        network.epoch()
        seconds += time.process_time() - started
        if epoch % 5 and epoch < epochs:
            continue
        judged = _scores(network.rank(clicks.given["validation"]), clicks, "validation")["ndcg@100"]
        if best is None or judged > best[0]["validation"]:
            best = (
                {"seconds": seconds, "validation": judged, "epoch": epoch},
                network.rank(clicks.given["test"]),
            )
    assert best is not None
    return best[0] | _scores(best[1], clicks, "test")


def vaecf(train, given) -> np.ndarray:
    """Cornac's variational autoencoder, as wide as the networks beside it; the rest as it comes."""
    import torch
    from cornac.data import Dataset
    from cornac.models import VAECF

    users, films = train.nonzero()
    pairs = zip(users.tolist(), films.tolist(), [1.0] * len(users), strict=True)
    known = Dataset.from_uir(list(pairs), seed=0)
    model = VAECF(k=200, autoencoder_structure=[200], likelihood="mult", seed=0)
    model.fit(known)
    # Cornac numbers films in the order in which it meets them; films of no user rank last
    columns = np.array(list(known.iid_map))
    with torch.no_grad():
        mean, _ = model.vae.encode(torch.tensor(given[:, columns].toarray()))
        Z = np.zeros(given.shape, np.float32)
        Z[:, columns] = model.vae.decode(mean).numpy()
    return top(Z, given)


def _scores(ranked: np.ndarray, clicks, part: str) -> dict[str, float]:
    from bench.sparse.clicks import scores

    return scores(ranked, clicks.hidden[part])


RIVALS: dict[str, Callable] = {
    "popularity": popularity,
    "PureSVD, 50 factors": pure_svd,
    "iALS (implicit), 64 factors": ials,
    "EASE": ease,
    "VAECF (Cornac), I-200-200-I": vaecf,
    "PyTorch by hand, I-200-I": by_torch,
}


def judge(rival: Callable, clicks, *, quick: bool) -> dict | None:
    """Scores of the test users, NDCG of the validation users, seconds; None without its package."""
    try:
        if rival is by_torch:
            return by_torch(clicks, 2 if quick else 150)
        started = time.process_time()
        both = scipy.sparse.vstack([clicks.given["validation"], clicks.given["test"]], format="csr")
        ranked = rival(clicks.train, both)
        seconds = time.process_time() - started
    except ImportError:
        return None
    middle = clicks.given["validation"].shape[0]
    return {
        "seconds": seconds,
        "validation": _scores(ranked[:middle], clicks, "validation")["ndcg@100"],
        **_scores(ranked[middle:], clicks, "test"),
    }
