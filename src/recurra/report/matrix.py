"""A confusion matrix as a picture, from 2 names to many."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes

from recurra.report.lettering import shorten, text_width
from recurra.report.sections import MOST_NAMES, Matrix
from recurra.report.svg import BLUE, CARD, INK, LINE, MUTED, ORANGE, canvas, drawing, shaded, to_svg

MOST_WITH_NUMBERS = 40
_LABEL_WIDTH = 150.0


def draw_matrix(matrix: Matrix, name: str = "matrix") -> str | None:
    """Colour is the share of the row: blue on the diagonal, which is right, orange where it is wrong.

    Up to 40 names the cells carry their counts; past 80 only the 80 with the most examples are drawn.
    name: makes the picture's ids differ from those of the page's others
    """
    chosen = drawn(matrix)
    if not chosen:
        return None
    count = len(chosen)
    cell = 62.0 if count <= 4 else 38.0 if count <= 12 else 28.0 if count <= 20 else 23.0 if count <= 40 else 16.0
    size = 13.0 if count <= 12 else 12.0 if count <= 20 else min(10.5, 0.63 * cell)
    names = [shorten(matrix.names[index], size, _LABEL_WIDTH) for index in chosen]
    longest = max(text_width(label, size) for label in names)
    angle = 45 if count <= MOST_WITH_NUMBERS else 90
    rise, reach = longest * math.sin(math.radians(angle)), longest * math.cos(math.radians(angle))
    left, top = max(longest, text_width(f"{matrix.columns} →", 11)) + 12, max(rise + size + 8, 46.0)
    width = left + cell * count + reach + size
    with drawing(name):
        figure, axes = canvas(width, top + cell * count + 6)
        for place, row in enumerate(chosen):
            counts = [matrix.counts[row][column] for column in chosen]
            _row(axes, counts, matrix.total(row), place, left, top, cell, count <= MOST_WITH_NUMBERS)
        steps = [place * cell for place in range(count + 1)]
        axes.hlines([top + step for step in steps], left, left + cell * count, color=LINE, linewidth=0.6)
        axes.vlines([left + step for step in steps], top, top + cell * count, color=LINE, linewidth=0.6)
        for place, label in enumerate(names):
            middle = (place + 0.5) * cell
            axes.text(left - 7, top + middle, label, ha="right", va="center", fontsize=size)
            axes.text(
                left + middle + 0.3 * size,
                top - 6,
                label,
                rotation=angle,
                rotation_mode="anchor",
                va="baseline",
                fontsize=size,
            )
        for lift, words in ((24, f"{matrix.columns} →"), (8, f"{matrix.rows} ↓")):
            axes.text(left - 7, top - lift, words, ha="right", va="baseline", fontsize=11, color=MUTED)
        axes.set_xlim(0, width)
        axes.set_ylim(top + cell * count + 6, 0)
        words = f"{matrix.title}, {count} x {count}: rows are {matrix.rows}, columns {matrix.columns}"
        return to_svg(figure, words)


def drawn(matrix: Matrix) -> list[int]:
    """The places of the names that the picture shows, in their order."""
    support = [matrix.total(row) for row in range(len(matrix.names))]
    most = sorted(range(len(support)), key=lambda index: (-support[index], index))[:MOST_NAMES]
    return sorted(most)


def how_to_read(matrix: Matrix) -> str:
    """What the caption says of the picture."""
    count = max(len(matrix.names), matrix.of)
    words = [
        f"Rows are {matrix.rows}, columns {matrix.columns}.",
        "Colour is the share of the row: blue on the diagonal is right, orange beside it is wrong.",
        *(["Cells carry the number of examples."] if count <= MOST_WITH_NUMBERS else []),
        *([f"Drawn are the {MOST_NAMES} with the most examples, of {count:,}."] if count > MOST_NAMES else []),
    ]
    return " ".join(words)


def _row(
    axes: Axes, counts: Sequence[int], total: int, place: int, left: float, top: float, cell: float, numbers: bool
) -> None:
    corners: list[tuple[float, float]] = []
    shades: list[tuple[str, float]] = []
    for column, count in enumerate(counts):
        if not count:
            continue
        share = count / total
        corner = (left + column * cell, top + place * cell)
        strength = 0.1 + 0.9 * min(share, 1.0)  # even a small share stays visible
        color = BLUE if column == place else ORANGE
        corners.append(corner)
        shades.append((color, strength))
        if numbers:
            words = str(count) if count < 10_000 else f"{count / 1000:.0f}k"
            size = max(9.5, min(13.0, 0.4 * cell, 0.85 * cell / (0.6 * len(words))))
            axes.text(
                corner[0] + cell / 2,
                corner[1] + cell / 2,
                words,
                ha="center",
                va="center",
                fontsize=size,
                color=CARD if share > 0.55 else INK,
            )
    shaded(axes, corners, cell, shades)
