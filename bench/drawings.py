"""Pictures that people drew or machines made, at random: what photographs do not show a network.

    woven       a few pixels repeated for ever: meshes, weaves, chequers, stripes
    waves       gratings of any direction and period, soft or hard
    lines       thin lines and curves on paper
    writing     letters of several sizes
    flat        overlapping shapes of one grey each

`drawing` returns float32 pictures (SIDE, SIDE) from 0 to 1. No picture that judges a denoiser is
among them, and none of their parameters is chosen by hand.
"""

from __future__ import annotations

import string

import numpy as np
from PIL import Image, ImageDraw, ImageFont

SIDE = 192
LETTERS = string.ascii_letters + string.digits + string.punctuation + " " * 12


def two_greys(rng: np.random.Generator) -> tuple[float, float]:
    """At least a twentieth of the way from black to white apart."""
    while True:
        dark, light = np.sort(rng.random(2))
        if light - dark > 0.05:
            return (dark, light) if rng.random() < 0.5 else (light, dark)


def between(greys: tuple[float, float], share: np.ndarray) -> np.ndarray:
    """The first grey where `share` is 0, the second where it is 1."""
    return greys[0] + (greys[1] - greys[0]) * share


def woven(rng: np.random.Generator) -> np.ndarray:
    height, width = rng.integers(1, 10, 2)
    if height == width == 1:
        width = 2
    tile = rng.random((height, width))
    if rng.random() < 0.7:  # two greys only
        tile = tile < rng.uniform(0.2, 0.8)
    if rng.random() < 0.3:  # lines that cross
        tile = np.minimum.outer(np.arange(height), np.arange(width)) == 0
    times = (SIDE // height + 1, SIDE // width + 1)
    return between(two_greys(rng), np.tile(tile, times)[:SIDE, :SIDE])


def waves(rng: np.random.Generator) -> np.ndarray:
    rows, columns = np.mgrid[:SIDE, :SIDE]
    frequency, angle = rng.uniform(0.2, 3), rng.uniform(0, np.pi)
    bend = rng.uniform(0, 2) * np.sin(rng.uniform(0.02, 0.8) * rows) * (rng.random() < 0.5)
    wave = np.sin(frequency * (rows * np.cos(angle) + columns * np.sin(angle)) + bend)
    if rng.random() < 0.3:
        wave = wave * np.sin(rng.uniform(0.2, 3) * (rows * np.sin(angle) - columns * np.cos(angle)))
    if rng.random() < 0.3:
        wave = np.sign(wave)
    return between(two_greys(rng), 0.5 + 0.5 * wave)


def drawn(rng: np.random.Generator, finer: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """Black paper, `finer` times as large: reduced later, its edges are soft."""
    paper = Image.new("L", (SIDE * finer, SIDE * finer))
    return paper, ImageDraw.Draw(paper)


def finished(rng: np.random.Generator, paper: Image.Image) -> np.ndarray:
    paper = paper.resize((SIDE, SIDE), Image.Resampling.BOX)
    return between(two_greys(rng), np.asarray(paper) / 255)


def lines(rng: np.random.Generator) -> np.ndarray:
    finer = int(rng.integers(1, 4))
    paper, draw = drawn(rng, finer)
    for _ in range(rng.integers(3, 30)):
        ends = [tuple(end) for end in rng.uniform(0, SIDE * finer, (rng.integers(2, 6), 2))]
        draw.line(ends, fill=255, width=int(rng.integers(1, 3 * finer + 1)))
    return finished(rng, paper)


def writing(rng: np.random.Generator) -> np.ndarray:
    finer = int(rng.integers(1, 3))
    paper, draw = drawn(rng, finer)
    size = float(finer * rng.uniform(8, 28))
    text = "\n".join("".join(rng.choice(list(LETTERS), 30)) for _ in range(20))
    start = tuple(-rng.uniform(0, size, 2))
    draw.text(start, text, fill=255, font=ImageFont.load_default(size))
    if rng.random() < 0.5:
        paper = paper.rotate(rng.uniform(-10, 10), Image.Resampling.BILINEAR)
    return finished(rng, paper)


def flat(rng: np.random.Generator) -> np.ndarray:
    finer = int(rng.integers(1, 4))
    paper, draw = drawn(rng, finer)
    for _ in range(rng.integers(3, 20)):
        corners = rng.uniform(0, SIDE * finer, (3, 2))
        grey = int(rng.integers(0, 256))
        if rng.random() < 0.5:
            draw.polygon([tuple(corner) for corner in corners], fill=grey)
        else:
            (top, left), (bottom, right) = np.sort(corners[:2], axis=0)
            draw.ellipse((top, left, bottom, right), fill=grey)
    return finished(rng, paper)


KINDS = (woven, waves, lines, writing, flat)


def drawing(rng: np.random.Generator) -> np.ndarray:
    """Of any kind, half of them under uneven light."""
    picture = KINDS[int(rng.integers(len(KINDS)))](rng)
    if rng.random() < 0.5:
        rows, columns = rng.uniform(-0.3, 0.3, 2)
        light = np.add.outer(np.linspace(-rows, rows, SIDE), np.linspace(-columns, columns, SIDE))
        picture = picture * (1 + light)
    return np.clip(picture, 0, 1).astype(np.float32)
