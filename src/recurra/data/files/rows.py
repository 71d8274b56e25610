"""Labelled texts of a large table, column by column: an object for each would take more memory than the file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, overload

import numpy as np
import numpy.typing as npt

from recurra.data.packed import Keys, PackedTexts, Packer, numbered

if TYPE_CHECKING:
    from recurra.data.files.examples import Example

Int64 = npt.NDArray[np.int64]
Int32 = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class ExampleRows(Sequence["Example"]):
    """Some rows of a file of K texts, each an example when it is asked for.

    texts: the N rows that these are; names: of labels; labels: of all K texts, indices of names; lines: of all K,
    from 1; keys: of all K, see packed.Packer. Shapes: labels, lines int32 [K]; keys uint64 [K, 2]
    """

    file: Path
    texts: PackedTexts
    names: list[str]
    labels: Int32
    lines: Int32
    keys: Keys

    def __len__(self) -> int:
        return len(self.texts)

    @overload
    def __getitem__(self, index: int) -> Example: ...
    @overload
    def __getitem__(self, index: slice) -> list[Example]: ...
    def __getitem__(self, index: int | slice) -> Example | list[Example]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        from recurra.data.files.examples import Example

        row = int(self.texts.rows[index])
        return Example(self.texts[index], self.names[self.labels[row]], self.file, int(self.lines[row]))

    def __iter__(self) -> Iterator[Example]:
        from recurra.data.files.examples import Example

        rows = self.texts.rows
        for text, label, line in zip(self.texts, self.labels[rows].tolist(), self.lines[rows].tolist(), strict=True):
            yield Example(text, self.names[label], self.file, line)

    def at(self, indices: Int64) -> ExampleRows:
        """The rows at some places."""
        return replace(self, texts=self.texts.at(indices))

    def label_indices(self) -> Int32:
        """Of each row, an index of names. Shapes: int32 [N]"""
        return self.labels[self.texts.rows]

    def distinct(self) -> ExampleRows:
        """The first of each text with its label."""
        rows = self.texts.rows
        _, first = numbered(self.keys[rows, 0], self.keys[rows, 1], self.labels[rows])
        return self.at(first)

    def text_numbers(self) -> tuple[Int64, Int64]:
        """See packed.numbered, by the texts alone."""
        rows = self.texts.rows
        return numbered(self.keys[rows, 0], self.keys[rows, 1])


class RowsReader:
    """Rows are added one by one. folder: see packed.Packer"""

    def __init__(self, file: Path, folder: Path | None = None) -> None:
        self.file, self._packer = file, Packer(folder)
        self._names: dict[str, int] = {}
        self._labels, self._lines = Growing(), Growing()

    def add(self, text: str, label: str, line: int) -> None:
        """One more."""
        self._packer.add(text)
        self._labels.add(self._names.setdefault(label, len(self._names)))
        self._lines.add(line)

    def done(self) -> ExampleRows:
        """All of them."""
        texts, keys = self._packer.done()
        return ExampleRows(self.file, texts, list(self._names), self._labels.done(), self._lines.done(), keys)


class Growing:
    """Numbers below 2^31, added one by one, in four bytes each."""

    def __init__(self) -> None:
        self._blocks: list[Int32] = []
        self._open: list[int] = []

    def add(self, number: int) -> None:
        self._open.append(number)
        if len(self._open) == 1 << 16:
            self._close()

    def _close(self) -> None:
        self._blocks.append(np.array(self._open, np.int32))
        self._open = []

    def done(self) -> Int32:
        self._close()
        return np.concatenate(self._blocks)
