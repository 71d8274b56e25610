"""What a page shows of a reading at one place, all in one answer: of what it holds already only what is new."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from pydantic import BaseModel, Field

from recurra.inspector import documents
from recurra.inspector.activity import most_active
from recurra.inspector.reading import Reading
from recurra.inspector.strips import Strip

ACTIVE, RANKS = 10, 5
"""Units that stand out, and classes of a step, that a page shows."""


class Look(BaseModel, extra="forbid"):
    """What a page shows: a layer, a unit of one of its values, a step, and the steps around it.

    strip, name, names: the last layer, its first state and all values unless the reading has what is asked for
    follows: the last step is looked at, not `step`; columns, start: steps that the heat map shows, and its first one
    thoughts: columns of the table of what is most probable; colour: what colours the text
    coloured: the reading whose colours the page holds, values: the one whose values
    """

    strip: str | None = None
    name: str | None = None
    names: list[str] = Field(default_factory=list, max_length=64)
    unit: int = Field(0, ge=0)
    step: int = Field(0, ge=0)
    follows: bool = True
    columns: int = Field(60, ge=0, le=1024)
    start: int = Field(0, ge=0)
    thoughts: int = Field(8, ge=0, le=256)
    colour: str = Field("thoughts", max_length=20)
    coloured: int | None = None
    values: int | None = None


def seen(reading: Reading, look: Look, kept: int, before: int | None) -> dict[str, Any] | None:
    """kept: steps of it that are as in the reading `before`. None where nothing has been read yet"""
    if not reading.strips:
        return None
    strip = reading.strips.get(look.strip or "") or list(reading.strips.values())[-1]
    name = look.name if look.name in strip.widths else strip.first.cell.states[0]
    unit = min(look.unit, strip.widths[name] - 1)
    last = strip.length - 1
    step = last if look.follows and reading.complete else min(look.step, last)
    own = min(unit, strip.widths[strip.first.cell.states[0]] - 1)
    found: dict[str, Any] = {
        "strip": strip.key,
        "name": name,
        "unit": unit,
        "step": step,
        "kept": kept,
        "values": _values(strip, look, step, kept if look.values == before else 0),
        "at": documents.of_step(strip, own, step),
        "active": most_active(reading, strip.key, step, ACTIVE),
    }
    if _thinks(reading, strip):
        assert reading.thoughts is not None
        start = max(0, min(step - look.thoughts // 2, reading.thoughts.length - look.thoughts))
        stop = min(reading.thoughts.length, start + look.thoughts)
        found["thoughts"] = {"start": start, "rows": documents.of_thoughts(reading, start, stop, RANKS)}
    colours = _colours(reading, strip, look, name, unit)
    if colours is not None:
        first = min(kept, len(colours)) if look.coloured == before else 0
        found["colours"] = {"of": look.colour, "start": first, "data": _text(documents.floats(colours[first:]))}
    if reading.complete:
        found["answer"] = documents.of_answer(reading.answer)
    return found


def _values(strip: Strip, look: Look, step: int, kept: int) -> dict[str, Any]:
    """Of the steps around the one that is looked at, as a heat map shows them."""
    start = look.start if look.start <= step < look.start + look.columns else max(0, step - look.columns // 2)
    start = max(0, min(start, strip.length - look.columns))
    stop = min(strip.length, start + look.columns)
    start = min(max(start, kept), stop)
    names = [name for name in look.names if name in strip.widths] or list(strip.widths)
    packed = documents.packed([strip.values(name, start, stop) for name in names])
    return {"names": names, "start": start, "stop": stop, "data": _text(packed)}


def _thinks(reading: Reading, strip: Strip) -> bool:
    """Whether the steps of what it thinks are those of the layer."""
    return reading.thoughts is not None and documents.alike(reading.thoughts.at, strip.tokens)


def _colours(reading: Reading, strip: Strip, look: Look, name: str, unit: int) -> Any:
    if look.colour == "unit":
        return np.asarray(strip.unit(name, unit))
    return reading.thoughts.column() if look.colour == "thoughts" and reading.thoughts is not None else None


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
