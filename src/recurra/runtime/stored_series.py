"""What preprocessing.json holds of series, read without a package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from recurra.data.series.calendar import Frequency
from recurra.data.series.learned import Learned, Standard, Tail
from recurra.data.series.panel import Columns
from recurra.data.series.scaling import Transform
from recurra.errors import DataError
from recurra.runtime.weights import setting

WHOLE = ("window", "horizon", "block", "calibration", "season")
LATER = ("drawn_units", "drawn_steps", "further")
"""Of folders that say nothing of them, 0."""
ROLES = tuple(each.name for each in fields(Columns))


def learned_of(found: Mapping[str, Any]) -> Learned:
    """What a forecaster learned of its data. Errors: DataError, KeyError, TypeError"""
    if found.get("kind") != "series":
        raise DataError("this is no preprocessing of series")
    made = Learned(
        columns=_columns(found["columns"]),
        frequency=Frequency(setting(found["frequency"], "unit", str), setting(found["frequency"], "count", int)),
        levels=_floats(found["levels"]),
        transform=Transform.from_json(found["transform"]),
        by_window=setting(found, "by_window", bool),
        gaps=setting(found, "gaps", bool),
        apart=setting(found, "apart", bool),
        cycles=_names(found["cycles"]),
        scales={name: _floats(scale) for name, scale in found["scales"].items()},
        by_level=setting(found, "by_level", bool, False),
        centres={name: _floats(centre) for name, centre in found.get("centres", {}).items()},
        sizes={name: _floats(size) for name, size in found["sizes"].items()},
        asked=_columns(found["asked"]),
        tails=[_tail(tail) for tail in found["tails"]],
        past=_standard(found["past"]),
        future=_standard(found["future"]),
        static=_standard(found["static"]),
        **{name: setting(found, name, int) for name in WHOLE},
        **{name: setting(found, name, int, 0) for name in LATER},
    )
    made.check()
    if 0.5 not in made.levels or list(made.levels) != sorted(set(made.levels)):
        raise TypeError(f"levels are {list(made.levels)}")
    return made


def _columns(found: Mapping[str, Any]) -> Columns:
    return Columns(**{role: _names(found[role]) for role in ROLES})


def _standard(found: Mapping[str, Any]) -> Standard:
    return Standard(_floats(found["mean"]), _floats(found["deviation"]))


def _tail(found: Mapping[str, Any]) -> Tail:
    parts = {role: setting(found, role, list) for role in ROLES}
    return Tail(setting(found, "name", str), setting(found, "start", int), **parts)


def _names(found: Any) -> tuple[str, ...]:
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise TypeError(f"{found!r:.60} is no list of names")
    return tuple(found)


def _floats(found: Any) -> tuple[float, ...]:
    if not isinstance(found, list) or not all(type(each) in (int, float) for each in found):
        raise TypeError(f"{found!r:.60} is no list of numbers")
    return tuple(map(float, found))
