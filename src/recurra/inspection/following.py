"""What a unit may follow in a text: for each token of it a number, or whether something is so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.errors import UsageError

QUOTES = {'"': '"', "“": "”", "„": "“", "«": "»", "「": "」", "『": "』"}
"""What opens a quotation, and what closes it."""
PARAGRAPH = 2
"""Ends of lines in a row at which no quotation or bracket goes on."""


@dataclass(frozen=True)
class Feature:
    """name: for people; number: whether its values are numbers, not true or false; values: of the tokens of a text"""

    name: str
    number: bool
    values: Callable[[Sequence[str]], npt.NDArray[np.float64]]


def _by_character(state: Callable[[], Callable[[str], float]]) -> Callable[[Sequence[str]], npt.NDArray[np.float64]]:
    """What is so after the last character of each token. state: makes what reads character by character"""

    def values(tokens: Sequence[str]) -> npt.NDArray[np.float64]:
        read, found = state(), []
        for token in tokens:
            value = 0.0
            for character in token:
                value = read(character)
            found.append(value)
        return np.array(found)

    return values


def _line() -> Callable[[str], float]:
    place = 0

    def read(character: str) -> float:
        nonlocal place
        place = 0 if character == "\n" else place + 1
        return float(place)

    return read


def _word() -> Callable[[str], float]:
    place = 0

    def read(character: str) -> float:
        nonlocal place
        place = place + 1 if character.isalnum() else 0
        return float(place)

    return read


def _within(opens: dict[str, str]) -> Callable[[], Callable[[str], float]]:
    def begin() -> Callable[[str], float]:
        waited: list[str] = []
        lines = 0

        def read(character: str) -> float:
            nonlocal lines
            lines = lines + 1 if character == "\n" else 0
            if lines >= PARAGRAPH:
                waited.clear()
            elif waited and character == waited[-1]:
                waited.pop()
            elif character in opens:
                waited.append(opens[character])
            return float(bool(waited))

        return read

    return begin


def _is(kind: Callable[[str], bool]) -> Callable[[Sequence[str]], npt.NDArray[np.float64]]:
    def values(tokens: Sequence[str]) -> npt.NDArray[np.float64]:
        return np.array([float(kind(token)) for token in tokens])

    return values


def _starts(tokens: Sequence[str]) -> npt.NDArray[np.float64]:
    """Whether a word begins in each token: a letter where none stood before."""
    before, found = " ", []
    for token in tokens:
        begins = False
        for character in token:
            begins = begins or (character.isalpha() and not before.isalpha())
            before = character
        found.append(float(begins))
    return np.array(found)


FEATURES: tuple[Feature, ...] = (
    Feature("position in the line", True, _by_character(_line)),
    Feature("position in the word", True, _by_character(_word)),
    Feature("position in the text", True, lambda tokens: np.arange(len(tokens), dtype=np.float64)),
    Feature("inside quotes", False, _by_character(_within(QUOTES))),
    Feature("inside brackets", False, _by_character(_within({"(": ")", "[": "]", "{": "}", "（": "）"}))),
    Feature("start of a word", False, _starts),
    Feature("digit", False, _is(lambda token: any(c.isdigit() for c in token))),
    Feature("capital letter", False, _is(lambda token: token.strip()[:1].isupper())),
    Feature("end of a sentence", False, _is(lambda token: token.strip()[-1:] in tuple(".!?。！？"))),
)
"""What is looked for unless something else is asked about."""


def named(given: dict[str, Callable[[Sequence[str]], Any]]) -> Iterator[Feature]:
    """A user's own: functions of a text's tokens, a value for each; of other values than 0 and 1 they are numbers.

    Errors of their values: UsageError unless these are finite numbers, one for each token
    """
    for name, function in given.items():

        def values(
            tokens: Sequence[str], name: str = name, function: Callable[[Sequence[str]], Any] = function
        ) -> npt.NDArray[np.float64]:
            found = function(tokens)
            try:
                made = np.asarray(found, dtype=np.float64)
            except (TypeError, ValueError):
                made = np.empty(0)
            if made.shape != (len(tokens),) or not np.isfinite(made).all():
                raise UsageError(
                    f"feature {name!r} must give a finite number, or true or false, for each of {len(tokens)} tokens, "
                    f"got {str(found)[:60]}"
                )
            return made

        yield Feature(name, False, values)
