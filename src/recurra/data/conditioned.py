"""Texts with what they were written for: a class, or a vector of attributes such as a tune's metre and key."""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from recurra.data.abc.tunes import Tune, read_tunes, written
from recurra.data.files.checked import Exact, Name, checked
from recurra.data.files.examples import Example, Examples
from recurra.data.files.tables import read_table
from recurra.errors import DataError, UnknownNameError, UsageError

CLASS = "class"
"""The name of a single attribute that has none of its own."""
FILE = "file"
"""Names the file of a tune where header fields are named."""
_RANGE = re.compile(r"(?<=[a-z]{3})[a-z]-[a-z]$")


@dataclass
class Conditioned:
    """Texts by part ("train", ...), or all of them under "all".

    names: of the attributes; values: what each label stands for, one value for each attribute; left_out: indices and
    reasons of tunes that could not be read
    """

    names: tuple[str, ...]
    parts: dict[str, Examples]
    values: dict[str, tuple[str, ...]]
    left_out: list[str] = field(default_factory=list)


def from_classes(examples: Examples) -> Conditioned:
    """Texts whose label is their class."""
    return Conditioned((CLASS,), {"all": examples}, {label: (label,) for label in examples.classes()})


def from_table(
    path: Path, *, text: str, labels: Sequence[str], encoding: str = "utf-8", split_column: str | None = None
) -> Conditioned:
    """The rows of a table, an attribute for each label column; by the values of `split_column` if there is one.

    Outer white space of the cells is stripped; a row whose text is empty is left out and counted in `skipped`.
    Errors: DataError for a missing column, an empty attribute or part (with its line), no text at all; as `read_table`
    """
    if len(set(labels)) < len(labels):
        raise UsageError(f"a label column is named twice in {', '.join(labels)}")
    extra = [] if split_column is None else [split_column]
    table = read_table(path, encoding=encoding, columns=list(dict.fromkeys([text, *labels, *extra])))
    found = Conditioned(tuple(labels), {}, {})
    for row, line in enumerate(table.lines):
        cells = {name: column[row].strip() for name, column in table.columns.items()}
        for name in (*labels, *extra):
            if cells[text] and not cells[name]:
                raise DataError(f"the {name!r} of this row is empty", file=path, line=line)
        part = found.parts.setdefault(cells[split_column] if split_column else "all", Examples())
        if cells[text]:
            _add(part, found, cells[text], tuple(cells[name] for name in labels), path, line)
        else:
            part.skipped += 1
    if not found.values:
        raise DataError(f"the column {text!r} is empty in all {len(table)} rows", file=path)
    return found


def from_tunes(
    files: Mapping[str, Path], *, labels: Sequence[str] | None = None, encoding: str = "utf-8"
) -> Conditioned:
    """The tunes of .abc files, written as `abc.written` writes them.

    files: by name; a name that ends in a range of letters ("reelsa-c") is one with the others of its kind ("reels").
    labels: "file" or letters of header fields, as "R" or "M". None: the file's name, or, if all files have the same,
    R: where every tune has it, else M:. A tune that cannot be read is left out.
    Errors: DataError if no tune can be read, for a tune without the field asked for, with its line; as `read_tunes`
    """
    tunes: list[tuple[str, Tune]] = []
    for name, path in files.items():
        tunes += [(_RANGE.sub("", name), tune) for tune in read_tunes(path, encoding=encoding)]
    if labels is None:
        if len({group for group, _ in tunes}) > 1:
            labels = [FILE]
        else:
            labels = ["R"] if all(tune.fields.get("R") for _, tune in tunes) else ["M"]
    names = (CLASS,) if list(labels) == [FILE] else tuple(labels)
    found = Conditioned(names, {"all": Examples()}, {})
    for group, tune in tunes:
        values = tuple(group if name == FILE else _field(tune, name) for name in labels)
        try:
            text = written(tune)
        except DataError as error:
            found.left_out.append(str(error).replace(str(tune.file), tune.file.name, 1).partition("\n")[0])
            continue
        _add(found.parts["all"], found, text, values, tune.file, tune.line)
    if not found.values:
        raise DataError(f"none of {len(tunes)} tunes can be read; the first: {found.left_out[0]}")
    return found


def _field(tune: Tune, name: str) -> str:
    value = tune.fields.get(name, "").strip()
    if not value:
        there = ", ".join(f"{letter}:" for letter in tune.fields)
        raise DataError(
            f"this tune has no field {name}:",
            remedy=f"it has {there}; or use --label file",
            file=tune.file,
            line=tune.line,
        )
    return value


def _add(part: Examples, found: Conditioned, text: str, values: tuple[str, ...], file: Path, line: int) -> None:
    label = described(found.names, values)
    found.values[label] = values
    part.items.append(Example(text, label, file, line))


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
    def _places(self) -> tuple[dict[str, int], ...]:
        """Of each attribute's values."""
        return tuple({value: place for place, value in enumerate(known)} for known in self.values)

    def indices(self, condition: Sequence[str]) -> tuple[int, ...]:
        """Errors: UnknownNameError, with the nearest, for a value that was not in training"""
        for name, known, value in zip(self.names, self._places, condition, strict=True):
            if value not in known:
                raise UnknownNameError(name, value, known)
        return tuple(known[value] for known, value in zip(self._places, condition, strict=True))

    def unknown(self, condition: Sequence[str]) -> str | None:
        """The name of the first attribute whose value was not in training, None if all were."""
        known = zip(self.names, self._places, condition, strict=True)
        return next((name for name, indices, value in known if value not in indices), None)

    def describe(self, indices: Sequence[int]) -> str:
        """A condition as it is typed."""
        return described(self.names, [known[place] for known, place in zip(self.values, indices, strict=True)])

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
        read = checked(_Attributes, content, "attributes")
        sizes = [len(known) for known in read.values]
        seen = []
        for pair in read.seen:
            indices, count = pair if len(pair) == 2 else ([], 0)
            if not isinstance(indices, list) or not isinstance(count, int):
                raise DataError("attributes: seen holds conditions with how many texts they have")
            fits = len(indices) == len(sizes) and all(0 <= p < size for p, size in zip(indices, sizes, strict=True))
            if not fits or not 1 <= count < 1 << 53:
                raise DataError(f"attributes: the condition {indices!r:.100} of {count!r:.40} texts does not fit")
            seen.append((tuple(indices), count))
        for names in (read.names, *read.values):
            if not names or len(set(names)) < len(names):
                raise DataError("attributes: each has a name of its own and values that differ")
        if len(read.names) != len(read.values) or not seen:
            raise DataError("attributes: names, values and what was seen do not fit together")
        return cls(tuple(read.names), tuple(map(tuple, read.values)), tuple(seen))


class _Attributes(Exact):
    names: list[Name]
    values: list[list[Name]]
    seen: list[list[list[int] | int]]
