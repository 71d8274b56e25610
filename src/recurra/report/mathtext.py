"""Equations as outlines: LaTeX in, one small SVG out, in the colour of the text around it."""

from __future__ import annotations

import re
from html import escape

import numpy as np
from matplotlib import rcParams
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.textpath import TextPath

from recurra.report.svg import drawing

_SIZE = 17.0
_LETTERS = {Path.MOVETO: "M", Path.LINETO: "L", Path.CURVE3: "Q", Path.CURVE4: "C", Path.CLOSEPOLY: "Z"}
_VERTICES = {Path.MOVETO: 1, Path.LINETO: 1, Path.CURVE3: 2, Path.CURVE4: 3, Path.CLOSEPOLY: 1}


def draw_equation(latex: str, text: str) -> str | None:
    """One line of maths as SVG, with `text` in its place for those who cannot see it.

    None where matplotlib's mathtext does not know a command of the line, or may lack a letter: the caller shows
    the text.
    """
    line = re.sub(r"\\\\(\[[^\]]*\])?\s*$", "", latex.strip().strip("$")).replace("&", "").strip()
    line = _as_mathtext_sets_it(line)
    if not line or "$" in line or not line.isascii():
        return None
    with drawing("mathtext"):
        rcParams["text.parse_math"] = True  # here Recurra writes it; in `drawing` a dollar is somebody's text
        try:
            outline = TextPath((0, 0), f"${line}$", size=_SIZE, prop=FontProperties(math_fontfamily="cm"))
        except ValueError:
            return None
    if not len(outline.vertices):
        return None
    points = np.asarray(outline.vertices)
    left, right = points[:, 0].min() - 1, points[:, 0].max() + 1
    # All lines share one height over the baseline, so that they stand evenly below each other.
    top = min(-_SIZE * 0.95, -points[:, 1].max() - 1)
    bottom = max(_SIZE * 0.35, -points[:, 1].min() + 1)
    box = f"{left:.1f} {top:.1f} {right - left:.1f} {bottom - top:.1f}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(text or latex)}"'
        f' width="{right - left:.1f}" height="{bottom - top:.1f}" viewBox="{box}">'
        f'<path fill="currentColor" d="{_commands(outline)}"/></svg>'
    )


def _as_mathtext_sets_it(line: str) -> str:
    """The same formula in the words that mathtext sets well.

    It draws growing parentheses smaller than plain ones where what they hold is low, and an index after a prime far
    from its letter; a product without any sign needs a thin space.
    """
    if r"\frac" not in line:
        line = line.replace(r"\left(", "(").replace(r"\right)", ")")
    line = re.sub(r"(\w)'_(\{[^{}]*\})", r"\1_\2^{\\prime}", line)
    return re.sub(r"(?<=\}) (?=[A-Za-z(\\]\w*_|\()", r"\\,", line)


def _commands(outline: Path) -> str:
    """The path's commands as SVG writes them, y pointing down."""
    parts: list[str] = []
    codes, points = np.asarray(outline.codes), np.asarray(outline.vertices)
    index = 0
    while index < len(codes):
        code = codes[index]
        count = _VERTICES[code]
        here = points[index : index + (0 if code == Path.CLOSEPOLY else count)]
        parts.append(_LETTERS[code] + " ".join(f"{x:.2f} {-y:.2f}" for x, y in here))
        index += count
    return "".join(parts)
