"""A sheet to draw on: shapes and words, written as SVG whose colours are CSS classes."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence

Point = tuple[float, float]

# For a file by itself; on the site, docs/_static/dae.css has the same classes for both themes.
STYLE = """
.ink{stroke:#333;fill:none}.words{fill:#222;font-family:sans-serif}.faint{stroke:#bbb;fill:none}
.paper{fill:#fff;stroke:#333}.soft{fill:#8882;stroke:none}.muted{fill:#666;font-family:sans-serif}
.blue{fill:#2a6fbb;stroke:#2a6fbb}.orange{fill:#d9622b;stroke:#d9622b}
.green{fill:#3a9a5b;stroke:#3a9a5b}.violet{fill:#8a5ab0;stroke:#8a5ab0}
.open{fill:none}.tint{fill-opacity:.18}.over{fill:#fff;stroke:none}
"""


def number(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")


class Canvas:
    """Shapes in the order in which they are drawn.

    Parameters
    ----------
    width, height : float
        Of the sheet, in its own units; the page scales it. Words of size 13 are then about as
        large as the text around a figure of 640.
    """

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self.parts: list[str] = []
        self.extent: list[tuple[float, float, str]] = []  # points that must be on the sheet

    # -------------------------------------------------------------- shapes

    def _add(
        self, tag: str, style: str, within: Iterable[Point], **attributes: float | str
    ) -> None:
        self.extent += [(x, y, tag) for x, y in within]
        text = "".join(
            f' {key.replace("_", "-")}="{number(v) if isinstance(v, int | float) else v}"'
            for key, v in attributes.items()
        )
        self.parts.append(f'<{tag} class="{style}"{text}/>')

    def rect(self, x: float, y: float, w: float, h: float, style: str = "ink", **more) -> None:
        corners = [(x, y), (x + w, y + h)]
        self._add("rect", style, corners, x=x, y=y, width=w, height=h, **more)

    def circle(self, x: float, y: float, r: float, style: str = "paper", **more) -> None:
        self._add("circle", style, [(x - r, y - r), (x + r, y + r)], cx=x, cy=y, r=r, **more)

    def line(self, a: Point, b: Point, style: str = "ink", width: float = 1.4, **more) -> None:
        self._add(
            "line", style, [a, b], x1=a[0], y1=a[1], x2=b[0], y2=b[1], stroke_width=width, **more
        )

    def path(self, points: Sequence[Point], style: str = "ink open", width: float = 2.2) -> None:
        data = " ".join(f"{number(x)},{number(y)}" for x, y in points)
        self._add("polyline", style, points, points=data, stroke_width=width)

    def polygon(self, points: Sequence[Point], style: str) -> None:
        data = " ".join(f"{number(x)},{number(y)}" for x, y in points)
        self._add("polygon", style, points, points=data, stroke_width=1)

    def arrow(self, a: Point, b: Point, style: str = "ink", width: float = 1.6) -> None:
        """A line with a head at `b`."""
        length = math.dist(a, b)
        ux, uy = (b[0] - a[0]) / length, (b[1] - a[1]) / length
        size = 5 + width
        base = (b[0] - size * ux, b[1] - size * uy)
        self.line(a, base, style, width)
        side = 0.5 * size
        corners = [b, (base[0] - side * uy, base[1] + side * ux)]
        corners.append((base[0] + side * uy, base[1] - side * ux))
        self.polygon(corners, f"{style} head")

    # -------------------------------------------------------------- words

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        size: float = 13,
        at: str = "middle",
        style: str = "words",
        italic: bool = False,
    ) -> None:
        """One line of words whose middle, start or end is at `x`; `y` is the line it stands on."""
        long = 0.54 * size * len(words)
        left = x - {"start": 0, "middle": long / 2, "end": long}[at]
        self.extent += [(left, y - size * 0.75, words), (left + long, y + size * 0.2, words)]
        slant = ' font-style="italic"' if italic else ""
        self.parts.append(
            f'<text class="{style}" x="{number(x)}" y="{number(y)}" font-size="{number(size)}" '
            f'text-anchor="{at}"{slant}>{html.escape(words)}</text>'
        )

    def lines(self, x: float, y: float, words: Sequence[str], *, size: float = 13, **more) -> None:
        for n, line in enumerate(words):
            self.text(x, y + 1.35 * size * n, line, size=size, **more)

    def box(
        self, x: float, y: float, w: float, h: float, words: str, style: str = "paper", **more
    ) -> None:
        """A rectangle with words in its middle, one line per line of them."""
        self.rect(x, y, w, h, style, rx=5)
        lines = words.split("\n")
        size = more.pop("size", 13)
        first = y + h / 2 + 0.35 * size - 0.675 * size * (len(lines) - 1)
        self.lines(x + w / 2, first, lines, size=size, **more)

    # -------------------------------------------------------------- result

    def outside(self) -> list[str]:
        """What leaves the sheet: words, or the kinds of shapes."""
        return sorted(
            {
                what
                for x, y, what in self.extent
                if not (-0.5 <= x <= self.width + 0.5 and -0.5 <= y <= self.height + 0.5)
            }
        )

    def svg(self, alt: str, *, alone: bool = False) -> str:
        """The drawing; `alt` says what is seen to whoever does not see it."""
        extra = ' xmlns="http://www.w3.org/2000/svg"' if alone else ""
        style = f"<style>{STYLE}</style>" if alone else ""
        return (
            f'<svg{extra} role="img" aria-label="{html.escape(alt)}" '
            f'viewBox="0 0 {number(self.width)} {number(self.height)}">{style}'
            + "".join(self.parts)
            + "</svg>"
        )


class Axes:
    """A frame with its own coordinates on a canvas, for curves."""

    def __init__(self, canvas: Canvas, box: tuple, x_range: Point, y_range: Point) -> None:
        self.canvas, self.box = canvas, box
        self.x_range, self.y_range = x_range, y_range

    def place(self, x: float, y: float) -> Point:
        left, top, width, height = self.box
        (x0, x1), (y0, y1) = self.x_range, self.y_range
        return left + width * (x - x0) / (x1 - x0), top + height * (y1 - y) / (y1 - y0)

    def cross(self, x: float = 0.0, y: float = 0.0) -> None:
        """The two axes, through a point."""
        (x0, x1), (y0, y1) = self.x_range, self.y_range
        self.canvas.line(self.place(x0, y), self.place(x1, y), "faint", 1)
        self.canvas.line(self.place(x, y0), self.place(x, y1), "faint", 1)

    def curve(self, xs: Iterable[float], function, style: str, width: float = 2.2) -> None:
        """The part of the curve that is inside the frame."""
        low, high = self.y_range
        points = [(x, function(x)) for x in xs]
        inside = [self.place(x, y) for x, y in points if low <= y <= high]
        self.canvas.path(inside, f"{style} open", width)


def steps(start: float, stop: float, count: int) -> list[float]:
    return [start + (stop - start) * n / (count - 1) for n in range(count)]
