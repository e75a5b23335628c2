"""The tables, as Markdown."""

from __future__ import annotations

import numpy as np

from bench.imputation.cells import MECHANISMS
from bench.imputation.rivals import IMPUTERS

FAST = [name for name in IMPUTERS if name != "extra trees"]


def report(result: dict) -> str:
    environment, results = result["environment"], result["results"]
    lines = [
        "RMSE on hidden cells, columns scaled to [0, 1]; means over seeds 0 and 1 (extra trees: "
        "seed 0, tables of at most 25 columns and 2,500 rows; ridge: at most 40 columns). CPU "
        "seconds of fit and transform in brackets, one thread. Settings "
        f"as they come; 20 extra trees, 3 rounds. {environment['cpu']}; {environment['date']}.",
    ]
    by_wall = sorted({r["imputer"] for r in results if r.get("clock") != "CPU"})
    if by_wall:
        lines[0] += (
            f" Of {', '.join(by_wall)} the results are those of an earlier run, their seconds by "
            "the wall clock of a machine shared with other work: an order of magnitude."
        )
    for mechanism in MECHANISMS:
        lines += ["", f"## {mechanism}", "", "| table | " + " | ".join(IMPUTERS) + " |"]
        lines.append("| --- |" + " --- |" * len(IMPUTERS))
        ranks: dict[str, list[int]] = {name: [] for name in FAST}
        wins = dict.fromkeys(IMPUTERS, 0)
        contests = dict(wins)
        for table in sorted({row["table"] for row in results}):
            mine = [r for r in results if (r["table"], r["mechanism"]) == (table, mechanism)]
            if not mine:
                continue
            means = {
                name: (
                    float(np.mean([r["rmse"] for r in mine if r["imputer"] == name])),
                    float(np.mean([r["seconds"] for r in mine if r["imputer"] == name])),
                )
                for name in IMPUTERS
                if any(r["imputer"] == name for r in mine)
            }
            best = min(means, key=lambda name: means[name][0])
            cells = []
            for name in IMPUTERS:
                if name not in means:
                    cells.append("-")
                    continue
                text = f"{means[name][0]:.3f}"
                cells.append(f"**{text}**" if name == best else text)
                cells[-1] += f" ({means[name][1]:.1f})"
                contests[name] += 1
                wins[name] += means["dae"][0] < means[name][0]
            there = sorted((name for name in FAST if name in means), key=lambda n: means[n][0])
            if len(there) == len(FAST):
                for name in FAST:
                    ranks[name].append(there.index(name) + 1)
            shape = mine[0]["shape"]
            lines.append(f"| {table} {shape[0]} x {shape[1]} | " + " | ".join(cells) + " |")
        mean_ranks = ", ".join(
            f"{name} {np.mean(each):.2f}" for name, each in ranks.items() if each
        )
        ahead = ", ".join(
            f"{name} {wins[name]} of {contests[name]}"
            for name in IMPUTERS
            if name != "dae" and contests[name]
        )
        lines += [
            "",
            f"Mean rank without extra trees, where all ran: {mean_ranks}. dae is ahead of {ahead}.",
        ]
    return "\n".join(lines)
