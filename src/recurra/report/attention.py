"""Where a decoder looked: a row for each token that was written, a column for each that was read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from recurra.report.lettering import in_a_line
from recurra.report.svg import BLUE, INK, LINE, MUTED, canvas, drawing, shaded, to_svg

CELL, FONT = 22.0, 11.0
LETTER = 0.62 * FONT
"""Width of a letter, about; of a Chinese one it is twice as much."""


def draw_attention(
    source: Sequence[str], target: Sequence[str], weights: npt.NDArray[np.float32], *, name: str = "attention"
) -> str:
    """The weights as shades, as one <svg> element.

    Shapes: weights [T, S], each row's sum 1, for S source and T target tokens
    """
    source, target = [[in_a_line(token) for token in tokens] for tokens in (source, target)]
    left = 16 + max(map(_width, target), default=0.0)
    top = 16 + max(map(_width, source), default=0.0)
    with drawing(name):
        figure, axes = canvas(left + CELL * len(source) + 8, top + CELL * len(target) + 8)
        for column, token in enumerate(source):
            axes.text(left + CELL * (column + 0.5), top - 8, token, rotation=90, ha="center", va="bottom", color=MUTED)
        for row, token in enumerate(target):
            axes.text(left - 8, top + CELL * (row + 0.5), token, ha="right", va="center", color=INK)
        corners = [
            (left + CELL * column, top + CELL * row) for row in range(len(target)) for column in range(len(source))
        ]
        _outline(axes, corners)
        shares = np.clip(np.asarray(weights, dtype=np.float64), 0, 1).reshape(-1)
        looked = [(corner, (BLUE, share)) for corner, share in zip(corners, shares, strict=True) if share > 0]
        shaded(axes, [corner for corner, _ in looked], CELL - 1, [shade for _, shade in looked])
        return to_svg(figure, f"attention of {len(target)} written tokens over {len(source)} read ones")


def _outline(axes: Axes, corners: Sequence[tuple[float, float]]) -> None:
    """All cells as one path."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    if corners:
        square = Path.unit_rectangle()
        sides = np.asarray(square.vertices) * (CELL - 1)
        cells = Path.make_compound_path(*(Path(sides + corner, square.codes) for corner in corners))
        axes.add_artist(PathPatch(cells, facecolor="none", edgecolor=LINE, linewidth=0.5))


def _width(token: str) -> float:
    return sum(LETTER * (2 if ord(letter) > 0x2E7F else 1) for letter in token)
