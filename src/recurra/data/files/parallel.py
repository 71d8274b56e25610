"""Sentence pairs: a sentence and its translation, from a table of two columns or from two files line by line."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from recurra.data.files.pair_rows import Pairs, PairsReader, rows_of
from recurra.data.files.tables import column_names, table_rows
from recurra.data.files.text import iter_lines
from recurra.data.packed import numbered, text_keys
from recurra.data.splits import PARTS, check_fractions, many
from recurra.data.twins import Form
from recurra.errors import DataError


def from_columns(path: Path, *, encoding: str = "utf-8", swap: bool = False, folder: Path | None = None) -> Pairs:
    """A line a pair, its two sides divided by a tab; a third column, such as who wrote it, is not read.

    swap: the second column is the source; folder: where the texts of a large file are put while they are needed, in
    memory without one. Outer white space is stripped, blank lines are left out and counted.
    Errors: DataError with the line for one column, more than three, or an empty side; for no pair at all; or as
            `recurra.data.files.text.iter_lines`
    """
    pairs = PairsReader(path, folder)
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
    return _done(pairs)


def from_files(source: Path, target: Path, *, encoding: str = "utf-8", folder: Path | None = None) -> Pairs:
    """Two files of which line n of the one is the translation of line n of the other; each may be packed.

    Lines that are blank in both are left out and counted. folder: as in `from_columns`
    Errors: DataError with the line for an empty side; for files of different length; for no pair at all; or as
            `recurra.data.files.text.iter_lines`
    """
    pairs = PairsReader(source, folder)
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
    return _done(pairs)


SOURCE_COLUMNS = ("source", "src", "text", "sentence", "原文", "源文", "源语言", "源語言")
TARGET_COLUMNS = ("target", "tgt", "translation", "trg", "译文", "譯文", "翻译", "翻譯", "目标语言", "目標語言")
"""What the two columns of a table are usually called, in lower case."""


def from_table(
    path: Path,
    *,
    source: str | None,
    target: str | None,
    encoding: str = "utf-8",
    swap: bool = False,
    folder: Path | None = None,
) -> tuple[Pairs, str]:
    """A row a pair, its two sides in two columns of a table, and what was found where, for people.

    source, target: names of columns, None for the usual ones, or in their order where there are but two; swap: the
    second is the source; folder: as in `from_columns`. Outer white space is stripped, rows with two empty cells are
    left out and counted.
    Errors: DataError for columns that there are not, an empty side; for no pair at all; or as `read_table`
    """
    there = column_names(path, encoding=encoding)
    if len(there) == 2 and not {column.lower() for column in there} & {*SOURCE_COLUMNS, *TARGET_COLUMNS}:
        source, target = _both(there, source, target)
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
    if swap:
        names.reverse()
    pairs = PairsReader(path, folder)
    for line, (first, second) in table_rows(path, names, encoding=encoding):
        if first.strip() or second.strip():
            _add(pairs, first, second, path, line)
        else:
            pairs.blank += 1
    return _done(pairs), f"sentences are in the column {names[0]!r}, their translations in {names[1]!r}"


def _both(there: Sequence[str], source: str | None, target: str | None) -> tuple[str, str]:
    """Of two columns, which is the source and which its translation, where one is named or neither."""
    first, second = there
    if source is None and target is not None:
        source = second if target == first else first
    source = source or first
    return source, target or (first if source == second else second)


def has_header(path: Path, encoding: str = "utf-8") -> bool:
    """Whether the first line of a file of two columns names them as they usually are."""
    names = [cell.strip().lower() for cell in next(iter_lines(path, encoding), "").split("\t")]
    return len(names) > 1 and names[0] in SOURCE_COLUMNS and names[1] in TARGET_COLUMNS


def _add(pairs: PairsReader, first: str, second: str, file: Path, line: int, other: Path | None = None) -> None:
    first, second = first.strip(), second.strip()
    if not first or not second:
        side = "source" if not first else "translation"
        raise DataError(
            f"the {side} of this pair is empty",
            remedy="fill it, or remove the pair",
            file=file if not first or other is None else other,
            line=line,
        )
    pairs.add(first, second, line)


def _done(pairs: PairsReader) -> Pairs:
    rows = pairs.done()
    if not len(rows):
        raise DataError("this file has no sentence pairs, only blank lines", file=rows.file)
    return Pairs(rows, pairs.blank)


def distinct(pairs: Pairs) -> tuple[Pairs, int]:
    """The first of each (source, target), and how many repeats were dropped."""
    rows = rows_of(pairs.items).distinct()
    return Pairs(rows, pairs.blank), len(pairs) - len(rows)


def split(
    pairs: Pairs,
    fractions: tuple[float, float, float],
    *,
    seed: int = 0,
    form: Form | None = None,
    keys: npt.NDArray[np.uint64] | None = None,
    dropped: int = 0,
) -> dict[str, Pairs]:
    """Train, validation and test at random; all translations of one sentence go to the same part.

    form: what a network sees of a sentence, see `recurra.data.twins`; sentences of the same form are one; keys: of each
    source's form, if they are known, uint64 [N]; dropped: repeats that are not in the pairs any more
    Errors: UsageError for shares that cannot be; DataError for fewer different sentences than parts
    """
    shares = check_fractions(fractions)
    rows = rows_of(pairs.items)
    number, first = rows.source_numbers()
    if keys is not None:
        form_of = numbered(keys[first])[0]
    elif form is not None:
        form_of = numbered(*text_keys(map(form, rows.sources.at(first))).T)[0]
    else:
        form_of = np.arange(len(first))
    # sentences are drawn, not forms: what has no twin stays where it was, however its twins are told
    order = form_of[np.random.default_rng(seed).permutation(len(first))]
    drawn = order[numbered(order)[1]]
    wanted = sum(share > 0 for share in shares)
    if len(drawn) < wanted:
        without = f" ({many(dropped, 'repeated pair')} dropped)" if dropped else ""
        raise DataError(
            f"{many(len(drawn), 'different sentence')}{without} cannot be divided into {wanted} parts",
            remedy="give more sentences",
            file=rows.file,
        )
    held = [max(1, round(share * len(drawn))) if share else 0 for share in shares[1:]]
    held = held if sum(held) < len(drawn) else [int(share > 0) for share in shares[1:]]
    part_of = np.empty(len(drawn), np.int64)
    part_of[drawn] = np.repeat(range(3), [len(drawn) - sum(held), *held])
    by_source = np.argsort(number, kind="stable")
    found = part_of[form_of[number[by_source]]]
    del number, order
    parts = {name: Pairs(rows.at(by_source[found == part])) for part, name in enumerate(PARTS)}
    parts["train"].blank = pairs.blank
    return parts
