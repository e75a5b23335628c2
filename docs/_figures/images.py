"""Pictures by patches, and the weights of filters that are designed by hand."""

from __future__ import annotations

import math
import random

from _figures.canvas import Canvas

__all__ = ["patches", "weights"]

SIDE = 15


def noisy_edge() -> list[list[float]]:
    """A slanted edge with noise, from 0 to 1."""
    draw = random.Random(1)
    rows = []
    for y in range(SIDE):
        row = []
        for x in range(SIDE):
            clean = 0.75 if x + 0.45 * y > 10.5 else 0.25
            row.append(min(max(clean + draw.gauss(0, 0.09), 0), 1))
        rows.append(row)
    return rows


def patch_distance(image: list[list[float]], a: tuple[int, int], b: tuple[int, int]) -> float:
    total = 0.0
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            one = image[(a[0] + dy) % SIDE][(a[1] + dx) % SIDE]
            total += (one - image[(b[0] + dy) % SIDE][(b[1] + dx) % SIDE]) ** 2
    return total / 9


def shown(c: Canvas, left: float, values: list[list[float]], style: str) -> None:
    """Values from 0 to 1 as the opacity of squares."""
    size = 10.5
    for y, row in enumerate(values):
        for x, value in enumerate(row):
            c.rect(
                left + size * x, 36 + size * y, size, size, style, fill_opacity=f"{value:.2f}",
                stroke_width=0,
            )  # fmt: skip
    c.rect(left, 36, size * SIDE, size * SIDE, "faint")
    c.rect(left + 7 * size, 36 + 7 * size, size, size, "ink", stroke_width=1.6)


def weights() -> Canvas:
    """How much each pixel counts for the one in the middle, by two filters; computed."""
    image, middle = noisy_edge(), (7, 7)
    bilateral = [[0.0] * SIDE for _ in range(SIDE)]
    means = [[0.0] * SIDE for _ in range(SIDE)]
    for y in range(SIDE):
        for x in range(SIDE):
            near = math.exp(-((y - 7) ** 2 + (x - 7) ** 2) / (2 * 3.0**2))
            alike = math.exp(-((image[y][x] - image[7][7]) ** 2) / (2 * 0.15**2))
            bilateral[y][x] = near * alike
            means[y][x] = math.exp(-patch_distance(image, middle, (y, x)) / 0.012)
    c = Canvas(720, 236)
    panels = [
        ("a noisy edge", image, "shade", "the framed pixel is to be cleaned"),
        ("bilateral filter", bilateral, "blue", "near, and of a similar value"),
        ("non-local means", means, "blue", "anywhere, if its patch is similar"),
    ]
    for n, (title, values, style, words) in enumerate(panels):
        left = 38 + 243 * n
        shown(c, left, values, style)
        c.text(left + 79, 22, title, size=14)
        c.text(left + 79, 216, words, size=11.5, style="muted")
    c.text(480, 234, "darker: counts for more", size=11, style="muted")
    return c


def patches() -> Canvas:
    """A picture cut into overlapping patches, each cleaned, then averaged."""
    c = Canvas(720, 214)
    c.rect(20, 40, 140, 120, "soft")
    c.rect(20, 40, 140, 120, "ink")
    for n, (x, y) in enumerate(((34, 54), (52, 54), (70, 54), (52, 72))):
        c.rect(x, y, 40, 40, "blue open" if n < 3 else "orange open", stroke_width=1.8)
    c.text(90, 26, "noisy picture", size=13)
    c.text(90, 180, "patches overlap,", size=11.5, style="muted")
    c.text(90, 195, "stride pixels apart", size=11.5, style="muted")
    c.arrow((168, 100), (220, 100))
    for n in range(3):
        c.rect(228 + 10 * n, 66 + 10 * n, 48, 48, "paper")
    c.text(262, 26, "one row each", size=13)
    c.text(262, 180, "patch_size² features,", size=11.5, style="muted")
    c.text(262, 195, "mean subtracted", size=11.5, style="muted")
    c.arrow((302, 100), (350, 100))
    c.box(356, 62, 110, 76, "denoising\nautoencoder", "blue tint")
    c.text(411, 26, "one network", size=13)
    c.text(411, 180, "predicts the middle,", size=11.5, style="muted")
    c.text(411, 195, "output_size wide", size=11.5, style="muted")
    c.arrow((472, 100), (522, 100))
    c.rect(532, 40, 140, 120, "soft")
    c.rect(532, 40, 140, 120, "ink")
    for x in (560, 578, 596):
        c.rect(x, 76, 30, 30, "green tint", stroke_width=1.2)
    c.text(602, 26, "cleaned picture", size=13)
    c.text(602, 180, "where middles overlap:", size=11.5, style="muted")
    c.text(602, 195, "their weighted mean", size=11.5, style="muted")
    return c
