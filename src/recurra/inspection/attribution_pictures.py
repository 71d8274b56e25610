"""What an answer is due to, as a picture: steps in blue speak for it, in orange against it."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np

from recurra.inspection.attribution import Array, Attribution, strongest
from recurra.report.lettering import in_a_line, shorten, text_width
from recurra.report.sheet import SMALL, TITLE, Sheet
from recurra.report.svg import BLUE, GREY, MUTED, ORANGE

WIDTH, EDGE, LINE, LABEL = 720.0, 10.0, 38.0, 112.0
"""Pixels of the picture, of its edge, of a line of tokens, of the names of parts."""
NARROWEST, HEAD = 420.0, 16.0
"""Pixels of the narrowest picture, of a line above it."""
LONGEST = 110.0
BARS, CELL, TERMS = 44.0, 24.0, 8
"""Pixels of bars up or down, of a matrix's cell; n-grams that are named."""
MOST = 200
"""Steps that are drawn."""


def draw_attribution(found: Attribution) -> str:
    """Texts as coloured tokens, part by part; series as bars over their steps; several scores as a matrix of shades."""
    if len(found.targets) > 1 and found.at:
        return _matrix(found)
    blocks = {"together": found.total} if len(found.parts) > 1 else {}
    blocks |= found.parts
    most = max(1e-12, *(float(np.abs(values).max(initial=0.0)) for values in blocks.values()))
    rows = _lines(found.steps[:MOST])
    series = bool(found.channels)
    width = WIDTH if series else min(WIDTH, max(NARROWEST, *(EDGE + LABEL + _reach(row) + EDGE for row in rows)))
    head = _head(found, width)
    height = 2 * BARS + 14 if series else LINE * len(rows) + 8
    terms = [] if found.beside is None else list(found.beside.terms[:TERMS])
    whole = (
        HEAD * len(head)
        + 16
        + len(found.targets) * (len(blocks) * height + 26)
        + (20 * len(terms) + 24 if terms else 0)
    )
    sheet = Sheet(width, whole)
    y = _written_head(sheet, head)
    for number, target in enumerate(found.targets):
        said = f"{in_a_line(target)}: {found.outputs[number]:.3g}, of the baseline {found.base_outputs[number]:.3g}"
        sheet.words((EDGE, y + 8), said, size=TITLE, align="left")
        y += 22
        for name, values in blocks.items():
            sheet.words((EDGE, y + (BARS if series else 16)), name, color=MUTED, align="left")
            if series:
                _bars(sheet, found.steps[:MOST], values[number][:MOST], most, y)
            else:
                _tokens(sheet, rows, values[number], most, y)
            y += height
        y += 4
    if terms:
        _terms(sheet, terms, y + 8)
    sums = ", ".join(f"{target} {total:+.3g}" for target, total in zip(found.targets, found.total.sum(1), strict=True))
    return sheet.svg(f"what each of {len(found.steps)} steps adds to the {found.score}: {sums}")


def _head(found: Attribution, width: float) -> list[str]:
    """What the colours mean, in lines of the picture's width."""
    words = (
        f"What each step adds to the {found.score}: blue speaks for it, orange against it. Baseline: {found.baseline}."
    )
    return textwrap.wrap(words, int((width - 2 * EDGE) / (0.57 * SMALL)))


def _written_head(sheet: Sheet, lines: Sequence[str]) -> float:
    """Where what follows begins."""
    for number, line in enumerate(lines):
        sheet.words((EDGE, 12 + HEAD * number), line, color=MUTED, align="left")
    return HEAD * len(lines) + 10


def _reach(row: Sequence[tuple[int, str, float]]) -> float:
    return sum(width + 3 for _, _, width in row)


def _lines(steps: Sequence[str]) -> list[list[tuple[int, str, float]]]:
    """Tokens in lines: the place of each, what is shown, its width."""
    lines: list[list[tuple[int, str, float]]] = [[]]
    x = 0.0
    for place, step in enumerate(steps):
        word = shorten(in_a_line(step), TITLE, LONGEST)
        width = max(text_width(word, TITLE) + 10, text_width("-0.00", SMALL) + 2)
        if x + width > WIDTH - LABEL - 2 * EDGE and lines[-1]:
            lines.append([])
            x = 0.0
        lines[-1].append((place, word, width))
        x += width + 3
    return lines


