"""How the core works: the pictures of ``src/daecore/__init__.py``, drawn."""

from __future__ import annotations

from _figures.canvas import Canvas

__all__ = ["bytes_moved", "leaves", "step", "sweeps", "tiles", "zeros"]

THREADS = ("blue", "orange")


def leaves() -> Canvas:
    """Rows of W in leaves, leaves of threads, and the sum over features as a tree."""
    c = Canvas(700, 300)
    c.text(130, 22, "W: one row per feature", size=13)
    for n in range(8):
        style = THREADS[n // 4]
        c.rect(50, 40 + 30 * n, 160, 27, f"{style} tint")
        c.text(130, 58 + 30 * n, f"leaf {n}", size=12)
    c.text(30, 102, "0", size=12, style="blue words")
    c.text(30, 222, "1", size=12, style="orange words")
    c.text(30, 22, "thread", size=11, style="muted")
    x, width = 250, 88
    ys = [53.5 + 30 * n for n in range(8)]
    for y in ys:
        c.arrow((212, y), (x - 4, y), "ink", 1.1)
    level = ys
    styles = [THREADS[n // 4] for n in range(8)]
    while len(level) > 1:
        merged = [(a + b) / 2 for a, b in zip(level[::2], level[1::2], strict=True)]
        pairs = list(zip(styles[::2], styles[1::2], strict=True))
        new_styles = [a if a == b else "green" for a, b in pairs]
        for n, y in enumerate(level):
            c.line((x + 7, y), (x + width, merged[n // 2]), styles[n], 1.6)
        for y, style in zip(level, styles, strict=True):
            c.circle(x, y, 7, style)
        x, level, styles = x + width, merged, new_styles
    c.circle(x, level[0], 9, "green")
    c.text(x + 22, level[0] - 6, "one (B, m) sum,", size=12, at="start")
    c.text(x + 22, level[0] + 11, "one order", size=12, at="start")
    c.text(332, 22, "a thread adds its own branches", size=12, style="muted")
    c.text(560, 245, "the last sums: after", size=12, style="muted")
    c.text(560, 261, "a barrier, by columns", size=12, style="muted")
    return c


def step() -> Canvas:
    """Two threads and four barriers."""
    c = Canvas(720, 190)
    work = [
        (16, 196, "sweep 1, own leaves", "decode, loss, delta,\nparts of dH"),
        (228, 104, "own columns", "dH, biases b"),
        (348, 196, "sweep 2, own leaves", "gradient, solver,\nparts of next code"),
        (560, 104, "own columns", "next H"),
    ]
    for row, style in enumerate(THREADS):
        y = 40 + 62 * row
        c.text(8, y - 6, f"thread {row}", size=11, at="start", style="muted")
        for left, width, _, detail in work:
            c.box(left, y, width, 44, detail, f"{style} tint", size=11.5)
    for left, width, title, _ in work:
        c.text(left + width / 2, 18, title, size=12.5)
        c.line((left + width + 8, 28), (left + width + 8, 152), "green", 2.4)
        c.text(left + width + 8, 166, "barrier", size=10.5, style="muted")
    c.text(360, 184, "time, one step of training: not to scale", size=11, style="muted")
    return c


def sweeps() -> Canvas:
    """What is multiplied with what in the two sweeps, for one leaf D."""
    c = Canvas(720, 270)
    for top, title in ((26, "sweep 1: 16 features of a leaf D at a time"),):
        c.text(14, top, title, size=13, at="start")
    c.rect(30, 44, 70, 46, "paper")
    c.text(65, 71, "H", italic=True)
    c.text(122, 72, "×", size=15)
    c.rect(146, 36, 28, 62, "blue tint")
    c.text(160, 70, "Vᵀ", italic=True, size=12)
    c.text(196, 72, "→", size=15)
    c.rect(220, 44, 28, 46, "green tint")
    c.text(234, 71, "Z", italic=True)
    c.text(234, 112, "[:, D]", size=10.5, style="muted")
    c.text(280, 72, "→", size=15)
    c.box(300, 46, 104, 42, "loss, dZ[:, D]", "paper", size=12)
    c.text(424, 72, "→", size=15)
    c.rect(448, 44, 28, 46, "green tint")
    c.text(462, 71, "dZ", italic=True, size=12)
    c.text(494, 72, "×", size=15)
    c.rect(514, 54, 62, 28, "blue tint")
    c.text(545, 73, "V[D, :]", italic=True, size=12)
    c.text(598, 72, "→", size=15)
    c.box(618, 46, 88, 42, "part of dH", "paper", size=12)
    c.path([(160, 100), (160, 128), (545, 128), (545, 86)], "orange open", 1.4)
    c.text(352, 124, "the same rows of V, still in the cache", size=11.5, style="orange words")
    c.text(14, 162, "sweep 2: 96 rows of the leaf at a time", size=13, at="start")
    c.box(30, 180, 150, 46, "dZ[:, D]ᵀ H\n+ X̃[:, D]ᵀ dH", "paper", size=12, italic=True)
    c.arrow((182, 203), (218, 203))
    c.box(220, 184, 92, 38, "solver", "paper")
    c.arrow((314, 203), (350, 203))
    c.box(352, 180, 92, 46, "W[D, :]\nmoved", "blue tint", size=12)
    c.arrow((446, 203), (482, 203))
    c.box(484, 180, 152, 46, "X̃ next [:, D] W[D, :]\npart of the next code", "paper", size=11.5)
    c.text(
        398, 246, "the gradient stays in the registers or the L1 cache,", size=11.5, style="muted"
    )
    c.text(398, 262, "the moved weights encode the next batch at once", size=11.5, style="muted")
    return c


def tiles() -> Canvas:
    """A product by register tiles: six rows by four vectors."""
    c = Canvas(700, 262)
    c.text(106, 22, "6 rows of the batch", size=12.5)
    for n in range(6):
        c.rect(30, 40 + 26 * n, 150, 22, "paper")
        c.rect(30 + 62, 40 + 26 * n, 14, 22, "orange")
    c.text(106, 216, "one number of each,", size=11.5, style="muted")
    c.text(106, 232, "copied to all lanes", size=11.5, style="muted")
    c.text(330, 22, "4 vectors of a row of W", size=12.5)
    for n in range(4):
        for lane in range(8):
            c.rect(226 + 54 * n + 6.1 * lane, 104, 5.3, 22, "blue")
    c.text(330, 146, "loaded once for six rows", size=11.5, style="muted")
    c.text(205, 120, "×", size=16)
    c.text(460, 120, "+→", size=15)
    c.text(586, 22, "24 sums in registers", size=12.5)
    for row in range(6):
        for n in range(4):
            c.rect(490 + 48 * n, 40 + 26 * row, 44, 22, "green tint")
    c.text(586, 216, "never written before", size=11.5, style="muted")
    c.text(586, 232, "they are complete", size=11.5, style="muted")
    c.text(350, 256, "32 registers: 6 × 4. 16 registers: 6 × 2 and 3 × 4.", size=12)
    return c


def zeros() -> Canvas:
    """Lists of non-zeros: only their rows of W are read."""
    c = Canvas(700, 250)
    row = {2: "0.9", 3: "0.4", 9: "1.0", 13: "0.2"}
    c.text(225, 22, "a row of the batch, mostly zeros", size=13)
    for n in range(16):
        c.rect(18 + 26 * n, 36, 24, 26, "orange tint" if n in row else "faint")
        c.text(30 + 26 * n, 54, row.get(n, "0"), size=10.5, style="words" if n in row else "muted")
    c.arrow((225, 66), (225, 92))
    c.text(225, 112, "its list, made once", size=12)
    for k, (n, value) in enumerate(row.items()):
        c.box(64 + 82 * k, 122, 76, 26, f"{n}: {value}", "orange tint", size=12)
    c.text(560, 22, "W", size=14, italic=True)
    for n in range(16):
        c.rect(480, 36 + 12 * n, 160, 10.5, "blue" if n in row else "faint")
        if n in row:
            c.text(472, 45 + 12 * n, str(n), size=10, at="end")
    c.arrow((392, 135), (456, 135))
    c.text(225, 182, "4 rows of W are read and added,", size=12)
    c.text(225, 199, "12 are not touched", size=12)
    c.text(225, 224, "the same order as with the zeros: the same bits", size=11.5, style="muted")
    return c


# Passes over an array of the size of W in one step of tied weights, plain SGD.
BY_HAND = [
    ("encode", 1, 0),
    ("decode", 1, 0),
    ("dH", 1, 0),
    ("dZᵀ H", 0, 1),
    ("X̃ᵀ dH", 0, 1),
    ("their sum", 2, 1),
    ("update", 2, 1),
]
OURS = [("sweep 1", 1, 0), ("sweep 2", 1, 1)]


def bytes_moved() -> Canvas:
    """Reads and writes of arrays of W's size, counted from the equations."""
    c = Canvas(700, 270)
    for top, title, passes in (
        (46, "the equations, one array operation after the other", BY_HAND),
        (168, "the core's two sweeps", OURS),
    ):
        c.text(14, top - 14, title, size=13, at="start")
        x = 14.0
        for name, reads, writes in passes:
            width = 31 * (reads + writes)
            for n in range(reads + writes):
                style = "blue tint" if n < reads else "orange tint"
                c.rect(x + 31 * n, top, 29, 34, style)
            c.text(x + width / 2, top + 52, name, size=10.5 if width < 60 else 11.5)
            x += width + 26
        total = f"{sum(p[1] for p in passes)} reads, {sum(p[2] for p in passes)} writes"
        c.text(14, top + 76, total, size=12.5, at="start", style="muted")
    c.rect(430, 214, 20, 20, "blue tint")
    c.text(458, 229, "W or a gradient read", size=12, at="start")
    c.rect(430, 242, 20, 20, "orange tint")
    c.text(458, 257, "written", size=12, at="start")
    return c
