"""Readings and answers as plain values for a page."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.inspector.reading import Reading, same
from recurra.inspector.strips import Strip
from recurra.tasks.answer import Answer, Attention
from recurra.tasks.own_inputs import OwnInput

RANKED = 12
"""Classes of an answer."""


def of_reading(reading: Reading, before: Reading | None = None) -> dict[str, Any]:
    """What was read and what can be asked about it.

    before: one that the page has; views: the different rows of tokens, which steps and thoughts are counted in; the
    first is that of the thoughts; of each how many it begins with and ends with as that of `before`, and those between
    """
    views = _views(reading)
    known = [] if before is None else _views(before)

    def view(tokens: Sequence[str]) -> int:
        return next(place for place, each in enumerate(views) if alike(each, tokens))

    thoughts = None
    if reading.thoughts is not None:
        thoughts = {"view": view(reading.thoughts.at), "classes": len(reading.thoughts.classes)}
    strips = [
        {
            "key": key,
            "view": view(reading.given.steps[strip.stack]),
            "stack": strip.stack,
            "layer": strip.first.layer,
            "direction": strip.first.direction,
            "cell": strip.first.cell.name.partition("+")[0],
            "values": [{"name": name, "units": units} for name, units in strip.widths.items()],
            "states": list(strip.first.cell.states),
        }
        for key, strip in reading.strips.items()
    ]
    return progress(reading) | {
        "before": None if before is None else before.number,
        "views": [_changed(tokens, known[place] if place < len(known) else ()) for place, tokens in enumerate(views)],
        "strips": strips,
        "thoughts": thoughts,
    }


def alike(some: Sequence[str], others: Sequence[str]) -> bool:
    """Whether two rows of tokens are the same."""
    return some is others or (len(some) == len(others) and list(some) == list(others))


def _views(reading: Reading) -> list[Sequence[str]]:
    rows = [] if reading.thoughts is None else [reading.thoughts.at]
    views: list[Sequence[str]] = []
    for tokens in [*rows, *(reading.given.steps[strip.stack] for strip in reading.strips.values())]:
        if not any(alike(known, tokens) for known in views):
            views.append(tokens)
    return views


def _changed(tokens: Sequence[str], known: Sequence[str]) -> dict[str, Any]:
    now, then = list(tokens), list(known)
    first = same(now, then)
    last = same(now[first:][::-1], then[first:][::-1])
    return {"same": [first, last], "tokens": now[first : len(now) - last]}


def of_input(given: OwnInput) -> dict[str, Any]:
    """What is offered to be read. text: None for what is none"""
    text = given.given if isinstance(given.given, str) else None
    return {"name": given.name, "text": text, "condition": given.options.get("condition")}


def progress(reading: Reading) -> dict[str, Any]:
    """How far it has been read."""
    return {"reading": reading.number, "read": reading.read, "total": reading.total}


def of_thoughts(reading: Reading, start: int, stop: int, top: int) -> list[list[list[Any]]]:
    """Of some steps the most probable classes with their probabilities; fewer steps if fewer have been read."""
    if reading.thoughts is None:
        return []
    classes = reading.thoughts.classes
    steps = range(max(0, start), min(stop, reading.thoughts.length))
    return [[[classes[place], _short(chance)] for place, chance in reading.thoughts.best(step)[:top]] for step in steps]


def of_step(strip: Strip, unit: int, step: int) -> dict[str, dict[str, float | None]]:
    """Every named value of a unit at a step, and its states before."""
    values = {
        name: float(strip.values(name, step, step + 1)[0, unit if width > unit else 0])
        for name, width in strip.widths.items()
    }
    before = {
        name: float(strip.values(name, step - 1, step)[0, unit]) if step and unit < strip.widths[name] else None
        for name in strip.first.cell.states
    }
    if strip.first.direction:  # what came before is what stands behind
        after = step + 1 < strip.length
        before = {name: float(strip.values(name, step + 1, step + 2)[0, unit]) if after else None for name in before}
    return {"values": {name: _short(value) for name, value in values.items()}, "before": before}


def of_answer(answer: Answer) -> dict[str, Any]:
    """What a model says in the end."""
    return {
        "ranked": [[label, _short(chance)] for label, chance in answer.ranked[:RANKED]],
        "texts": list(answer.texts),
        "attention": None if answer.attention is None else _attention(answer.attention),
        "ahead": [
            {
                "name": one.name,
                "history_times": list(one.history_times),
                "history": _numbers(one.history),
                "times": list(one.times),
                "median": _numbers(one.median),
                "quantiles": [[level, _numbers(values)] for level, values in sorted(one.quantiles.items())],
            }
            for one in answer.ahead
        ],
    }


def _attention(found: Attention) -> dict[str, Any]:
    picture = None if found.picture is None else base64.b64encode(found.picture).decode("ascii")
    return {
        "read": list(found.read),
        "wrote": list(found.wrote),
        "weights": [[round(float(weight), 4) for weight in row] for row in found.weights],
        "picture": picture and f"data:image/png;base64,{picture}",
    }


def packed(values: Sequence[npt.NDArray[np.float32]]) -> bytes:
    """Of each array for each row a scale (float32, little-endian: the largest, at least 1); then bytes of these.

    From -127 to 127, row by row. Shapes: each [T, H], T of all alike
    """
    whole = [np.nan_to_num(value) for value in values]
    scales = [np.abs(value).max(1, initial=1.0).astype("<f4") for value in whole]
    numbers = [
        np.round(value * (127 / scale[:, None])).astype(np.int8) for value, scale in zip(whole, scales, strict=True)
    ]
    return b"".join(part.tobytes() for part in (*scales, *numbers))


def floats(values: npt.NDArray[Any]) -> bytes:
    """As float32, little-endian."""
    return values.astype("<f4").tobytes()


def in_a_line(error: Exception) -> str:
    """What went wrong, for a page."""
    return "; ".join(line.strip() for line in str(error).splitlines() if line.strip())


def _numbers(values: Iterable[float]) -> list[float | None]:
    """For JSON, which has no NaN."""
    return [_short(value) for value in values]


def _short(value: float) -> float | None:
    return float(f"{value:.5g}") if np.isfinite(value) else None
