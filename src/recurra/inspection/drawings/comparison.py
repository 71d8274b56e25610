"""Several cells beside each other: what they cost, as bars on one scale each."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from recurra.inspection.explain import Explanation
from recurra.report.lettering import text_width
from recurra.report.sheet import SMALL, TITLE, Sheet
from recurra.report.svg import BLUE, GREEN, MUTED, ORANGE, PURPLE

ROW, BAR, GAP, EDGE, TOP = 26.0, 92.0, 18.0, 10.0, 62.0
"""Pixels of a row, of the longest bar, between columns, of the edge, of the heads."""
NUMBER = 66.0
"""Room for a number behind its bar."""
COLUMNS: tuple[tuple[str, str, str, Callable[[Explanation], int]], ...] = (
    ("parameters", "", BLUE, lambda one: one.parameters),
    ("FLOPs", "of a step and row", ORANGE, lambda one: one.flops_per_step),
    ("saved bytes", "of a step and row", PURPLE, lambda one: one.saved_bytes),
)


def draw_comparison(found: Sequence[Explanation]) -> str:
    """A row for each cell: parameters, arithmetic, what backpropagation keeps, and its matrix products, as one <svg>.

    A product of the whole sequence is an empty ring, one that waits for the step before a full one.
    """
    names = max([text_width(one.name, TITLE) for one in found] + [30.0])
    states = max([text_width(", ".join(one.states), SMALL) for one in found] + [text_width("states", SMALL)])
    starts, x = [], EDGE + names + GAP + states + GAP
    for _ in COLUMNS:
        starts.append(x)
        x += BAR + NUMBER + GAP
    most = max((one.hoisted + one.recurrent for one in found), default=1)
    products = max(13.0 * most, text_width("of the sequence, of a step", SMALL))
    steps = text_width("many at once", SMALL)
    width = x + products + GAP + steps + EDGE
    first = found[0]
    sheet = Sheet(width, TOP + ROW * len(found) + EDGE)
    title = f"{len(found)} cells, input {first.input_size:,}, hidden {first.hidden_size:,}"
    sheet.words((EDGE, 14), title, size=TITLE, align="left", strong=True)
    sheet.words((EDGE + names + GAP, 38), "states", color=MUTED, align="left")
    for start, (name, of, _, _) in zip(starts, COLUMNS, strict=True):
        sheet.words((start, 38), name, color=MUTED, align="left")
        sheet.words((start, 52), of, color=MUTED, align="left")
    sheet.words((x, 38), "matrix products", color=MUTED, align="left")
    sheet.words((x, 52), "of the sequence, of a step", color=MUTED, align="left")
    sheet.words((x + products + GAP, 38), "steps", color=MUTED, align="left")
    for number, one in enumerate(found):
        y = TOP + ROW * (number + 0.5)
        sheet.line([(EDGE, y + ROW / 2), (width - EDGE, y + ROW / 2)], color=MUTED, wide=0.25)
        sheet.words((EDGE, y), one.name, size=TITLE, align="left", strong=True)
        sheet.words((EDGE + names + GAP, y), ", ".join(one.states), align="left")
        for start, (_, _, color, value) in zip(starts, COLUMNS, strict=True):
            share = value(one) / max(1, *(value(each) for each in found))
            sheet.shade((start, y - 7), (max(1.0, BAR * share), 14), color, 0.85)
            sheet.words((start + BAR * share + 6, y), f"{value(one):,}", align="left")
        for place in range(one.hoisted + one.recurrent):
            at = (x + 6 + 13 * place, y)
            sheet.box(at, (10, 10), GREEN, round_=True, fill=0.0 if place < one.hoisted else 0.85)
        sheet.words((x + products + GAP, y), "many at once" if one.units_apart else "one by one", align="left")
    words = "; ".join(
        f"{one.name}: {one.parameters:,} parameters, {one.flops_per_step:,} FLOPs, {one.saved_bytes:,} bytes, "
        f"{one.hoisted} products once, {one.recurrent} at every step"
        for one in found
    )
    return sheet.svg(f"{title}: {words}")
