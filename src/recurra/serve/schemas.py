"""What may be asked, as types, from those of the model's own options, each with a bound: the OpenAPI of its server."""

from __future__ import annotations

import dataclasses
import inspect
import types
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model

from recurra.serve.limits import Limits
from recurra.tasks.abilities import Numeric

BOUNDS: dict[str, dict[str, Any]] = {
    "top": {"ge": 1, "le": 1_000},
    "beam": {"ge": 1, "le": 32},
    "n_best": {"ge": 1, "le": 32},
    "block_ngrams": {"ge": 0, "le": 100},
    "top_k": {"ge": 1, "le": 1_000_000},
    "seed": {"ge": 0, "le": 2**32 - 1},
    "horizon": {"ge": 1, "le": 1_000},
    "temperature": {"ge": 0, "le": 100},
    "top_p": {"gt": 0, "le": 1},
    "length_penalty": {"ge": 0, "le": 10},
    "repetition_penalty": {"ge": 1, "le": 100},
}
DESCRIBED = {
    "top": "answers, best first",
    "beam": "hypotheses that are followed at a time",
    "n_best": "so many answers, best first",
    "block_ngrams": "no sequence of so many tokens is written twice; 0: no such rule",
    "sample": "draw by chance instead of searching",
    "top_k": "draw from the K most probable tokens",
    "top_p": "draw from the most probable tokens that sum to P",
    "seed": "the same text each time; another one each time if not given",
    "temperature": "0: always the most probable token; higher: more surprising",
    "repetition_penalty": "above 1: fewer repetitions",
    "stop": "the text ends before the first of these",
    "prompt": "what the text begins with",
    "length": "tokens at most",
    "condition": "the class, or attributes as a=x,b=y",
    "count": "so many",
    "horizon": "steps",
    "form": "letters of each clause of verse, as 5,5,5,5",
}
Whole = Annotated[
    int, BeforeValidator(lambda value: int(value) if isinstance(value, float) and value % 1 == 0 else value)
]
"""A whole number: as JSON has it, 3.0 is one."""
_PLAIN = {int, float, bool, str}


class Strict(BaseModel):
    """A body: an unknown key, a number as text, an infinity are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Problem(BaseModel):
    """Why a request was not answered: what is wrong, with its numbers, then what to do."""

    error: str


def body(name: str, fields: Mapping[str, Any]) -> type[Strict]:
    """A request's body of these fields: (type, Field)."""
    return create_model(name, __base__=Strict, **dict(fields))


def options(source: Callable[..., Any] | type | None, limits: Limits, without: Iterable[str] = ()) -> dict[str, Any]:
    """The fields of a function's keyword arguments, or of a dataclass: those that are numbers, truth values and texts.

    A number has the bounds of BOUNDS, or what the server's limits say.
    """
    if source is None:
        return {}
    hints, found = get_type_hints(source), {}
    for name, default in _defaults(source).items():
        if name in without:
            continue
        if name == "stop":
            stop = Annotated[str, Field(min_length=1, max_length=100)]
            found[name] = (list[stop], _field(name, [], max_length=8))
        elif _is_plain(hints[name]):
            found[name] = (_strict(hints[name]), _field(name, default, **_bounds(name, hints[name], limits)))
    return found


def text(limits: Limits, *, least: int = 0) -> Any:
    """The type of a text."""
    return Annotated[str, Field(min_length=least, max_length=limits.characters)]


def listed(kind: Any, most: int, what: str, *, least: int = 1) -> Any:
    """A field: a list of these, which is refused at the first that is wrong."""
    return (list[kind], Field(description=what, min_length=least, max_length=most, fail_fast=True))


def number_type(numeric: Numeric, most: int) -> Any:
    """The type of one input in numbers: lists in lists."""
    kind: Any = Annotated[Whole, Field(ge=0, le=255)] if numeric.whole else float | None if numeric.missing else float
    for axis in reversed(range(numeric.depth)):
        last = axis == numeric.depth - 1
        width = numeric.width if last and numeric.depth > 1 else None
        least, longest = (1, most) if width is None else (width, width)
        kind = Annotated[list[kind], Field(fail_fast=True, min_length=least, max_length=longest)]
    return kind


def as_array(given: Any, numeric: Numeric) -> npt.NDArray[Any]:
    """Lists of numbers as an array, NaN where a value is missing. Errors: ValueError for rows of different lengths"""
    return np.asarray(given, np.uint8 if numeric.whole else np.float64)


def _defaults(source: Callable[..., Any] | type) -> dict[str, Any]:
    if dataclasses.is_dataclass(source):
        return {each.name: each.default for each in dataclasses.fields(source)}
    named = inspect.signature(source).parameters.values()
    return {p.name: p.default for p in named if p.default is not p.empty and p.name != "inputs"}


def _is_plain(kind: Any) -> bool:
    parts = get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)
    return set(parts) - {type(None)} <= _PLAIN


def _strict(kind: Any) -> Any:
    """The type with its whole numbers as JSON has them."""
    if kind is int:
        return Whole
    return Whole | None if set(get_args(kind)) == {int, type(None)} else kind


def _bounds(name: str, kind: Any, limits: Limits) -> dict[str, Any]:
    own = {"length": {"ge": 0, "le": limits.tokens}, "count": {"ge": 1, "le": limits.count}}
    if name in own or name in BOUNDS:
        return own.get(name) or BOUNDS[name]
    return {"max_length": limits.characters} if kind is str or str in get_args(kind) else {}


def _field(name: str, default: Any, **bounds: Any) -> Any:
    return Field(default, description=DESCRIBED.get(name), **bounds)
