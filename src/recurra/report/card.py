"""A few lines of HTML for what a notebook shows of an object; they take the colours of the page around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from importlib import resources

import jinja2
from markupsafe import Markup

from recurra.report.compared import losses
from recurra.report.numbers import printable
from recurra.training.history import Point

WIDTH, HEIGHT, EDGE = 320, 80, 4
"""Of a curve, in CSS pixels."""


@dataclass(frozen=True)
class Card:
    """What is shown. equations: SVG, or None, and the text in its place; head, rows: a table; history: for a curve"""

    title: str
    subtitle: str = ""
    equations: Sequence[tuple[str | None, str]] = ()
    head: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    history: Sequence[Point] = ()
    lines: Sequence[str] = field(default_factory=list)


def build_card(card: Card) -> str:
    """The HTML, with everything in it escaped that Recurra did not write."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(resources.files("recurra.report").joinpath("card.html.j2").read_text("utf-8"))
    shown = [(None if svg is None else Markup(svg), text) for svg, text in card.equations]
    points = list(losses(card.history))
    page = template.render(
        card={**vars(card), "equations": shown},
        description=_described(points),
        curve=Markup(_curve(points)) if points[1:] else None,
    )
    return printable(page)


def _described(points: Sequence[tuple[float, float]]) -> str:
    if not points:
        return ""
    lowest = min(loss for _, loss in points)
    return f"validation loss {points[0][1]:.3f} to {points[-1][1]:.3f}, lowest {lowest:.3f}"


def _curve(points: Sequence[tuple[float, float]]) -> str:
    """The loss over the time of training, of two evaluations or more."""
    low, high = min(loss for _, loss in points), max(loss for _, loss in points)
    last, span = points[-1][0] or 1.0, (high - low) or 1.0
    across, down = WIDTH - 2 * EDGE, HEIGHT - 2 * EDGE
    line = " ".join(f"{EDGE + across * at / last:.1f},{EDGE + down * (high - loss) / span:.1f}" for at, loss in points)
    return (
        f'<svg role="img" aria-label="{escape(_described(points))}" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}">'
        f'<polyline points="{line}" fill="none" stroke="currentColor" stroke-width="1.5"/></svg>'
    )
