"""Sentence pairs, column by column: an object for each would take more memory than the file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import overload

import numpy as np
import numpy.typing as npt

from recurra.data.files.rows import Growing
from recurra.data.packed import Keys, PackedTexts, Packer, numbered

Int64 = npt.NDArray[np.int64]
Int32 = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Pair:
    """A sentence, its translation and its place: file of the source, line from 1."""

    source: str
    target: str
    file: Path
    line: int


@dataclass(frozen=True, eq=False)
class PairRows(Sequence[Pair]):
    """Some rows of a file of K pairs, each a Pair when it is asked for.

    sources, targets: the N rows that these are; lines: of all K, from 1; source_keys, target_keys: of all K, see
    packed.Packer. Shapes: lines int32 [K]; keys uint64 [K, 2]
    """

    file: Path
    sources: PackedTexts
    targets: PackedTexts
    lines: Int32
    source_keys: Keys
    target_keys: Keys

    def __len__(self) -> int:
        return len(self.sources)

    @property
    def rows(self) -> Int64:
        """Which of the K these are. Shapes: int64 [N]"""
        return self.sources.rows

    @overload
    def __getitem__(self, index: int) -> Pair: ...
    @overload
    def __getitem__(self, index: slice) -> list[Pair]: ...
    def __getitem__(self, index: int | slice) -> Pair | list[Pair]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return Pair(self.sources[index], self.targets[index], self.file, int(self.lines[self.rows[index]]))

    def __iter__(self) -> Iterator[Pair]:
        for source, target, line in zip(self.sources, self.targets, self.lines[self.rows].tolist(), strict=True):
            yield Pair(source, target, self.file, line)

    def at(self, indices: Int64) -> PairRows:
        """The pairs at some places."""
        return replace(self, sources=self.sources.at(indices), targets=self.targets.at(indices))

    def of_file(self, rows: Int64) -> PairRows:
        """Others of its K pairs."""
        sources, targets = (PackedTexts(side.letters, side.starts, rows) for side in (self.sources, self.targets))
        return replace(self, sources=sources, targets=targets)

    def divided(self) -> PairRows:
        """Without the keys, which are of no use any more."""
        none = np.zeros((0, 2), np.uint64)
        return replace(self, source_keys=none, target_keys=none)

    def distinct(self) -> PairRows:
        """The first of each source with its target."""
        rows = self.rows
        keys = (of[rows, place] for of in (self.source_keys, self.target_keys) for place in (0, 1))
        return self.at(numbered(*keys)[1])

    def source_numbers(self) -> tuple[Int64, Int64]:
        """See packed.numbered, by the sources alone."""
        return numbered(*self.source_keys[self.rows].T)


class PairsReader:
    """Pairs are added one by one. folder: see packed.Packer"""

    def __init__(self, file: Path, folder: Path | None = None) -> None:
        self.file, self.blank = file, 0
        self._sides, self._lines = (Packer(folder), Packer(folder)), Growing()

    def add(self, source: str, target: str, line: int) -> None:
        """One more."""
        self._sides[0].add(source)
        self._sides[1].add(target)
        self._lines.add(line)

    def done(self) -> PairRows:
        """All of them."""
        (sources, source_keys), (targets, target_keys) = (side.done() for side in self._sides)
        return PairRows(self.file, sources, targets, self._lines.done(), source_keys, target_keys)


def rows_of(pairs: Sequence[Pair]) -> PairRows:
    """Some pairs as rows, which have one file."""
    if isinstance(pairs, PairRows):
        return pairs
    reader = PairsReader(pairs[0].file if pairs else Path())
    for pair in pairs:
        reader.add(pair.source, pair.target, pair.line)
    return reader.done()


@dataclass
class Pairs:
    """Pairs in the order of their files; blank: lines left out because nothing stood on either side."""

    items: Sequence[Pair] = field(default_factory=list)
    blank: int = 0

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Pair]:
        return iter(self.items)

    @property
    def sources(self) -> Sequence[str]:
        """The sentences, in order."""
        return self.items.sources if isinstance(self.items, PairRows) else [item.source for item in self.items]

    @property
    def targets(self) -> Sequence[str]:
        """Their translations, in order."""
        return self.items.targets if isinstance(self.items, PairRows) else [item.target for item in self.items]

    def at(self, indices: Int64) -> Pairs:
        """The pairs at some places."""
        items = self.items
        if isinstance(items, PairRows):
            return Pairs(items.at(indices), self.blank)
        return Pairs([items[index] for index in indices.tolist()], self.blank)
