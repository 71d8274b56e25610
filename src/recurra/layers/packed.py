"""Packed rows of very different length, in runs of rows alike: each is padded to its own longest row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

RATIO = 4
"""All rows are one run as long as padding makes at most so many steps of one; otherwise a run's first row is at most so
many times as long as its last."""


@dataclass(frozen=True)
class Run:
    """Rows of a batch, longest first: from row `first` on, as many as there are lengths."""

    first: int
    lengths: Tensor
    batch_sizes: Tensor

    @property
    def rows(self) -> slice:
        return slice(self.first, self.first + len(self.lengths))

    @property
    def steps(self) -> int:
        return int(self.lengths.sum())


def runs(batch_sizes: Tensor) -> list[Run]:
    """The rows of a PackedSequence in runs; one run where padding costs little.

    Shapes: batch_sizes int64 [T], how many rows reach each step
    """
    time, batch = len(batch_sizes), int(batch_sizes[0])
    ending = batch_sizes - torch.cat([batch_sizes[1:], batch_sizes.new_zeros(1)])
    lengths = torch.arange(time, 0, -1).repeat_interleave(ending.flip(0))
    if batch * time <= RATIO * int(lengths.sum()):
        return [Run(0, lengths, batch_sizes)]
    found, first = [], 0
    while first < batch:
        longest = int(lengths[first])
        count = int((lengths[first:] * RATIO >= longest).sum())
        sizes = (batch_sizes[:longest] - first).clamp(max=count)
        found.append(Run(first, lengths[first : first + count], sizes))
        first += count
    return found


def order(batch_sizes: Tensor, parts: list[Run]) -> Tensor:
    """Where each packed row of the runs, one run after the other, stands among all packed rows: int64 [N]."""
    begins = batch_sizes.cumsum(0) - batch_sizes
    indices = []
    for run in parts:
        before = run.batch_sizes.cumsum(0) - run.batch_sizes
        shift = begins[: len(before)] + run.first - before
        indices.append(shift.repeat_interleave(run.batch_sizes) + torch.arange(run.steps))
    return torch.cat(indices)


def split(packed: PackedSequence, parts: list[Run], indices: Tensor) -> Iterator[PackedSequence]:
    """Each run as a PackedSequence of its own, its rows in the order of their lengths."""
    data = packed.data.index_select(0, indices).split([run.steps for run in parts])  # type: ignore[no-untyped-call]
    for values, run in zip(data, parts, strict=True):
        yield PackedSequence(values, run.batch_sizes)
