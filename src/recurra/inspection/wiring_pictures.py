"""Wirings as pictures."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from recurra.inspection.wirings import Wiring
from recurra.report.svg import BLUE, CARD, GREY, INK, MUTED, ORANGE, canvas, drawing, to_svg

STEP, LEVEL, SIDE = 76.0, 62.0, 34.0
"""Pixels from one step to the next, from one row to the next, and of a box."""


def draw_wiring(wiring: Wiring) -> str:
    """The wiring as one <svg> element: inputs blue, outputs orange, what is fed back grey."""
    levels = 4 if wiring.both else 3
    count = len(wiring.states)
    with drawing(f"wiring-{wiring.name}"):
        figure, axes = canvas(STEP * count, LEVEL * levels - 8)
        bottom, top = LEVEL * (levels - 1) + SIDE / 2 + 6, SIDE / 2 + 6
        chains = [bottom - LEVEL, *([bottom - 2 * LEVEL] if wiring.both else [])]
        for k in range(count):
            x = STEP * (k + 0.5)
            if wiring.inputs[k]:
                _box(axes, x, bottom, wiring.inputs[k], GREY if wiring.inputs[k].startswith("(") else BLUE, round_=True)
                _arrow(axes, (x, bottom - SIDE / 2), (x, chains[0] + SIDE / 2))
            for y in chains:
                _box(axes, x, y, wiring.states[k], INK, round_=False)
            if wiring.outputs[k]:
                _box(axes, x, top, wiring.outputs[k], ORANGE, round_=True)
                _arrow(axes, (x, chains[-1] - SIDE / 2), (x, top + SIDE / 2))
            if k:
                before, here = STEP * (k - 0.5) + SIDE / 2, x - SIDE / 2
                _arrow(axes, (before, chains[0]), (here, chains[0]))
                if wiring.both:
                    _arrow(axes, (here, chains[1]), (before, chains[1]))
            if wiring.both:
                # each chain reads the input and is read by the output: the lines pass beside the other one's box
                bow = 0.75 * SIDE
                if wiring.inputs[k]:
                    _arrow(axes, (x - 8, bottom - SIDE / 2), (x - 8, chains[1] + SIDE / 2), bow=-bow)
                if wiring.outputs[k]:
                    _arrow(axes, (x + 8, chains[0] - SIDE / 2), (x + 8, top + SIDE / 2), bow=bow)
        return to_svg(figure, f"{wiring.name}: {wiring.title}")


def _box(axes: Axes, x: float, y: float, word: str, color: str, *, round_: bool) -> None:
    curve = SIDE / 2 - 1 if round_ else 5
    box = FancyBboxPatch(
        (x - SIDE / 2 + curve, y - SIDE / 2 + curve),
        SIDE - 2 * curve,
        SIDE - 2 * curve,
        boxstyle=f"round,pad={curve}",
        facecolor=CARD,
        edgecolor=color,
        linewidth=1.6,
    )
    axes.add_patch(box)
    axes.text(x, y, word, ha="center", va="center", color=INK if color == GREY else color, fontsize=14, style="italic")


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], bow: float = 0.0) -> None:
    """bow: pixels that the line bends to the left of its way, 0 for a straight one"""
    length = max(abs(end[0] - start[0]), abs(end[1] - start[1]))
    axes.add_patch(
        FancyArrowPatch(
            start,
            end,
            arrowstyle="-|>",
            mutation_scale=11,
            color=MUTED,
            linewidth=1.2,
            shrinkA=2,
            shrinkB=2,
            connectionstyle=f"arc3,rad={bow / length}" if bow else "arc3",
        )
    )
