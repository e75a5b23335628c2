"""Formulas drawn by matplotlib as inline SVG: no network, no LaTeX, no script in the page.

They take the colour of the text around them, in the light and in the dark theme. The source of a
formula is its alternative text.
"""

from __future__ import annotations

import html
import re
from functools import cache

from docutils import nodes
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.textpath import TextToPath, text_to_path
from sphinx.errors import SphinxError

SIZE = 12  # units per em of the drawing
SHORT = {  # what mathtext writes in another way
    r"\lVert": r"\Vert",
    r"\rVert": r"\Vert",
    r"\tfrac": r"\frac",
    r"\top": r"T",
    r"\,": r"\,",
}
COMMANDS = {Path.MOVETO: "M", Path.LINETO: "L", Path.CURVE3: "Q", Path.CURVE4: "C"}


def path_data(vertices, codes) -> str:
    """An SVG path; y runs downward there."""
    parts, i = [], 0
    while i < len(codes):
        code = codes[i]
        if code == Path.CLOSEPOLY:
            parts.append("Z")
            i += 1
            continue
        count = {Path.CURVE3: 2, Path.CURVE4: 3}.get(code, 1)
        points = " ".join(f"{x:.2f} {-y:.2f}" for x, y in vertices[i : i + count])
        parts.append(f"{COMMANDS[code]}{points}")
        i += count
    return "".join(parts)


@cache
def drawn(formula: str) -> tuple[str, float, float, float]:
    """Path, width, height and depth below the line, in ems."""
    text = formula
    for long, short in SHORT.items():
        text = text.replace(long, short)
    font = FontProperties(size=SIZE, math_fontfamily="cm")
    converter: TextToPath = text_to_path
    try:
        vertices, codes = converter.get_text_path(font, f"${text}$", ismath=True)
    except ValueError as error:
        raise SphinxError(f"matplotlib cannot draw the formula {formula!r}: {error}") from error
    # measured at the size that paths are drawn in
    scale = converter.FONT_SCALE
    width, height, depth = converter.get_text_width_height_descent(
        f"${text}$", FontProperties(size=scale, math_fontfamily="cm"), ismath=True
    )
    path = Path(vertices, codes)
    path.vertices = path.vertices * (SIZE / scale)
    return path_data(path.vertices, path.codes), width / scale, height / scale, depth / scale


def svg(formula: str) -> str:
    """One line of a formula."""
    data, width, height, depth = drawn(" ".join(formula.split()))
    pad = 0.08
    box = (-pad, -(height - depth) - pad, width + 2 * pad, height + 2 * pad)
    view = " ".join(f"{SIZE * value:.2f}" for value in box)
    return (
        f'<svg class="formula" role="img" aria-label="{html.escape(formula)}" viewBox="{view}" '
        f'style="width:{box[2]:.3f}em;height:{box[3]:.3f}em;vertical-align:{-depth - pad:.3f}em">'
        f'<path d="{data}" fill="currentColor"/></svg>'
    )


def visit_math(self, node: nodes.math) -> None:
    self.body.append(svg(node.astext()))
    raise nodes.SkipNode


def visit_math_block(self, node: nodes.math_block) -> None:
    lines = [line for line in re.split(r"\\\\|\n\n", node.astext()) if line.strip()]
    for target in node.get("ids", ()):
        self.body.append(f'<span id="{target}"></span>')
    lines = [line.replace("&", "").replace(r"\frac", r"\dfrac") for line in lines]
    drawn_lines = "".join(f"<div>{svg(line)}</div>" for line in lines)
    self.body.append(f'<div class="formulas">{drawn_lines}</div>\n')
    raise nodes.SkipNode


def setup(app) -> dict:
    app.add_html_math_renderer("mathtext", (visit_math, None), (visit_math_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
