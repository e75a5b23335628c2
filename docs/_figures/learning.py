"""Losses, gradient descent, backpropagation, and what denoising does to the data."""

from __future__ import annotations

import math
import random

from _figures.canvas import Axes, Canvas, steps
from _figures.networks import ACTIVATIONS

__all__ = ["backpropagation", "descent", "losses", "manifold", "sampling"]


def losses() -> Canvas:
    """The loss of one entry as a function of its pre-activation."""
    c = Canvas(720, 262)
    logistic = ACTIVATIONS["logistic"][0]
    panels = [
        (
            '"squared_error"',
            [("x = 1", "blue", lambda a: (1 - a) ** 2), ("x = 0", "orange", lambda a: a**2)],
        ),
        (
            '"log_loss"',
            [
                ("x = 1", "blue", lambda a: -math.log(logistic(a))),
                ("x = 0", "orange", lambda a: -math.log(1 - logistic(a))),
            ],
        ),
        (
            '"poisson"',
            [
                ("x = 3", "blue", lambda a: math.exp(a) - 3 - 3 * (a - math.log(3))),
                ("x = 0", "orange", math.exp),
            ],
        ),
    ]
    for n, (name, curves) in enumerate(panels):
        left = 14 + 238 * n
        axes = Axes(c, (left, 36, 214, 160), (-4, 4), (0, 5))
        axes.cross()
        for label, style, function in curves:
            axes.curve(steps(-4, 4, 321), function, style)
            x = left + (75 if style == "blue" else 139)
            c.text(x, 233, label, size=11, style=f"{style} words")
        c.text(left + 107, 20, name, size=14)
        c.text(left + 107, 216, "pre-activation a", size=11, style="muted")
    c.text(360, 256, "loss of one entry; each curve ends at 5", size=11, style="muted")
    return c


def descent() -> Canvas:
    """The same hill with three step sizes, each path computed."""
    c = Canvas(720, 240)
    for n, (rate, word) in enumerate(((0.04, "too small"), (0.3, "good"), (1.04, "too large"))):
        left = 14 + 238 * n
        axes = Axes(c, (left, 36, 214, 160), (-2.4, 2.4), (-0.2, 5.2))
        axes.curve(steps(-2.25, 2.25, 121), lambda w: w * w, "ink", 1.6)
        w, points = -1.9, []
        for _ in range(9):
            points.append((w, w * w))
            w -= rate * 2 * w
        inside = [axes.place(*p) for p in points if abs(p[0]) < 2.3 and p[1] < 5.1]
        c.path(inside, "orange open", 1.3)
        for x, y in inside:
            c.circle(x, y, 4, "blue")
        c.text(left + 107, 20, f"step size {rate}: {word}", size=13)
        c.text(left + 107, 214, "w", italic=True, style="muted")
    c.text(10, 36, "E", italic=True, style="muted")
    c.text(360, 234, "nine steps of w ← w − α ∂E/∂w on E = w²", size=12, style="muted")
    return c


