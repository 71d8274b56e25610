"""What a model can be asked for: a class, or a vector of attributes such as a tune's metre and key."""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from recurra.errors import DataError, UnknownNameError, UsageError

CLASS = "class"
"""The name of a single attribute that has none of its own."""


def described(names: Sequence[str], values: Sequence[str]) -> str:
    """A condition as it is typed: "Italian" for a single attribute, "M=6/8,K=G" for several."""
    if len(names) == 1:
        return values[0]
    return ",".join(f"{name}={value}" for name, value in zip(names, values, strict=True))


@dataclass(frozen=True)
class Attributes:
    """What a model can be asked for.

    names: of A attributes; values: of each, the values it has; seen: conditions of the training part (a place in
    `values` for each attribute) with the number of texts, most frequent first
    """

    names: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    seen: tuple[tuple[tuple[int, ...], int], ...]

    @classmethod
    def of(cls, names: Sequence[str], conditions: Sequence[tuple[str, ...]]) -> Attributes:
        """Of the conditions of all training texts."""
        values = tuple(tuple(sorted({c[i] for c in conditions})) for i in range(len(names)))
        indices = [{value: place for place, value in enumerate(known)} for known in values]
        counts = Counter(tuple(p[v] for p, v in zip(indices, c, strict=True)) for c in conditions)
        return cls(tuple(names), values, tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0]))))

    def counted(self, names: Sequence[str], conditions: Sequence[tuple[str, ...]]) -> Attributes:
        """The same names and values, as other training texts have them.

        Errors: UsageError for other names; UnknownNameError for a value that there is not
        """
        if tuple(names) != self.names:
            raise UsageError(
                f"the model's attributes are {', '.join(self.names)}, those of the data {', '.join(names)}"
            )
        counts = Counter(map(self.indices, conditions))
        return replace(self, seen=tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0]))))

    def sizes(self) -> list[int]:
        """How many values each attribute has."""
        return [len(known) for known in self.values]

    @functools.cached_property
    def _indices(self) -> tuple[dict[str, int], ...]:
        """Of each attribute's values."""
        return tuple({value: place for place, value in enumerate(known)} for known in self.values)

    def indices(self, condition: Sequence[str]) -> tuple[int, ...]:
        """Errors: UnknownNameError, with the nearest, for a value that was not in training"""
        for name, known, value in zip(self.names, self._indices, condition, strict=True):
            if value not in known:
                raise UnknownNameError(name, value, known)
        return tuple(known[value] for known, value in zip(self._indices, condition, strict=True))

    def unknown(self, condition: Sequence[str]) -> str | None:
        """The name of the first attribute whose value was not in training, None if all were."""
        known = zip(self.names, self._indices, condition, strict=True)
        return next((name for name, indices, value in known if value not in indices), None)

    def describe(self, indices: Sequence[int]) -> str:
        """A condition as it is typed."""
        return described(self.names, [known[place] for known, place in zip(self.values, indices, strict=True)])

    def conditions(self) -> list[str]:
        """Those of the training part as they are typed, the most frequent first."""
        return [self.describe(indices) for indices, _ in self.seen]

    def matching(self, asked: str | None) -> list[tuple[tuple[int, ...], int]]:
        """The conditions of the training part that agree with what is asked, with their counts.

        asked: "Italian", "M=6/8,K=G" or a part of it; None: all of them. A combination that training never saw is
        given alone, with the count 1, if every attribute is named.
        Errors: UsageError; UnknownNameError for a name or a value that there is not
        """
        if asked is None:
            return list(self.seen)
        wanted = self._asked(asked)
        found = [
            (indices, count)
            for indices, count in self.seen
            if all(self.values[i][indices[i]] == value for i, value in wanted.items())
        ]
        if found:
            return found
        if len(wanted) < len(self.names):
            missing = ", ".join(name for i, name in enumerate(self.names) if i not in wanted)
            raise UsageError(f"training had no text of {asked}; to ask for it all the same, name {missing} too")
        return [(self.indices([wanted[i] for i in range(len(self.names))]), 1)]

    def _asked(self, asked: str) -> dict[int, str]:
        """Values by place of the attribute."""
        if len(self.names) == 1:
            name, known = self.names[0], self.values[0]
            if asked not in known and asked.startswith(f"{name}="):
                asked = asked.removeprefix(f"{name}=")
            if asked not in known:
                raise UnknownNameError(name, asked, known)
            return {0: asked}
        starts = list(re.finditer(rf"(?:^|,)({'|'.join(map(re.escape, self.names))})=", asked))
        if not starts or starts[0].start():
            name, _, value = asked.partition("=")
            if value:
                raise UnknownNameError("attribute", name, self.names)
            example = ",".join(f"{n}={v[0]}" for n, v in zip(self.names, self.values, strict=True))
            raise UsageError(f"name the attribute, as in --class {example}; got {asked!r}")
        found = {}
        for start, after in zip(starts, [*starts[1:], None], strict=True):
            place = self.names.index(start[1])
            value = asked[start.end() : after.start() if after else None]
            if value not in self.values[place]:
                raise UnknownNameError(start[1], value, self.values[place])
            found[place] = value
        return found

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        return {
            "names": list(self.names),
            "values": [list(known) for known in self.values],
            "seen": [[list(indices), count] for indices, count in self.seen],
        }

    @classmethod
    def from_json(cls, content: Any) -> Attributes:
        """Errors: DataError if this is not what `to_json` gives"""
        parts: dict[str, Any] = content if isinstance(content, dict) else {}
        names, values, seen = (parts.get(key, ()) for key in _KEYS)
        if len(parts) != len(_KEYS) or not _are_names(names) or not isinstance(values, list):
            raise DataError("attributes: expected names, the values of each, and seen")
        if not all(map(_are_names, values)) or not isinstance(seen, list):
            raise DataError("attributes: values are names, and seen is a list")
        counted = [_condition(pair, [len(known) for known in values]) for pair in seen]
        for several in (names, *values):
            if not several or len(set(several)) < len(several):
                raise DataError("attributes: each has a name of its own and values that differ")
        if len(names) != len(values) or not counted:
            raise DataError("attributes: names, values and what was seen do not fit together")
        return cls(tuple(names), tuple(map(tuple, values)), tuple(counted))


_KEYS = ("names", "values", "seen")
LONGEST_NAME = 10_000


def _are_names(found: Any) -> bool:
    return isinstance(found, list) and all(isinstance(name, str) and len(name) <= LONGEST_NAME for name in found)


def _condition(pair: Any, sizes: Sequence[int]) -> tuple[tuple[int, ...], int]:
    """Errors: DataError for what is no condition with the number of its texts"""
    indices, count = pair if isinstance(pair, list) and len(pair) == 2 else ((), 0)
    if not isinstance(indices, list) or not all(type(number) is int for number in [*indices, count]):
        raise DataError("attributes: seen holds conditions with how many texts they have")
    fits = len(indices) == len(sizes) and all(0 <= p < size for p, size in zip(indices, sizes, strict=True))
    if not fits or not 1 <= count < 1 << 53:
        raise DataError(f"attributes: the condition {indices!r:.100} of {count!r:.40} texts does not fit")
    return tuple(indices), count
