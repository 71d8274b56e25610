"""What a user gives in Python: texts, numbers and paths, checked before anything is done with them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Set
from pathlib import Path
from typing import Any

from recurra.data.tokens.given_tokens import Tokenised
from recurra.errors import UsageError
from recurra.terminal import whole

WHOLE = {"top": 1, "beam": 1, "n_best": 1, "block_ngrams": 0, "top_k": 1, "count": 1, "length": 0, "seed": 0, "at": 0}
"""Options that are whole numbers, and the lowest of each."""
NUMBERS = ("temperature", "top_p", "length_penalty", "repetition_penalty")
FLAGS = ("sample", "baseline", "baselines", "watch", "learning_curve")
TEXTS = ("prompt", "condition", "word", "by", "groups", "task", "target", "against", "license")
MAY_BE_NONE = ("top_k", "top_p", "seed", "length", "condition", "groups", "task", "target", "at", "license")
MOST_SEEDS = 1 << 32


def texts(given: Any, *, what: str = "text") -> list[str]:
    """One text, or several in any ordered collection (list, tuple, array, series, generator), as plain strings.

    A text may be a list of its tokens. Halves of surrogate pairs are not text: see `terminal.whole`.

    Errors: UsageError for anything else, with the number (from 1) of the item that is not a text
    """
    if isinstance(given, str):
        return [_text(given)]
    if isinstance(given, (bytes, bytearray, memoryview)):
        raise UsageError(f"expected {what}s, got bytes; decode them first, as in data.decode('utf-8')")
    if isinstance(given, Mapping) or hasattr(given, "columns"):
        raise UsageError(f"expected {what}s, got a {_kind(given)}; give the {what}s alone, as in data['text']")
    if isinstance(given, os.PathLike):
        raise UsageError(f"expected {what}s, got {_shown_path(given)}")
    if isinstance(given, Set) or not isinstance(given, Iterable) or getattr(given, "ndim", 1) != 1:
        raise UsageError(f"expected one {what} or a list of them, got {_shown(given)}")
    found: list[str] = []
    for number, each in enumerate(given, start=1):
        if type(each) is str:  # most are, of hundreds of thousands
            found.append(whole(each))
            continue
        if _are_tokens(each):
            found.append(Tokenised(whole(str(token)) for token in each))
            continue
        if isinstance(each, os.PathLike):
            raise UsageError(f"{what} {number} is {_shown_path(each)}")
        if not isinstance(each, str):
            raise UsageError(f"{what} {number} is {_shown(each)}, not a text; leave it out, or make it one")
        found.append(_text(each))
    return found


def _text(given: str) -> str:
    return given if isinstance(given, Tokenised) else whole(str(given))


def _are_tokens(given: Any) -> bool:
    """Whether it is a list, a tuple, an array or a series of strings, and has any."""
    ordered = isinstance(given, (list, tuple)) or len(getattr(given, "shape", ())) == 1
    return ordered and len(given) > 0 and all(isinstance(each, str) for each in given)


def options(given: Mapping[str, Any]) -> dict[str, Any]:
    """Options of a model by name, NumPy's and torch's numbers as Python's; those with other names as they are.

    Errors: UsageError that names the one of a wrong type, or below what it can be
    """
    found = {name: plain(value) for name, value in given.items()}
    for name, value in found.items():
        if value is None and name in MAY_BE_NONE:
            continue
        if name in WHOLE:
            if isinstance(value, bool) or not isinstance(value, int) or value < WHOLE[name]:
                raise UsageError(f"{name} must be a whole number from {WHOLE[name]}, got {_shown(value)}")
            if name == "seed" and value >= MOST_SEEDS:
                raise UsageError(f"seed must be below {MOST_SEEDS}, got {value}")
        elif name in NUMBERS and (isinstance(value, bool) or not isinstance(value, (int, float))):
            raise UsageError(f"{name} must be a number, got {_shown(value)}")
        elif name in FLAGS and not isinstance(value, bool):
            raise UsageError(f"{name} must be True or False, got {_shown(value)}")
        elif name in TEXTS:
            if not isinstance(value, str):
                raise UsageError(f"{name} must be a text, got {_shown(value)}")
            found[name] = whole(value)
    if "stop" in found:
        found["stop"] = texts(found["stop"], what="stop")
    return found


def plain(value: Any) -> Any:
    """Numbers, truth values and strings of NumPy and torch as Python's, also inside of lists and arrays."""
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, (list, tuple)):
        return tuple(plain(each) for each in value)
    if callable(getattr(value, "tolist", None)) and callable(getattr(value, "item", None)):
        made = value.tolist()
        return tuple(plain(each) for each in made) if isinstance(made, list) else made
    return str.__str__(value) if isinstance(value, str) else value


def path(given: Any, name: str) -> Path:
    """Errors: UsageError for an invalid path"""
    if not isinstance(given, (str, os.PathLike)) or isinstance(os.fspath(given), bytes):
        raise UsageError(f"{name} must be the path of a file or a folder, or a name, got {_shown(given)}")
    if not str(given).strip() or "\0" in str(given):
        raise UsageError(f"{name} must be a path, got {str(given)!r}")
    return Path(given)


def _shown_path(value: os.PathLike[Any]) -> str:
    path = os.fspath(value)
    what = "read the file first" if os.path.exists(path) else "there is no such file"
    return f"the path {path!r}; {what}"


def _kind(value: Any) -> str:
    return type(value).__name__


def _shown(value: Any) -> str:
    """A value for people: short ones as they are, others by what they are."""
    value = plain(value) if getattr(value, "ndim", 1) == 0 else value
    if value is None or isinstance(value, (bool, int, float)):
        return f"{value!r:.40}"
    if isinstance(value, str):
        return f"{value!r:.40}"
    return f"a {_kind(value)}" if _kind(value)[:1].lower() not in "aeiou" else f"an {_kind(value)}"
