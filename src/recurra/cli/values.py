"""Settings that are typed in another form than they have."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import typer

from recurra import terminal
from recurra.cli.output import note
from recurra.data.tokens.normalize import NORMALIZATIONS
from recurra.errors import UnknownNameError

OFF = object()
"""Typed to switch a setting off. None would say that the option was not given."""


def text(typed: str) -> str:
    """An argument read as text, not as a path; bytes that are not UTF-8 become U+FFFD, with a note."""
    found = terminal.whole(typed)
    if found != typed:
        note(f"{terminal.in_a_line(typed[:60])} is not utf-8; invalid bytes are read as U+FFFD")
    return found


def normalizations(typed: str) -> tuple[str, ...]:
    """`nfc,lowercase`. Errors: typer.BadParameter with the nearest name"""
    names = tuple(name.strip() for name in typed.split(",") if name.strip())
    for name in names:
        if name not in NORMALIZATIONS:
            raise typer.BadParameter(str(UnknownNameError("normalization", name, NORMALIZATIONS)))
    return names


def locations(typed: str) -> tuple[str, ...]:
    """`train.bio:17,dev.bio:3`"""
    return tuple(place.strip() for place in typed.split(",") if place.strip())


def shares(typed: str) -> tuple[float, float, float]:
    """`80/10/10`, `90/10` or `0.8/0.1/0.1` as shares that add up to 1. Errors: typer.BadParameter"""
    try:
        found = [float(part) for part in typed.split("/")]
    except ValueError:
        found = []
    whole = next((whole for whole in (1, 100) if math.isclose(sum(found), whole, abs_tol=1e-6)), None)
    if len(found) not in (2, 3) or whole is None or min(found) < 0:
        raise typer.BadParameter(f"{typed!r} is not two or three shares that add up to 100 or 1, as in 80/10/10")
    train, validation, test = [*found, 0.0][:3]
    return train / whole, validation / whole, test / whole


def steps(typed: str) -> Any:
    """A whole number, or OFF for `full` and 0. Errors: typer.BadParameter"""
    if typed == "full":
        return OFF
    try:
        return int(typed) or OFF
    except ValueError:
        raise typer.BadParameter(f"{typed!r} is neither a whole number nor `full`") from None


def limit(typed: str) -> Any:
    """A number, or OFF for 0. Errors: typer.BadParameter"""
    return number(typed) or OFF


def whole(typed: str) -> int:
    """Errors: typer.BadParameter"""
    try:
        return int(typed)
    except ValueError:
        raise typer.BadParameter(f"{typed!r} is not a whole number") from None


def number(typed: str) -> float:
    """Errors: typer.BadParameter"""
    try:
        return float(typed)
    except ValueError:
        raise typer.BadParameter(f"{typed!r} is not a number") from None


def columns(typed: str) -> tuple[str, ...]:
    """`HUFL,HULL`"""
    return tuple(name.strip() for name in typed.split(",") if name.strip())


def levels(typed: str) -> tuple[float, ...]:
    """`0.1,0.5,0.9`. Errors: typer.BadParameter"""
    return tuple(number(part) for part in typed.split(",") if part.strip())


PARSERS: dict[str, Callable[[str], Any]] = {
    "target": columns,
    "future": columns,
    "past": columns,
    "static": columns,
    "channels": columns,
    "quantiles": levels,
    "normalize": normalizations,
    "split": shares,
    "skip_lines": locations,
    "bptt": steps,
    "sampled_softmax": steps,
    "batch_tokens": steps,
    "clip_norm": limit,
}
"""By setting."""

PARSERS_OF_KINDS: dict[type, Callable[[str], Any]] = {int: whole, float: number}


def shown(name: str, value: Any) -> str:
    """A setting's value as it would be typed; empty for one that is off unless given."""
    if name == "split":
        percent = [f"{100 * share:g}" for share in value]
        return "/".join(percent[:2] if percent[2] == "0" else percent)
    if name == "bptt" and value is None:
        return "full"
    if value is None or value == ():
        return ""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
