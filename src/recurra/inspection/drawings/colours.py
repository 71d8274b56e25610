"""Which colour a part of a network has."""

from __future__ import annotations

from recurra.inspection.drawings.blueprint import Kind
from recurra.report.svg import BLUE, GOLD, GREEN, GREY, ORANGE, PINK, PURPLE, TEAL

COLOURS: dict[Kind, str] = {
    "input": BLUE,
    "table": GREEN,
    "recurrent": ORANGE,
    "dense": PURPLE,
    "attention": PINK,
    "pooling": TEAL,
    "skip": GREY,
    "sum": GOLD,
    "output": BLUE,
}
