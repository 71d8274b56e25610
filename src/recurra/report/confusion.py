"""The confusion matrix as a picture, from 2 classes to many."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from recurra.report.figures import shorten, text_width
from recurra.report.record import RunRecord
from recurra.report.svg import BLUE, INK, LINE, MUTED, ORANGE, canvas, drawing, to_svg

MOST_CLASSES = 80
MOST_WITH_NUMBERS = 40
_LABEL_WIDTH = 150.0


def draw_confusion(record: RunRecord) -> str | None:
    """Rows are the true classes, columns the predicted ones.

    Colour is the share of the row: blue on the diagonal, which is right, orange where it is wrong. Up to 40 classes
    the cells carry their counts; past 80 only the 80 with the most examples are drawn.
    """
    chosen = drawn_classes(record)
    if not chosen:
        return None
    count = len(chosen)
    cell = 62.0 if count <= 4 else 38.0 if count <= 12 else 28.0 if count <= 20 else 22.0 if count <= 40 else 13.0
    size = 13.0 if count <= 12 else 12.0 if count <= 20 else min(10.5, 0.63 * cell)
    names = [shorten(record.classes[index], size, _LABEL_WIDTH) for index in chosen]
    longest = max(text_width(name, size) for name in names)
    angle = 45 if count <= MOST_WITH_NUMBERS else 90
    rise, reach = longest * math.sin(math.radians(angle)), longest * math.cos(math.radians(angle))
    left, top = max(longest, 70.0) + 12, max(rise + size + 8, 46.0)
    width = left + cell * count + reach + size
    with drawing("confusion"):
        figure, axes = canvas(width, top + cell * count + 6)
        for place, row in enumerate(chosen):
            counts = [record.confusion[row][column] for column in chosen]
            _row(axes, counts, sum(record.confusion[row]), place, left, top, cell, count <= MOST_WITH_NUMBERS)
        steps = [place * cell for place in range(count + 1)]
        axes.hlines([top + step for step in steps], left, left + cell * count, color=LINE, linewidth=0.6)
        axes.vlines([left + step for step in steps], top, top + cell * count, color=LINE, linewidth=0.6)
        for place, name in enumerate(names):
            middle = (place + 0.5) * cell
            axes.text(left - 7, top + middle, name, ha="right", va="center", fontsize=size, parse_math=False)
            axes.text(left + middle + 0.3 * size, top - 6, name, rotation=angle, rotation_mode="anchor",
                      va="baseline", fontsize=size, parse_math=False)  # fmt: skip
        for lift, words in ((24, "predicted →"), (8, "true ↓")):
            axes.text(left - 7, top - lift, words, ha="right", va="baseline", fontsize=11, color=MUTED)
        axes.set_xlim(0, width)
        axes.set_ylim(top + cell * count + 6, 0)
        return to_svg(figure, f"Confusion matrix of {count} classes: rows are true, columns predicted")


def drawn_classes(record: RunRecord) -> list[int]:
    """Which classes the picture shows, in the record's order."""
    if not record.confusion:
        return []
    support = [sum(row) for row in record.confusion]
    most = sorted(range(len(support)), key=lambda index: (-support[index], index))[:MOST_CLASSES]
    return sorted(most)


def _row(
    axes: Axes,
    counts: Sequence[int],
    total: int,
    place: int,
    left: float,
    top: float,
    cell: float,
    numbers: bool,
) -> None:
    for column, count in enumerate(counts):
        if not count:
            continue
        share = count / total
        corner = (left + column * cell, top + place * cell)
        axes.add_patch(Rectangle(corner, cell, cell, color=_tint(BLUE if column == place else ORANGE, share)))
        if numbers:
            words = str(count) if count < 10_000 else f"{count / 1000:.0f}k"
            size = min(13.0, 0.4 * cell, 0.85 * cell / (0.6 * len(words)))
            axes.text(corner[0] + cell / 2, corner[1] + cell / 2, words, ha="center", va="center",
                      fontsize=size, color="white" if share > 0.55 else INK)  # fmt: skip


def _tint(color: str, share: float) -> str:
    """`color` thinned with white; even a small share stays visible."""
    strength = 0.1 + 0.9 * min(share, 1.0)
    parts = [round(255 - strength * (255 - int(color[at : at + 2], 16))) for at in (1, 3, 5)]
    return "#" + "".join(f"{part:02x}" for part in parts)
