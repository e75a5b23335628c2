"""The tables, as Markdown."""

from __future__ import annotations

import numpy as np

from bench.imputation.cells import MECHANISMS
from bench.imputation.rivals import IMPUTERS

Figures = dict[str, dict[int, dict]]  # by imputer and seed


def report(result: dict) -> str:
    environment, results = result["environment"], result["results"]
    lines = [
        "RMSE on hidden cells, columns scaled to [0, 1]; means over seeds 0 and 1 (seed 0 alone: "
        "MIDAS2, imputify, and extra trees on spam). CPU seconds of fit and transform in brackets, "
        "one thread. Settings as they come; 20 extra trees, 3 rounds; of MIDAS2 the mean of ten "
        f"imputations. {environment['cpu']}; {environment['date']}.",
    ]
    for mechanism in MECHANISMS:
        tables = {}
        for row in results:
            if row["mechanism"] == mechanism:
                figures: Figures = tables.setdefault(row["table"], {})
                figures.setdefault(row["imputer"], {})[row["seed"]] = row
        lines += _section(mechanism, dict(sorted(tables.items())))
    return "\n".join(lines)


def _section(mechanism: str, tables: dict[str, Figures]) -> list[str]:
    names = [name for name in IMPUTERS if any(name in figures for figures in tables.values())]
    lines = ["", f"## {mechanism}", "", "| table | " + " | ".join(names) + " |"]
    lines.append("| --- |" + " --- |" * len(names))
    for table, figures in tables.items():
        rows, columns = figures["dae"][0]["shape"]
        best = min(figures, key=lambda name: _mean(figures[name], "rmse"))
        cells = []
        for name in names:
            if name not in figures:
                cells.append("-")
                continue
            text = f"{_mean(figures[name], 'rmse'):.3f}"
            cells.append(f"**{text}**" if name == best else text)
            cells[-1] += f" ({_mean(figures[name], 'seconds'):.1f})"
        lines.append(f"| {table} {rows} x {columns} | " + " | ".join(cells) + " |")
    whole = [figures for figures in tables.values() if len(figures) == len(names)]
    ranks = {name: np.mean([_rank(figures, name) for figures in whole]) for name in names}
    mean_ranks = ", ".join(f"{name} {rank:.2f}" for name, rank in ranks.items())
    ahead = []
    for name in names:
        met = [figures for figures in tables.values() if name in figures]
        wins = sum(_is_ahead(figures, "dae", name) for figures in met)
        if name != "dae":
            ahead.append(f"{name} on {wins} of {len(met)}")
    return [
        *lines,
        "",
        f"Mean rank on the {len(whole)} tables where all ran: {mean_ranks}. dae is ahead of "
        f"{', '.join(ahead)}.",
    ]


def _mean(seeds: dict[int, dict], figure: str) -> float:
    return float(np.mean([row[figure] for row in seeds.values()]))


def _is_ahead(figures: Figures, name: str, other: str) -> bool:
    """Whether its error is the smaller one, on the seeds of both."""
    both = figures[name].keys() & figures[other].keys()
    return bool(
        np.mean([figures[name][seed]["rmse"] for seed in both])
        < np.mean([figures[other][seed]["rmse"] for seed in both])
    )


def _rank(figures: Figures, name: str) -> int:
    return 1 + sum(_is_ahead(figures, other, name) for other in figures if other != name)
