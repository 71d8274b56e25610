"""Gates and states over an input, and what was thought at each step, as pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from recurra.errors import UnknownNameError, UsageError
from recurra.inspection.trace import DIRECTIONS, Array, LayerTrace, Probabilities, Trace
from recurra.report.lettering import in_a_line, shorten, text_width
from recurra.report.sheet import Sheet
from recurra.report.svg import BLUE, CARD, INK, LINE, MUTED

MOST_STEPS = 200
"""Columns of a picture."""
FONT, SMALL = 11.0, 9.5
ROW, GAP, HEAD = 9.0, 10.0, 20.0
"""Pixels of a unit, between two values, above a layer."""
BOX = 30.0
"""Height of a class's box."""
LONGEST = 90.0
"""Pixels of a token."""


def draw_trace(
    trace: Trace,
    names: Sequence[str] = (),
    *,
    layer: int | None = None,
    units: int = 16,
    title: str = "",
    most: int = MOST_STEPS,
) -> str:
    """A block for each value of each layer and direction, a row a unit, a column a step; blue above 0, orange below.

    names: of the values, all if none are given; layer: from 0, the last one of each stack if None; units: of a value,
    those that change most over the input, in their order; most: steps that are drawn,
    the first of longer inputs
    Errors: UnknownNameError for a value that there is not; UsageError for a layer that there is not, or no units
    """
    if units < 1:
        raise UsageError(f"units must be a whole number from 1, got {units}")
    last = {one.stack: one.layer for one in trace.layers}
    shown = [one for one in trace.layers if one.layer == (last[one.stack] if layer is None else layer)]
    if not shown:
        raise UsageError(f"there is no layer {layer}: the layers are 0 to {max(last.values())}")
    known = list(dict.fromkeys(name for one in shown for name in one.values))
    for name in names:
        if name not in known:
            raise UnknownNameError("value of the step", name, known)
    blocks = [(one, [name for name in one.values if not names or name in names]) for one in shown]
    wide = max(len(one.tokens[:most]) for one in shown)
    tokens = [[in_a_line(token) for token in one.tokens[:most]] for one in shown]
    column = _column(tokens)
    upright = max((text_width(token, FONT) for row in tokens for token in row), default=0.0) <= column
    top = FONT + 8 if upright else min(LONGEST, max(text_width(t, FONT) for row in tokens for t in row)) + 10
    left = max(text_width(name, FONT) for _, own in blocks for name in own) + 24
    heights = [HEAD + top + sum(ROW * min(units, one.values[n].shape[1]) + GAP for n in own) for one, own in blocks]
    width = left + column * wide + 8
    sheet = Sheet(max(width, 260), sum(heights) + (18 if title else 0))
    y = 0.0
    if title:
        sheet.words((2, 12), shorten(title, 12, width), size=12, align="left")
        y = 18.0
    for (one, own), row, height in zip(blocks, tokens, heights, strict=True):
        _layer(sheet, one, own, row, (left, y, column, top), units=units, upright=upright)
        y += height
    words = f"{', '.join(known)} of {len(shown)} layers over {wide} steps: blue above 0, orange below"
    return sheet.svg(words)


def _layer(
    sheet: Sheet,
    one: LayerTrace,
    names: Sequence[str],
    tokens: Sequence[str],
    at: tuple[float, float, float, float],
    *,
    units: int,
    upright: bool,
) -> None:
    """at: left, upper end, width of a column, room for tokens"""
    left, y, column, top = at
    where = f"{one.stack}, layer {one.layer}" + (f", {DIRECTIONS[one.direction]}" if one.direction else "")
    sheet.words((2, y + 10), f"{where}: {one.cell}", color=MUTED, size=FONT, align="left")
    y += HEAD + top
    _tokens(sheet, tokens, left, y - 5, column, upright=upright)
    for name in names:
        values = one.values[name][: len(tokens)]
        chosen = lively(values, units)
        height, right = ROW * len(chosen), left + column * len(tokens)
        most = max(1.0, float(np.abs(np.nan_to_num(values[:, chosen])).max(initial=0.0)))
        sheet.heat((left, y), (column, ROW), values[:, chosen].T, most=most)
        sheet.line([(left, y), (right, y), (right, y + height), (left, y + height), (left, y)], color=LINE, wide=0.8)
        sheet.words((left - 8, y + height / 2), name, align="right", size=FONT)
        y += height + GAP


def lively(values: Array, count: int) -> npt.NDArray[np.int64]:
    """The units that change most from step to step, in their order. Shapes: [T, H] -> int64 [count or H]"""
    moved = np.abs(np.diff(values, axis=0)).sum(0) if len(values) > 1 else np.abs(values[0])
    return np.sort(np.argsort(-np.nan_to_num(moved), kind="stable")[:count])


def draw_probabilities(found: Probabilities, *, top: int = 5, title: str = "") -> str:
    """Below each token the `top` classes that were most probable there, best first; the shade is the probability.

    Of longer inputs the first MOST_STEPS steps are drawn. Errors: UsageError for a top below 1
    """
    if top < 1:
        raise UsageError(f"top must be a whole number from 1, got {top}")
    tokens = [in_a_line(token) for token in found.tokens[:MOST_STEPS]]
    best = [
        [(shorten(in_a_line(name), FONT, LONGEST), chance) for name, chance in row]
        for row in found.top(top)[:MOST_STEPS]
    ]
    widest = max(text_width(name, FONT) for row in best for name, _ in row)
    side = max(30.0, widest + 8, max(text_width(shorten(t, FONT, LONGEST), FONT) for t in tokens) + 8)
    head = 26 + (20 if title else 0)
    sheet = Sheet(side * len(tokens) + 8, head + BOX * max(map(len, best)) + 6)
    if title:
        sheet.words((4, 10), title, size=12, align="left")
    for step, (token, row) in enumerate(zip(tokens, best, strict=True)):
        x = 4 + side * step
        sheet.words((x + side / 2, head - 12), shorten(token, FONT, LONGEST), color=MUTED, size=FONT)
        for rank, (name, chance) in enumerate(row):
            y = head + BOX * rank
            sheet.shade((x, y), (side - 2, BOX - 2), BLUE, 0.06 + 0.9 * chance)
            colour = CARD if chance > 0.55 else INK
            sheet.words((x + side / 2, y + 9), name, size=FONT, color=colour)
            sheet.words((x + side / 2, y + 20), f"{chance:.2f}", size=SMALL, color=colour)
    return sheet.svg(f"the {top} most probable classes at each of {len(tokens)} steps")


def _column(tokens: Sequence[Sequence[str]]) -> float:
    """Pixels of a step: as wide as its token where these are short."""
    widest = max((text_width(token, FONT) for row in tokens for token in row), default=0.0)
    return min(max(FONT + 1, widest + 3), 26.0) if widest <= 24 else FONT + 5


def _tokens(sheet: Sheet, tokens: Sequence[str], left: float, y: float, column: float, *, upright: bool) -> None:
    for step, token in enumerate(tokens):
        x = left + column * (step + 0.5)
        if upright:
            sheet.words((x, y - FONT / 2), token, size=FONT)
        else:
            sheet.words((x, y), shorten(token, FONT, LONGEST), size=FONT, upright=True)
