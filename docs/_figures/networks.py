"""A neuron, its activations, networks of them, and how layers are stacked."""

from __future__ import annotations

import math

from _figures.canvas import Axes, Canvas, steps

__all__ = ["activations", "autoencoder", "denoising", "network", "neuron", "stacking"]


def neuron() -> Canvas:
    c = Canvas(640, 240)
    for y, name in zip((40, 95, 200), ("x₁", "x₂", "xₙ"), strict=True):
        c.circle(60, y, 19)
        c.text(60, y + 5, name, italic=True)
        c.arrow((80, y), (241, 120 + (y - 120) * 0.12), "blue")
    c.text(60, 152, "⋮", size=18)
    for y, name in ((62, "w₁"), (98, "w₂"), (184, "wₙ")):
        c.text(152, y, name, italic=True, style="blue words")
    c.circle(272, 120, 30)
    c.text(272, 127, "Σ", size=20)
    c.arrow((272, 205), (272, 151), "orange")
    c.text(272, 222, "bias b", style="words", italic=True)
    c.arrow((302, 120), (398, 120))
    c.text(350, 108, "a(x)", italic=True)
    c.box(400, 90, 70, 60, "g", size=18, italic=True)
    c.arrow((470, 120), (558, 120), "green")
    c.text(592, 125, "h(x)", size=15, italic=True)
    c.text(272, 30, "preactivation", style="muted")
    c.text(272, 47, "a weighted sum", style="muted", size=12)
    c.text(435, 55, "activation", style="muted")
    c.text(435, 72, "one known function", style="muted", size=12)
    return c


ACTIVATIONS = {
    "identity": (lambda a: a, "a"),
    "logistic": (lambda a: 1 / (1 + math.exp(-a)), "1 / (1 + e⁻ᵃ)"),
    "tanh": (math.tanh, "tanh a"),
    "relu": (lambda a: max(0.0, a), "max(0, a)"),
}


def activations() -> Canvas:
    c = Canvas(720, 222)
    for n, (name, (g, formula)) in enumerate(ACTIVATIONS.items()):
        left = 12 + 178 * n
        axes = Axes(c, (left, 34, 160, 150), (-4, 4), (-2.2, 2.2))
        axes.cross()
        for y in (-1, 1):
            c.line(axes.place(-4, y), axes.place(4, y), "faint", 0.8, stroke_dasharray="3 4")
        axes.curve(steps(-4, 4, 161), g, "blue")
        c.text(left + 80, 20, f'"{name}"', size=14)
        c.text(left + 80, 208, formula, style="muted", italic=True)
    c.text(188, 85, "1", size=11, style="muted")
    return c


def layer(c: Canvas, x: float, ys: list[float], names: list[str], style: str = "paper") -> None:
    for y, name in zip(ys, names, strict=True):
        c.circle(x, y, 16, style)
        c.text(x, y + 5, name, italic=True)


def connect(c: Canvas, left: float, right: float, from_ys: list, to_ys: list, style="ink") -> None:
    for a in from_ys:
        for b in to_ys:
            c.line((left + 17, a), (right - 17, b), style, 0.9)


def network() -> Canvas:
    c = Canvas(620, 250)
    inputs, hidden, outputs = [40, 95, 150, 205], [68, 122, 178], [95, 150]
    connect(c, 120, 310, inputs, hidden, "blue")
    connect(c, 310, 500, hidden, outputs, "orange")
    layer(c, 120, inputs, ["x₁", "x₂", "x₃", "x₄"])
    layer(c, 310, hidden, ["h₁", "h₂", "h₃"])
    layer(c, 500, outputs, ["z₁", "z₂"])
    c.text(215, 40, "W, 3 × 4", style="blue words", italic=True)
    c.text(405, 55, "W*, 2 × 3", style="orange words", italic=True)
    c.text(120, 244, "inputs: copied", style="muted", size=12)
    c.text(310, 244, "hidden units", style="muted", size=12)
    c.text(500, 244, "outputs", style="muted", size=12)
    return c


