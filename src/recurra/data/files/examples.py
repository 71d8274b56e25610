"""Labelled texts, and where each one stands."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from pathlib import Path
from typing import overload

import numpy as np
import numpy.typing as npt

from recurra.data.files.rows import ExampleRows, RowsReader
from recurra.data.files.tables import table_rows
from recurra.data.files.text import iter_lines
from recurra.data.packed import PackedTexts
from recurra.errors import DataError


@dataclass(frozen=True, slots=True)
class Example:
    """One text, its label and its place: file, line from 1."""

    text: str
    label: str
    file: Path
    line: int


@dataclass
class Examples:
    """Examples in the order of their files; skipped: rows left out because their text was empty."""

    items: Sequence[Example] = field(default_factory=list)
    skipped: int = 0

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Example]:
        return iter(self.items)

    @property
    def texts(self) -> Sequence[str]:
        """The texts, in order."""
        return self.items.texts if isinstance(self.items, ExampleRows) else [item.text for item in self.items]

    @property
    def labels(self) -> list[str]:
        """The labels, in order."""
        if isinstance(self.items, ExampleRows):
            return [self.items.names[index] for index in self.items.label_indices().tolist()]
        return [item.label for item in self.items]

    def classes(self) -> list[str]:
        """The different labels, sorted."""
        if isinstance(self.items, ExampleRows):
            return sorted(self.items.names[index] for index in np.unique(self.items.label_indices()).tolist())
        return sorted({item.label for item in self.items})

    def add(self, item: Example) -> None:
        """One more, to a list."""
        assert isinstance(self.items, list)
        self.items.append(item)

    def at(self, indices: npt.NDArray[np.int64]) -> Examples:
        """Those at some places."""
        items = self.items
        if isinstance(items, ExampleRows):
            return Examples(items.at(indices), self.skipped)
        return Examples([items[index] for index in indices.tolist()], self.skipped)


def from_folder(folder: Path, *, encoding: str = "utf-8") -> Examples:
    """A folder with one <label>.txt per class and one example a line.

    Blank lines are left out, outer white space is stripped; files of other kinds and hidden ones are not
    read.
    Errors: DataError if there is no such folder or no such file in it, or as `from_files`.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError("no such folder", file=folder)
    found = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    files: dict[str, Path] = {}
    for path in found:
        if path.suffix.lower() == ".txt":
            if path.stem in files:
                raise DataError(f"two files are for the class {path.stem!r}", remedy="merge them", file=path)
            files[path.stem] = path
    if not files:
        raise DataError("this folder has no .txt file", remedy="put one <label>.txt per class into it", file=folder)
    return from_files(files, encoding=encoding)


def from_files(files: Mapping[str, Path], *, encoding: str = "utf-8") -> Examples:
    """Files by label, one example a line; blank lines are left out, outer white space is stripped.

    Errors: DataError for a file without any example, a line over 1,000,000 characters, or as `iter_lines`.
    """
    items: list[Example] = []
    for label, path in files.items():
        before = len(items)
        for number, line in enumerate(iter_lines(path, encoding), start=1):
            if text := line.strip():
                items.append(Example(text, label, path, number))
        if len(items) == before:
            raise DataError("this file has only blank lines", remedy="remove it or fill it", file=path)
    return Examples(items)


def from_pair(texts: Path, labels: Path, encoding: str = "utf-8") -> Examples:
    """Line n of one file with line n of another as its label; outer white space is stripped, blank pairs are skipped.

    Errors: DataError for files of different length, a text without its label, or as `iter_lines`
    """
    found = Examples()
    both = zip_longest(iter_lines(texts, encoding), iter_lines(labels, encoding))
    for number, (text, label) in enumerate(both, start=1):
        if text is None or label is None:
            short, long = (texts, labels) if text is None else (labels, texts)
            raise DataError(
                f"{short.name} ends after {number - 1:,} lines, {long.name} does not",
                remedy="line n of one belongs to line n of the other",
                file=short,
                line=number,
            )
        if not text.strip():
            found.skipped += bool(label.strip())
        elif not label.strip():
            raise DataError(f"this text has no label in {labels.name}", file=texts, line=number)
        else:
            found.add(Example(text.strip(), label.strip(), texts, number))
    if not len(found):
        raise DataError("this file has only blank lines", remedy="fill it", file=texts)
    return found