def _tokens(sheet: Sheet, rows: list[list[tuple[int, str, float]]], values: Array, most: float, y: float) -> None:
    for row in rows:
        x = EDGE + LABEL
        for place, word, width in row:
            value = float(values[place])
            about = f"{word}: {value:+.4f}"
            sheet.shade(
                (x, y), (width, LINE - 6), BLUE if value >= 0 else ORANGE, min(1, abs(value) / most) * 0.5, about=about
            )
            sheet.words((x + width / 2, y + 10), word, size=TITLE)
            sheet.words((x + width / 2, y + 24), f"{value:+.2f}", color=MUTED, size=9.5)
            x += width + 3
        y += LINE


def _bars(sheet: Sheet, steps: Sequence[str], values: Array, most: float, y: float) -> None:
    """A bar for each step, up where it adds, with the first and the last step named."""
    left, right = EDGE + LABEL, WIDTH - EDGE
    side = (right - left) / max(1, len(values))
    sheet.line([(left, y + BARS), (right, y + BARS)], color=GREY, wide=0.6)
    for place, value in enumerate(values.tolist()):
        height = BARS * 0.95 * abs(value) / most
        top = y + BARS - (height if value > 0 else 0)
        about = f"{steps[place]}: {value:+.4g}"
        sheet.shade(
            (left + side * place + side * 0.1, top),
            (side * 0.8, height),
            BLUE if value > 0 else ORANGE,
            0.9,
            about=about,
        )
    sheet.words((left, y + 2 * BARS + 5), str(steps[0]), color=MUTED, align="left")
    sheet.words((right, y + 2 * BARS + 5), str(steps[-1]), color=MUTED, align="right")


def _terms(sheet: Sheet, terms: Sequence[tuple[str, float]], y: float) -> None:
    sheet.words((EDGE, y), "what the linear skip reads that counts most", color=MUTED, align="left")
    most = max(abs(value) for _, value in terms)
    for number, (term, value) in enumerate(terms):
        at = y + 20 * (number + 1)
        word = shorten(term.replace(" ", "␣") if term.startswith(" ") or term.endswith(" ") else term, SMALL, 150)
        sheet.words((EDGE + 160, at), word, align="right")
        width = 150 * abs(value) / most
        sheet.shade((EDGE + 168, at - 6), (width, 12), BLUE if value > 0 else ORANGE, 0.7)
        sheet.words((EDGE + 174 + width, at), f"{value:+.3f}", align="left")


def _matrix(found: Attribution) -> str:
    """A row for each score, a column for each step."""
    steps = [shorten(in_a_line(step), SMALL, LONGEST) for step in found.steps[:MOST]]
    targets = [shorten(in_a_line(target), SMALL, 190) for target in found.targets]
    left = EDGE + max(text_width(target, SMALL) for target in targets) + 8
    columns = [max(CELL, text_width(step, SMALL) + 8) for step in steps]
    values = found.total[:, :MOST]
    most = max(1e-12, float(np.abs(values).max(initial=0.0)))
    width = max(left + sum(columns) + EDGE, NARROWEST)
    head = _head(found, width)
    top = HEAD * len(head) + 34
    sheet = Sheet(width, top + CELL * len(targets) + EDGE)
    _written_head(sheet, head)
    x = left
    for step, side in zip(steps, columns, strict=True):
        sheet.words((x + side / 2, top - 12), step, color=MUTED)
        x += side
    for number, target in enumerate(targets):
        y = top + CELL * number
        sheet.words((left - 8, y + CELL / 2), target, align="right")
        x = left
        for place, side in enumerate(columns):
            value = float(values[number, place])
            about = f"{steps[place]} for {target}: {value:+.3f}"
            color = BLUE if value >= 0 else ORANGE
            sheet.shade((x, y), (side - 1, CELL - 1), color, 0.05 + 0.85 * abs(value) / most, about=about)
            x += side
    best = [f"{target}: {steps[strongest(values[k].tolist(), 1)[0]]}" for k, target in enumerate(targets)]
    return sheet.svg(f"what of {len(steps)} steps {len(targets)} scores are due to; most to {'; '.join(best)}")
