"""Drawings of boxes, lines and words, written as SVG at once: a page of them takes milliseconds.

    sheet = Sheet(200, 80)
    sheet.box((60, 40), (80, 30), BLUE)
    sheet.arrow([(100, 40), (140, 40)])
    sheet.words((60, 40), "a box")
    svg = sheet.svg("what it shows, for those who cannot see it")

It looks like what `recurra.report.svg` makes of charts: the same colours, which follow light and dark, the same
letters, the same smallest size. Units are CSS pixels, y points down.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.report.numbers import printable
from recurra.report.svg import BLUE, CARD, FONTS, INK, LARGEST, MUTED, ORANGE, PALETTE, SMALLEST_LETTER

TITLE, SMALL = 12.0, 10.5
"""Sizes of letters."""
LEVELS = 12
"""Shades of a colour in a heat map."""
Point = tuple[float, float]


class Sheet:
    """A drawing that grows element by element; what is drawn later lies above."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self._parts: list[str] = []
        self._smallest = math.inf

    def box(
        self,
        centre: Point,
        size: Point,
        color: str,
        *,
        round_: bool = False,
        fill: float = 0.1,
        about: str = "",
    ) -> None:
        """A rectangle of a colour on the ground's, lightly filled. about: what the pointer is told"""
        (x, y), (width, height) = centre, size
        at = f'x="{x - width / 2:.1f}" y="{y - height / 2:.1f}" width="{width:.1f}" height="{height:.1f}"'
        curve = f'rx="{height / 2 if round_ else 5:.1f}"'
        hint = f"<title>{escape(printable(about))}</title>" if about else ""
        self._parts.append(f'<rect {at} {curve} fill="{paint(CARD)}"/>')
        self._parts.append(
            f'<rect {at} {curve} fill="{paint(color)}" fill-opacity="{fill:g}" stroke="{paint(color)}" '
            f'stroke-width="1.5">{hint}</rect>'
        )

    def shade(self, corner: Point, size: Point, color: str, share: float, *, about: str = "") -> None:
        """A rectangle without an edge, of a share of a colour. about: what the pointer is told"""
        hint = f"><title>{escape(printable(about))}</title></rect>" if about else "/>"
        self._parts.append(
            f'<rect x="{corner[0]:.1f}" y="{corner[1]:.1f}" width="{size[0]:.1f}" height="{size[1]:.1f}" '
            f'fill="{paint(color)}" fill-opacity="{share:.3g}"{hint}'
        )

    def heat(self, corner: Point, cell: Point, values: npt.NDArray[np.floating[Any]], *, most: float = 1.0) -> None:
        """A row of cells for each row of numbers: blue above 0, orange below, whole from `most` on; LEVELS shades.

        Cells of one shade are one path, neighbours in a row one rectangle: thousands of them stay small.
        """
        found = np.nan_to_num(np.asarray(values, np.float64))
        levels = np.rint(np.clip(found / most, -1, 1) * LEVELS).astype(int)
        (x0, y0), (width, height) = corner, cell
        paths: dict[int, list[str]] = {}
        for row, line in enumerate(levels.tolist()):
            start = 0
            for stop in range(1, len(line) + 1):
                if stop == len(line) or line[stop] != line[start]:
                    if line[start]:
                        x, y, wide = x0 + start * width, y0 + row * height, (stop - start) * width
                        paths.setdefault(line[start], []).append(
                            f"M{x:.4g} {y:.4g}h{wide:.4g}v{height:.4g}h-{wide:.4g}z"
                        )
                    start = stop
        for level, parts in sorted(paths.items()):
            color = BLUE if level > 0 else ORANGE
            self._parts.append(
                f'<path d="{"".join(parts)}" fill="{paint(color)}" fill-opacity="{abs(level) / LEVELS:.2g}"/>'
            )

    def line(self, points: Sequence[Point], *, dashed: bool = False, color: str = MUTED, wide: float = 1.2) -> None:
        """A line through some points."""
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        dashes = ' stroke-dasharray="4 3"' if dashed else ""
        self._parts.append(
            f'<path d="{path}" fill="none" stroke="{paint(color)}" stroke-width="{wide:g}" '
            f'stroke-linejoin="round"{dashes}/>'
        )

    def arrow(self, points: Sequence[Point], *, dashed: bool = False, color: str = MUTED) -> None:
        """A line that ends in a head."""
        (x0, y0), (x1, y1) = points[-2:]
        length = math.hypot(x1 - x0, y1 - y0) or 1.0
        dx, dy = (x1 - x0) / length, (y1 - y0) / length
        back = (x1 - 6 * dx, y1 - 6 * dy)
        self.line([*points[:-1], back], dashed=dashed, color=color)
        wings = [(x1, y1), (back[0] - 3.2 * dy, back[1] + 3.2 * dx), (back[0] + 3.2 * dy, back[1] - 3.2 * dx)]
        self._parts.append(f'<path d="M{"L".join(f"{x:.1f} {y:.1f}" for x, y in wings)}Z" fill="{paint(color)}"/>')

    def words(
        self,
        at: Point,
        text: str,
        *,
        size: float = SMALL,
        color: str = INK,
        align: str = "center",
        strong: bool = False,
        code: bool = False,
        upright: bool = False,
    ) -> None:
        """A line of text, its middle at this height. code: in the font of code; upright: from this place upwards"""
        anchor = {"left": "start", "center": "middle", "right": "end"}[align]
        weight = " font-weight: bold;" if strong else ""
        font = " font-family: ui-monospace, Menlo, Consolas, monospace;" if code else ""
        self._smallest = min(self._smallest, size)
        place = f'x="{at[0]:.1f}" y="{at[1] + 0.35 * size:.1f}"'
        if upright:
            x, anchor = at[0] + 0.35 * size, "start"
            place = f'x="{x:.1f}" y="{at[1]:.1f}" transform="rotate(-90 {x:.1f} {at[1]:.1f})"'
        self._parts.append(
            f'<text {place} text-anchor="{anchor}" '
            f'style="font-size: {size:g}px;{weight}{font} fill: {paint(color)}">{escape(printable(text))}</text>'
        )

    def svg(self, description: str) -> str:
        """All of it as one <svg> element."""
        width, height = round(self.width, 1), round(self.height, 1)
        narrowest = min(1.0, SMALLEST_LETTER / self._smallest) * width
        size = f'width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}"'
        label = f'aria-label="{escape(printable(description))}"'
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {label} {size}'
                f' style="font-family: {FONTS}; min-width: {narrowest:.0f}px; max-width: {LARGEST * width:.0f}px">',
                *self._parts,
                "</svg>",
            ]
        )


def paint(color: str) -> str:
    """A colour of the palette as the page's variable, in light where there is no page."""
    return f"var(--{PALETTE[color]}, {color})" if color in PALETTE else color