@overload
def from_table(
    path: Path,
    *,
    text: str = ...,
    label: str = ...,
    encoding: str = ...,
    split_column: None = ...,
    folder: Path | None = ...,
) -> Examples: ...
@overload
def from_table(
    path: Path,
    *,
    text: str = ...,
    label: str = ...,
    encoding: str = ...,
    split_column: str,
    folder: Path | None = ...,
) -> dict[str, Examples]: ...
def from_table(
    path: Path,
    *,
    text: str = "text",
    label: str = "label",
    encoding: str = "utf-8",
    split_column: str | None = None,
    folder: Path | None = None,
) -> Examples | dict[str, Examples]:
    """The rows of a table; with `split_column` by that column's values, in the order of their appearance.

    folder: where the texts of a large table are put while they are needed, in memory without one; text, label,
    split_column: names of columns. Outer white space of the cells is stripped; a row whose text
    is empty is left out and counted in `skipped`. Errors: DataError for a missing column, an empty label or
    an empty value to split by (each with its line), no row that has a text, or as `read_table`.
    """
    path = Path(path)
    wanted = [text, label] if split_column is None else [text, label, split_column]
    parts: dict[str, _Part] = {}
    count = 0
    for line, cells in table_rows(path, wanted, encoding=encoding):
        count += 1
        value = "" if split_column is None else cells[2].strip()
        if (part := parts.get(value)) is None:
            part = parts[value] = _Part(RowsReader(path, folder))
        if not (kept := cells[0].strip()):
            part.skipped += 1
            continue
        if not (name := cells[1].strip()):
            raise DataError(f"the {label!r} of this row is empty", file=path, line=line)
        if split_column is not None and not value:
            raise DataError(f"the {split_column!r} of this row is empty", file=path, line=line)
        part.rows.add(kept, name, line)
    found = {value: Examples(part.rows.done(), part.skipped) for value, part in parts.items()}
    if not any(map(len, found.values())):
        raise DataError(f"the column {text!r} is empty in all {count} rows", file=path)
    if split_column is None:
        return found[""]
    return {value: part for value, part in found.items() if value}


@dataclass
class _Part:
    """Rows that are being read. skipped: as in Examples"""

    rows: RowsReader
    skipped: int = 0


def distinct(examples: Examples) -> tuple[Examples, int]:
    """The first of each (text, label), and how many repeats were dropped."""
    if isinstance(examples.items, ExampleRows):
        rows = examples.items.distinct()
        return Examples(rows, examples.skipped), len(examples) - len(rows)
    first: dict[tuple[str, str], Example] = {}
    for item in examples.items:
        first.setdefault((item.text, item.label), item)
    return Examples(list(first.values()), examples.skipped), len(examples) - len(first)


def joined(parts: Sequence[Examples]) -> Examples:
    """Some examples one after the other."""
    rows = [part.items for part in parts if isinstance(part.items, ExampleRows)]
    if len(rows) == len(parts) and len({id(one.keys) for one in rows}) == 1:  # all of one file
        texts = rows[0].texts
        whole = PackedTexts(texts.letters, texts.starts, np.concatenate([one.texts.rows for one in rows]))
        return Examples(replace(rows[0], texts=whole))
    return Examples([item for part in parts for item in part.items])


def likeness(label: str) -> str:
    """The same for labels that only case, width, the form of accents or white space tell apart."""
    return " ".join(unicodedata.normalize("NFKC", label).casefold().split())


def look_alikes(labels: Iterable[str]) -> list[str]:
    """What to say of labels that only case, width, the form of accents or white space tell apart; empty if none."""
    alike: dict[str, list[str]] = {}
    for label in sorted(set(labels)):
        alike.setdefault(likeness(label), []).append(label)
    groups = [" and ".join(map(ascii, found)) for found in alike.values() if len(found) > 1]
    if not groups:
        return []
    shown = "; ".join(groups[:3]) + (f"; and {len(groups) - 3} more" if len(groups) > 3 else "")
    return [f"labels that look alike are learned as different ones: {shown}"]
