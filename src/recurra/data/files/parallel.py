"""Sentence pairs: a sentence and its translation, from a table of two columns or from two files line by line."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from recurra.data.files.tables import column_names, read_table
from recurra.data.files.text import iter_lines
from recurra.data.splits import check_fractions, many
from recurra.data.twins import Form
from recurra.errors import DataError


@dataclass(frozen=True, slots=True)
class Pair:
    """A sentence, its translation and its place: file of the source, line from 1."""

    source: str
    target: str
    file: Path
    line: int


@dataclass
class Pairs:
    """Pairs in the order of their files; blank: lines left out because nothing stood on either side."""

    items: list[Pair] = field(default_factory=list)
    blank: int = 0

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Pair]:
        return iter(self.items)

    @property
    def sources(self) -> list[str]:
        """The sentences, in order."""
        return [item.source for item in self.items]

    @property
    def targets(self) -> list[str]:
        """Their translations, in order."""
        return [item.target for item in self.items]


def from_columns(path: Path, *, encoding: str = "utf-8", swap: bool = False) -> Pairs:
    """A line a pair, its two sides divided by a tab; a third column, such as who wrote it, is not read.

    swap: the second column is the source. Outer white space is stripped, blank lines are left out and counted.
    Errors: DataError with the line for one column, more than three, or an empty side; for no pair at all; or as
            `recurra.data.files.text.iter_lines`
    """
    pairs = Pairs()
    for number, line in enumerate(iter_lines(path, encoding), start=1):
        if not line.strip():
            pairs.blank += 1
            continue
        cells = line.split("\t")
        if not 2 <= len(cells) <= 3:
            found = "one column" if len(cells) == 1 else f"{len(cells)} columns"
            raise DataError(
                f"{found}, where a sentence and its translation are expected, divided by a tab", file=path, line=number
            )
        first, second = cells[1::-1] if swap else cells[:2]
        _add(pairs, first, second, path, number)
    return _some(pairs, path)


def from_files(source: Path, target: Path, *, encoding: str = "utf-8") -> Pairs:
    """Two files of which line n of the one is the translation of line n of the other; each may be packed.

    Lines that are blank in both are left out and counted.
    Errors: DataError with the line for an empty side; for files of different length; for no pair at all; or as
            `recurra.data.files.text.iter_lines`
    """
    pairs = Pairs()
    lines = itertools.zip_longest(iter_lines(source, encoding), iter_lines(target, encoding))
    for number, (first, second) in enumerate(lines, start=1):
        if first is None or second is None:
            longer, shorter = (target, source) if first is None else (source, target)
            rest = number + sum(1 for one, other in lines if one is not None or other is not None)
            raise DataError(
                f"this line and those after it have no partner: {longer.name} has {rest:,} lines, {shorter.name} "
                f"{number - 1:,}",
                remedy="line n of the one must be the translation of line n of the other",
                file=longer,
                line=number,
            )
        if not first.strip() and not second.strip():
            pairs.blank += 1
            continue
        _add(pairs, first, second, source, number, target)
    return _some(pairs, source)


SOURCE_COLUMNS = ("source", "src", "text", "sentence", "原文", "源文", "源语言", "源語言")
TARGET_COLUMNS = ("target", "tgt", "translation", "trg", "译文", "譯文", "翻译", "翻譯", "目标语言", "目標語言")
"""What the two columns of a table are usually called, in lower case."""


def from_table(
    path: Path, *, source: str | None, target: str | None, encoding: str = "utf-8", swap: bool = False
) -> tuple[Pairs, str]:
    """A row a pair, its two sides in two columns of a table, and what was found where, for people.

    source, target: names of columns, None for the usual ones; swap: the second is the source. Outer white space is
    stripped, rows with two empty cells are left out and counted.
    Errors: DataError for columns that there are not, an empty side; for no pair at all; or as `read_table`
    """
    there = column_names(path, encoding=encoding)
    names = []
    for option, asked, usual in (("text", source, SOURCE_COLUMNS), ("label", target, TARGET_COLUMNS)):
        name = asked or next((column for column in there if column.lower() in usual), None)
        if name is None:
            raise DataError(
                f"no column is named like a {'source' if option == 'text' else 'translation'} usually is; there are "
                f"{', '.join(map(repr, there[:20]))}",
                remedy="name both, as in --text COLUMN --label COLUMN: the source, and its translation",
                file=path,
            )
        names.append(name)
    if names[0] == names[1]:
        raise DataError(
            f"{names[0]!r} cannot be both the source and its translation",
            remedy="name two columns with --text and --label",
            file=path,
        )
    table = read_table(path, encoding=encoding, columns=names)
    if swap:
        names.reverse()
    pairs = Pairs()
    for first, second, line in zip(*(table.columns[name] for name in names), table.lines, strict=True):
        if first.strip() or second.strip():
            _add(pairs, first, second, path, line)
        else:
            pairs.blank += 1
    return _some(pairs, path), f"sentences are in the column {names[0]!r}, their translations in {names[1]!r}"


def has_header(path: Path, encoding: str = "utf-8") -> bool:
    """Whether the first line of a file of two columns names them as they usually are."""
    names = [cell.strip().lower() for cell in next(iter_lines(path, encoding), "").split("\t")]
    return len(names) > 1 and names[0] in SOURCE_COLUMNS and names[1] in TARGET_COLUMNS


def _add(pairs: Pairs, first: str, second: str, file: Path, line: int, other: Path | None = None) -> None:
    first, second = first.strip(), second.strip()
    if not first or not second:
        side = "source" if not first else "translation"
        raise DataError(
            f"the {side} of this pair is empty",
            remedy="fill it, or remove the pair",
            file=file if not first or other is None else other,
            line=line,
        )
    pairs.items.append(Pair(first, second, file, line))


def _some(pairs: Pairs, path: Path) -> Pairs:
    if not pairs.items:
        raise DataError("this file has no sentence pairs, only blank lines", file=path)
    return pairs


def distinct(pairs: Pairs) -> tuple[Pairs, int]:
    """The first of each (source, target), and how many repeats were dropped."""
    first: dict[tuple[str, str], Pair] = {}
    for item in pairs.items:
        first.setdefault((item.source, item.target), item)
    return Pairs(list(first.values()), pairs.blank), len(pairs) - len(first)


def split(
    pairs: Pairs,
    fractions: tuple[float, float, float],
    *,
    seed: int = 0,
    form: Form | None = None,
    dropped: int = 0,
) -> dict[str, Pairs]:
    """Train, validation and test at random; all translations of one sentence go to the same part.

    form: what a network sees of a sentence, see `recurra.data.twins`; sentences of the same form are one.
    dropped: repeats that are not in the pairs any more
    Errors: UsageError for shares that cannot be; DataError for fewer different sentences than parts
    """
    shares = check_fractions(fractions)
    forms = {item.source: item.source if form is None else form(item.source) for item in pairs.items}
    names = list(forms)
    # sentences are drawn, not forms: what has no twin stays where it was, however its twins are told
    drawn = list(dict.fromkeys(forms[names[place]] for place in np.random.default_rng(seed).permutation(len(names))))
    wanted = sum(share > 0 for share in shares)
    if len(drawn) < wanted:
        without = f" ({many(dropped, 'repeated pair')} dropped)" if dropped else ""
        raise DataError(
            f"{many(len(drawn), 'different sentence')}{without} cannot be divided into {wanted} parts",
            remedy="give more sentences",
            file=pairs.items[0].file,
        )
    held = [max(1, round(share * len(drawn))) if share else 0 for share in shares[1:]]
    held = held if sum(held) < len(drawn) else [int(share > 0) for share in shares[1:]]
    sizes = {"train": len(drawn) - sum(held), "validation": held[0], "test": held[1]}
    part_of = dict(zip(drawn, (part for part, size in sizes.items() for _ in range(size)), strict=True))
    parts = {part: Pairs() for part in sizes}
    place = {name: i for i, name in enumerate(names)}
    for item in sorted(pairs.items, key=lambda item: place[item.source]):
        parts[part_of[forms[item.source]]].items.append(item)
    parts["train"].blank = pairs.blank
    return parts