def autoencoder() -> Canvas:
    c = Canvas(640, 270)
    wide, narrow = [40, 80, 120, 160, 200], [80, 120, 160]
    connect(c, 120, 320, wide, narrow, "blue")
    connect(c, 320, 520, narrow, wide, "orange")
    layer(c, 120, wide, ["x₁", "x₂", "x₃", "x₄", "x₅"])
    layer(c, 320, narrow, ["h₁", "h₂", "h₃"])
    layer(c, 520, wide, ["z₁", "z₂", "z₃", "z₄", "z₅"])
    c.text(220, 34, "encode: W, b", style="blue words")
    c.text(420, 34, "decode: W*, b*", style="orange words")
    c.text(120, 236, "sample x", style="muted")
    c.text(320, 236, "code h", style="muted")
    c.text(520, 236, "reconstruction z", style="muted")
    c.text(320, 260, "tied weights: W* is W transposed, one matrix instead of two", size=12)
    return c


def denoising() -> Canvas:
    c = Canvas(700, 210)
    for x, words, style in (
        (8, "x\nclean", "paper"),
        (178, "x̃\ncorrupted", "paper"),
        (348, "h\ncode", "paper"),
        (518, "z\nreconstruction", "paper"),
    ):
        c.box(x, 40, 112 if x < 500 else 130, 60, words, style)
    c.arrow((120, 70), (177, 70), "orange")
    c.arrow((290, 70), (347, 70), "blue")
    c.arrow((460, 70), (517, 70), "blue")
    c.text(149, 30, "corrupt", style="orange words", size=12)
    c.text(318, 30, "encode", style="blue words", size=12)
    c.text(488, 30, "decode", style="blue words", size=12)
    c.path([(64, 100), (64, 165), (250, 165)], "green open", 1.8)
    c.path([(583, 100), (583, 165), (440, 165)], "green open", 1.8)
    c.box(250, 142, 190, 46, "loss: z against the clean x", "paper", size=12)
    return c


def stacking() -> Canvas:
    """Three stages: the first layer, the second on its codes, all together."""
    c = Canvas(720, 300)
    stages = ("1. first layer", "2. second layer", "3. fine-tuning")
    for n, title in enumerate(stages):
        c.text(120 + 240 * n, 22, title, size=14)
    bars = {"x": 150, "h₁": 104, "h₂": 66}

    def bar(cx: float, y: float, name: str, style: str) -> None:
        w = bars[name]
        c.box(cx - w / 2, y, w, 26, name, style, italic=True)

    def up(cx: float, y: float, style: str, words: str = "") -> None:
        c.arrow((cx, y), (cx, y - 26), style)
        if words:
            c.text(cx + 10, y - 9, words, size=11, at="start", style="muted")

    # first: x corrupted, encoded, decoded
    bar(120, 250, "x", "paper")
    up(120, 249, "orange", "corrupt, encode")
    bar(120, 196, "h₁", "blue tint")
    up(120, 195, "blue", "decode")
    bar(120, 142, "x", "green tint")
    c.text(120, 130, "compared with x", size=11, style="muted")
    # second: codes of the first, which is kept as it is
    bar(360, 250, "x", "paper")
    up(360, 249, "ink", "encode, fixed")
    bar(360, 196, "h₁", "soft")
    up(360, 195, "orange", "corrupt, encode")
    bar(360, 142, "h₂", "blue tint")
    up(360, 141, "blue", "decode")
    bar(360, 88, "h₁", "green tint")
    c.text(360, 76, "compared with the code", size=11, style="muted")
    # all layers: up and down, or up to outputs
    bar(600, 250, "x", "paper")
    up(600, 249, "orange", "corrupt, encode")
    bar(600, 196, "h₁", "blue tint")
    up(600, 195, "blue", "encode")
    bar(600, 142, "h₂", "blue tint")
    up(600, 141, "blue", "decode, or outputs")
    c.box(550, 88, 100, 26, "x  or  y", "green tint", italic=True)
    c.text(600, 76, "all weights are trained", size=11, style="muted")
    return c
