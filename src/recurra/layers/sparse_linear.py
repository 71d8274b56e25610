"""A linear map of which few inputs are not 0: n-grams of a text, or what stands around a token, found by their hash."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

EDGE = -1
"""Stands for the token before a text's first and after its last one."""
FACTOR = -7046029254386353131
"""2^64 divided by the golden ratio, as a signed number: products with it wrap around."""


MOST_FEATURES = 1 << 18
"""That are given a weight."""


PIECE = 1 << 20
"""Features that are sorted at once."""


class Found(NamedTuple):
    """The features of some rows, each by its hash, as often as it occurs. Shapes: keys int64 [M]; rows int64 [M]"""

    keys: Tensor
    rows: Tensor
    total: int

    def pieces(self) -> Iterator[Found]:
        """Itself if there are few, else some rows at a time, for what is sorted takes several times its memory."""
        count = -(-len(self.keys) // PIECE)
        if count <= 1:
            yield self
            return
        for number in range(count):
            start, stop = self.total * number // count, self.total * (number + 1) // count
            here = (self.rows >= start) & (self.rows < stop)
            yield Found(self.keys[here], self.rows[here], self.total)

    def taken(self, rows: Tensor) -> Found:
        """Those of some rows, which are numbered in the order given. Shapes: rows int64 [N], different"""
        numbers = torch.full((self.total,), -1)
        numbers[rows] = torch.arange(len(rows))
        found = numbers[self.rows]
        return Found(self.keys[found >= 0], found[found >= 0], len(rows))


class Sparse(NamedTuple):
    """Rows of values that are not 0, row by row.

    Shapes: features int64 [M], indices; values [M]; starts int64 [N + 1], where each row begins
    """

    features: Tensor
    values: Tensor
    starts: Tensor

    def __len__(self) -> int:
        return len(self.starts) - 1

    def taken(self, rows: Tensor) -> Sparse:
        """Some rows, in the order given."""
        sizes = self.starts.diff()[rows]
        starts = torch.cat([sizes.new_zeros(1), sizes.cumsum(0)])
        within = torch.arange(int(starts[-1]), device=starts.device) - torch.repeat_interleave(starts[:-1], sizes)
        positions = torch.repeat_interleave(self.starts[:-1][rows], sizes) + within
        return Sparse(self.features[positions], self.values[positions], starts)

    def owners(self) -> Tensor:
        """The row of each value. Shapes: -> int64 [M]"""
        return torch.repeat_interleave(torch.arange(len(self), device=self.starts.device), self.starts.diff())


def mixed(keys: Tensor) -> Tensor:
    """Keys whose bits depend on all bits of what is given. Shapes: int64 [...] -> int64 [...]"""
    spread = keys * FACTOR
    return spread ^ ((spread >> 29) & ((1 << 35) - 1))


def joined(keys: Tensor, others: Tensor | int) -> Tensor:
    """The key of a pair. Shapes: int64 [...], int64 [...] -> int64 [...]"""
    return mixed(keys * FACTOR + others)


def ngrams(tokens: Tensor, lengths: Tensor | None, orders: tuple[int, ...]) -> Found:
    """All n-grams of some texts, an edge on either side; an edge by itself is none.

    Shapes: tokens int64 [B, T], lengths int64 [B], all T if None
    """
    batch, steps = tokens.shape
    device = tokens.device
    ends = torch.full((batch, 1), steps, device=device) if lengths is None else lengths.to(device).unsqueeze(1)
    positions = torch.arange(steps + 2, device=device).unsqueeze(0)
    padded = functional.pad(tokens, (1, 1), value=EDGE)
    padded = padded.masked_fill(positions > ends, EDGE)
    keys, owners = [], []
    hashes = mixed(padded + 2)
    for order in range(1, max(orders) + 1):
        if order > steps + 2:
            break
        if order > 1:
            hashes = joined(hashes[:, :-1], padded[:, order - 1 :] + 2)
        if order in orders:
            first = positions[:, : hashes.shape[1]]
            inside = (first >= 1) & (first <= ends) if order == 1 else first + order <= ends + 2
            kept = inside.reshape(-1).nonzero().squeeze(1)  # looked for once: a mask is looked through for each
            keys.append(hashes.reshape(-1)[kept])
            owners.append(kept.div(hashes.shape[1], rounding_mode="floor"))
    return Found(torch.cat(keys), torch.cat(owners), batch)


def together(first: Found, second: Found) -> Found:
    """The features of the same rows from two sources."""
    return Found(torch.cat([first.keys, second.keys]), torch.cat([first.rows, second.rows]), first.total)


class SparseLinear(nn.Module):
    """Outputs of the features that a row has, and of nothing else that it has.

    Maths:  y = b + W v / |v|,  v = (1 + log n) s of each known feature that occurs n times
    keys: of the F known features, rising; scale: how much each counts, such as its inverse document frequency; share:
    what the outputs are multiplied with. All are 0 until `take`; none asks for a gradient, for they are fitted apart.
    Source: term weights as Salton & Buckley 1988
    Shapes: keys int64 [F], scale [F], weight [F, C], bias [C]
    """

    def __init__(self, features: int, outputs: int) -> None:
        super().__init__()
        self.keys: Tensor
        self.scale: Tensor
        self.share: Tensor
        self.register_buffer("keys", torch.zeros(features, dtype=torch.int64))
        self.register_buffer("scale", torch.zeros(features))
        self.register_buffer("share", torch.zeros(()))
        self.weight = nn.Parameter(torch.zeros(features, outputs), requires_grad=False)
        self.bias = nn.Parameter(torch.zeros(outputs), requires_grad=False)

    def rising(self) -> bool:
        """Whether a key can be found among its keys, as each of what `take` is given can."""
        return bool((self.keys[1:] >= self.keys[:-1]).all())

    @torch.no_grad()
    def take(self, keys: Tensor, scale: Tensor, weight: Tensor, bias: Tensor) -> None:
        """What was fitted. Shapes: as the class says"""
        for own, given in ((self.keys, keys), (self.scale, scale), (self.weight, weight), (self.bias, bias)):
            own.copy_(given)

    def forward(self, found: Found) -> Tensor:
        """Shapes: -> [N, C], times `share`"""
        return self.share * outputs(known(found, self.keys, self.scale), self.weight, self.bias)

    def each(self, found: Found) -> Tensor:
        """What each occurrence of a feature adds to the outputs of its row; with the bias in its share they sum to it.

        A feature that occurs several times is divided evenly; one that is not known adds 0. Shapes: -> [M, C]
        """
        rows = known(found, self.keys, self.scale)
        if not len(rows.features):
            return self.weight.new_zeros(len(found.keys), self.weight.shape[1])
        size = max(1, len(self.keys))
        pairs = rows.owners() * size + rows.features  # rising, as `known` made them
        positions = torch.searchsorted(self.keys, found.keys).clamp(max=size - 1)
        asked = found.rows * size + positions
        slots = torch.searchsorted(pairs, asked).clamp(max=len(pairs) - 1)
        there = (self.keys[positions] == found.keys) & (pairs[slots] == asked)
        counts = torch.zeros(len(pairs), dtype=torch.int64, device=pairs.device)
        counts.index_add_(0, slots[there], torch.ones_like(slots[there]))
        values = rows.values / counts.clamp(min=1)
        each = self.weight[rows.features[slots]] * values[slots].unsqueeze(1)
        return self.share * torch.where(there.unsqueeze(1), each, each.new_zeros(()))


def known(found: Found, keys: Tensor, scale: Tensor) -> Sparse:
    """The values of the known features, of each row by rising key, so that no row depends on the others."""
    positions = torch.searchsorted(keys, found.keys).clamp(max=max(len(keys) - 1, 0))
    there = keys[positions] == found.keys if len(keys) else torch.zeros_like(found.keys, dtype=torch.bool)
    kept = there.nonzero().squeeze(1)  # looked for once: a mask is looked through for each
    pairs, counts = torch.unique(found.rows[kept].mul_(len(keys)).add_(positions[kept]), return_counts=True)
    rows, features = (pairs // len(keys), pairs % len(keys)) if len(keys) else (pairs, pairs)
    values = (1 + counts.to(scale.dtype).log()) * scale[features]
    sizes = values.new_zeros(found.total).index_add_(0, rows, values * values).sqrt()
    starts = torch.searchsorted(rows, torch.arange(found.total + 1, device=rows.device))
    return Sparse(features, values / sizes[rows].clamp(min=1e-12), starts)


def outputs(rows: Sparse, weight: Tensor, bias: Tensor) -> Tensor:
    """W v + b. Shapes: N rows, [F, C], [C] -> [N, C]"""
    if not torch.is_grad_enabled() and len(rows.features):
        beside: Tensor = functional.embedding_bag(
            rows.features, weight, rows.starts, mode="sum", per_sample_weights=rows.values, include_last_offset=True
        )
        return beside.add_(bias)
    each = weight[rows.features] * rows.values.unsqueeze(1)
    return bias + each.new_zeros(len(rows), weight.shape[1]).index_add_(0, rows.owners(), each)
