"""`transform` of sparse rows beside that of the same rows dense: 20 Newsgroups, 256 units."""

from __future__ import annotations

import numpy as np

from bench.sparse import speed, table
from bench.timing import in_turn, per_call, ratios, spread
from dae import DenoisingAutoencoder

ROWS = (100, 2000)  # at a time


def run(quick: bool = False) -> dict:
    X = speed.texts()[:2000]
    dae = DenoisingAutoencoder(256, activation="logistic", max_iter=1, tol=None, random_state=0)
    dae.fit(X[:200])
    results = []
    for n_rows in ROWS:
        part = X[:n_rows]
        dense = part.toarray()
        np.testing.assert_allclose(dae.transform(part), dae.transform(dense), atol=1e-5)
        tasks = {
            "dense": per_call(lambda dense=dense: dae.transform(dense), 0.1 if quick else 0.5),
            "CSR": per_call(lambda part=part: dae.transform(part), 0.1 if quick else 0.5),
        }
        results.append({"rows": n_rows, "seconds": in_turn(tasks, 1 if quick else 7)})
    return {"entries": X.nnz / X.shape[0], "measured": results}


def text(result: dict) -> str:
    rows = []
    for measured in result["measured"]:
        n_rows, seconds = measured["rows"], measured["seconds"]
        faster = spread(ratios(seconds["dense"], seconds["CSR"]))[0]
        rates = [f"{n_rows / np.median(seconds[name]):,.0f}" for name in ("dense", "CSR")]
        rows.append([f"{n_rows:,}", *rates, f"{faster:.1f}x"])
    return table.markdown(
        f"`transform` of texts of 10,000 words, {result['entries']:.0f} in a text, 256 logistic "
        f"units, float32, samples per second; {table.machine_of(result)}.",
        ["rows at a time", "dense", "CSR", "CSR over dense"],
        rows,
    )
