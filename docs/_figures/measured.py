"""Measurements, drawn from the files in ``bench/results``."""

from __future__ import annotations

import math
from statistics import median

from bench import records

from _figures.canvas import Axes, Canvas

__all__ = ["columns"]

COLUMNS = records.FOLDER / "emerald_rapids" / "sparse_columns.json"
WHAT = {"step": "steps alone", "partial_fit": "partial_fit"}
SOLVERS = {"sgd": ("SGD", "blue"), "adam": ("Adam", "orange")}


def columns() -> Canvas:
    """Samples per second over the number of columns, and 1.5 times fewer than at the fewest."""
    result = records.read(COLUMNS)
    rates, slower = {}, {}
    for one in result["measured"]:
        line = one["solver"], one["what"]
        found = {math.log10(int(width)): by_round for width, by_round in one["rates"].items()}
        rates[line] = {width: median(by_round) for width, by_round in found.items()}
        # round by round, as in the table
        ends = zip(found[min(found)], found[max(found)], strict=True)
        slower[line] = median(narrow / wide for narrow, wide in ends)
    widths = sorted(next(iter(rates.values())))
    most = 25_000 * math.ceil(max(max(found.values()) for found in rates.values()) / 25_000)
    c = Canvas(700, 290)
    for n, (what, words) in enumerate(WHAT.items()):
        axes = Axes(c, (62 + 336 * n, 34, 250, 196), (widths[0], widths[-1]), (0, most))
        axes.cross(widths[0])
        left, right = axes.place(widths[0], 0)[0], axes.place(widths[-1], 0)[0]
        c.text((left + right) / 2, 18, words)
        for rate in range(50_000, most + 1, 50_000):
            y = axes.place(widths[0], rate)[1]
            c.line((left, y), (right, y), "faint", 0.6)
            c.text(left - 6, y + 4, f"{rate:,}", size=11, at="end", style="muted")
        for width in widths:
            c.text(axes.place(width, 0)[0], 246, f"{10**width:,.0f}", size=11, style="muted")
        for solver, (name, style) in SOLVERS.items():
            found = rates[solver, what]
            points = [axes.place(width, found[width]) for width in widths]
            c.path(points, f"{style} open")
            for x, y in points:
                c.circle(x, y, 3.5, style)
            # as far as 1.5 times slower than the narrowest
            y = axes.place(widths[0], found[widths[0]] / 1.5)[1]
            c.line((left, y), (right, y), f"{style} open", 1, stroke_dasharray="4 4")
            x, y = points[-1]
            label = f"{name} {slower[solver, what]:.2f}x"
            c.text(x - 4, y + 18, label, size=12, at="end", style="words")
    c.text(350, 264, "columns", size=12, style="muted")
    c.text(
        350, 283, "samples per second; broken lines: 1.5 times slower than at the fewest columns",
        size=11, style="muted",
    )  # fmt: skip
    return c
