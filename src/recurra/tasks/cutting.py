"""Parts of parts: what is learned from or looked at where there is no time for all."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar, Protocol, Self, TypeVar

import numpy as np
import numpy.typing as npt

from recurra.data.packed import PackedTexts
from recurra.data.ragged import Ragged
from recurra.data.tagged.packed import PackedSentences
from recurra.tasks.task import Dataset

Indices = npt.NDArray[np.int64]
LEAST_LOOKED_AT = 100
"""Rows that say something of a model, at least."""


class Rows(Protocol):
    """A part that is made of rows: texts, sentences, pairs, sequences."""

    def __len__(self) -> int: ...

    def at(self, indices: Indices) -> Self:
        """The rows at some indices, which rise."""


R = TypeVar("R", bound=Rows)


def drawn(whole: int, count: int) -> Indices:
    """So many indices of a whole, drawn by a fixed seed, for files stand by class at times; all if there are fewer."""
    return np.sort(np.random.default_rng(0).permutation(whole)[:count])


def some(part: R, count: int) -> R:
    """So many rows of a part, always the same; the part itself if there are fewer."""
    return part if count >= len(part) else part.at(drawn(len(part), max(1, count)))


def looked_at(part: R, units: int, whole: int, *, least: int | None = None) -> R:
    """As much of a part as has about so many of its units, or as few rows as say something. whole: all its units"""
    return some(part, max(LEAST_LOOKED_AT if least is None else least, math.ceil(len(part) * units / max(whole, 1))))


def picked(values: Any, indices: Indices) -> Any:
    """Those at some places of a list, or of what holds many in few arrays."""
    if isinstance(values, Ragged | PackedTexts | PackedSentences):
        return values.at(indices)
    return [values[place] for place in indices.tolist()]


class CutByRows:
    """How tasks are cut whose data are parts of rows; see tasks.abilities.Cutting."""

    rows: ClassVar[str] = "texts"
    first: ClassVar[int] = 200
    some: ClassVar[Callable[..., Any]] = staticmethod(some)

    def examples(self, dataset: Dataset[Any]) -> int:
        return len(dataset.parts["train"])

    def smaller(self, dataset: Dataset[Any], count: int) -> Dataset[Any]:
        parts = {name: some(part, count) for name, part in dataset.parts.items()}
        return replace(dataset, data=replace(dataset.data, parts=parts), parts=parts)

    def learning_from(self, dataset: Dataset[Any], count: int) -> Dataset[Any]:
        """See tasks.abilities.Learning."""
        parts = {**dataset.parts, "train": some(dataset.parts["train"], count)}
        return replace(dataset, data=replace(dataset.data, parts=parts), parts=parts)