def backpropagation() -> Canvas:
    """A network of one unit in each layer: values forward, derivatives backward."""
    x, w, v, b, b_star = 1.0, 0.5, 0.8, 0.1, 0.0
    q = b + w * x
    h = ACTIVATIONS["logistic"][0](q)
    z = b_star + v * h
    error = (x - z) ** 2
    d_z = -2 * (x - z)
    d_h = d_z * v
    d_q = d_h * h * (1 - h)
    d_v, d_w = d_z * h, d_q * x
    c = Canvas(720, 232)
    nodes = [
        (50, "x", x, None),
        (205, "a", q, d_q),
        (360, "h", h, d_h),
        (515, "z", z, d_z),
        (670, "E", error, 1.0),
    ]
    words = ["a = b + w x", "h = 1 / (1 + e⁻ᵃ)", "z = b* + w* h", "E = (x − z)²"]
    for (left, *_), (right, *_), label in zip(nodes, nodes[1:], words, strict=False):
        c.arrow((left + 25, 92), (right - 25, 92), "blue")
        c.text((left + right) / 2, 26, label, size=11.5, italic=True, style="muted")
        if right > 205:
            c.arrow((right - 25, 118), (left + 25, 118), "orange")
    for at, name, value, derivative in nodes:
        c.circle(at, 105, 24)
        c.text(at, 110, name, size=15, italic=True)
        c.text(at, 68, f"{value:.3f}", size=12, style="blue words")
        if derivative is not None:
            c.text(at, 150, f"{derivative:.3f}", size=12, style="orange words")
    c.text(14, 50, "forward: values", size=12, at="start", style="blue words")
    c.text(14, 176, "backward: ∂E by each", size=12, at="start", style="orange words")
    c.text(360, 202, f"∂E/∂w* = ∂E/∂z · h = {d_z:.3f} · {h:.3f} = {d_v:.3f}", size=12.5)
    c.text(360, 222, f"∂E/∂w = ∂E/∂a · x = {d_q:.3f} · {x:.0f} = {d_w:.3f}", size=12.5)
    c.text(127, 84, f"w = {w}", size=11, italic=True)
    c.text(437, 84, f"w* = {v}", size=11, italic=True)
    return c


def manifold() -> Canvas:
    """Samples near a curve, their corrupted copies, and the way back."""
    c = Canvas(640, 270)
    axes = Axes(c, (20, 20, 600, 190), (0, 10), (-2.2, 2.2))

    def curve(t: float) -> float:
        return 1.1 * math.sin(0.75 * t)

    axes.curve(steps(0.1, 9.9, 120), curve, "blue", 2.6)
    draw = random.Random(3)
    for n in range(13):
        t = 0.5 + 0.75 * n
        x, y = t, curve(t)
        dx, dy = draw.gauss(0, 0.35), draw.choice((-1, 1)) * draw.uniform(0.75, 1.25)
        away = axes.place(min(max(x + dx, 0.2), 9.8), min(max(y + dy, -2), 2))
        nearest = min(steps(0.1, 9.9, 300), key=lambda s: math.dist(axes.place(s, curve(s)), away))
        c.arrow(away, axes.place(nearest, curve(nearest)), "green", 1.3)
        c.circle(*away, 4, "orange")
        c.circle(*axes.place(x, y), 4, "blue")
    c.circle(52, 244, 4, "blue")
    c.text(62, 248, "samples, near a curve", size=12, at="start")
    c.circle(232, 244, 4, "orange")
    c.text(242, 248, "corrupted copies", size=12, at="start")
    c.arrow((388, 244), (412, 244), "green", 1.4)
    c.text(420, 248, "repairing: the way back", size=12, at="start")
    return c


def sampling() -> Canvas:
    """A sparse row: its non-zeros and as many zeros, with their weight."""
    c = Canvas(680, 170)
    known, drawn = {3, 11, 12, 24}, {1, 8, 17, 29}
    for n in range(32):
        style = "blue" if n in known else "orange tint" if n in drawn else "faint"
        c.rect(12 + 20.5 * n, 40, 17, 26, style)
        if n in known or n in drawn:
            c.arrow((20.5 + 20.5 * n, 70), (20.5 + 20.5 * n, 100), "ink", 1.2)
    c.text(340, 26, "a row of 32 features, 4 of them not 0", size=13)
    c.rect(12, 108, 656, 2, "soft")
    c.rect(30, 128, 17, 17, "blue")
    c.text(54, 141, "reconstructed: what the row has (weight 1)", size=12, at="start")
    c.rect(350, 128, 17, 17, "orange tint")
    c.text(374, 141, "and as many zeros (weight 28 / 4 = 7)", size=12, at="start")
    c.text(340, 164, "the other 24 outputs are not computed", size=11, style="muted")
    return c
