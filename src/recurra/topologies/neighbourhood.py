"""What stands around a token, as features of a linear model: the token, its beginning and end, and its neighbours."""

from __future__ import annotations

import torch
from torch import Tensor

from recurra.layers.sparse_linear import Found, joined, mixed

AFFIXES = 4
"""Letters of a beginning or an end at most."""
AROUND = 2
"""Tokens to the left and to the right that are looked at."""
NOTHING = 0
"""The key of what is not there."""
READS = (
    *((place,) for place in range(-AROUND, AROUND + 1)),
    *((place, place + 1) for place in range(-AROUND, AROUND)),
    (-1, 1),
    (-1, 0, 1),
)
"""The places around a token that each kind of feature reads, in the order of `_keys`."""
READS_OF_LETTERS = ((0,), (-1,), (1,), *((0,),) * (2 * AFFIXES), (-1,), (1,), (-1, 0))
"""Likewise of those that read letters."""


def neighbourhood(
    tokens: Tensor, words: Tensor, lengths: Tensor | None, letters: Tensor | None, letter_lengths: Tensor | None
) -> Found:
    """The features of every token, row by row; of places past a sentence's end there are none.

    words, letters: of the distinct forms, as topologies.tagger.Forms has them
    Shapes: tokens int64 [B, T]; words int64 [U]; letters int64 [U, L]; -> of B * T rows
    """
    batch, steps = tokens.shape
    keys, there = _keys(tokens, words, lengths, letters, letter_lengths)
    rows = torch.arange(batch * steps, device=tokens.device).view(batch, steps, 1).expand_as(keys)
    return Found(keys[there], rows[there], batch * steps)


def read_by(
    tokens: Tensor, words: Tensor, lengths: Tensor | None, letters: Tensor | None, letter_lengths: Tensor | None
) -> list[tuple[int, ...]]:
    """Of each feature that `neighbourhood` finds, in its order, how far from its token it reads: 0 is the token."""
    _, there = _keys(tokens, words, lengths, letters, letter_lengths)
    kinds = READS if letters is None else READS + READS_OF_LETTERS
    return [kinds[part] for part in there.nonzero()[:, 2].tolist()]


def _keys(
    tokens: Tensor, words: Tensor, lengths: Tensor | None, letters: Tensor | None, letter_lengths: Tensor | None
) -> tuple[Tensor, Tensor]:
    """A key for each kind of feature, and where there is one. Shapes: -> int64 and bool [B, T, kinds]"""
    batch, steps = tokens.shape
    device = tokens.device
    ends = torch.full((batch, 1), steps, device=device) if lengths is None else lengths.to(device).unsqueeze(1)
    inside = torch.arange(steps, device=device) < ends
    word = mixed(words + 2)
    begins: list[Tensor] = []
    finishes: list[Tensor] = []
    spelt = word
    if letters is not None and letter_lengths is not None:
        begins, finishes, spelt = _affixes(letters, letter_lengths.to(device))
    edge = mixed(torch.ones((), dtype=torch.int64, device=device))
    row = torch.where(inside, word[tokens], edge)
    whole = torch.where(inside, spelt[tokens], edge)
    padded = _between(row, edge, AROUND)
    at = {place: padded[:, AROUND + place : AROUND + place + steps] for place in range(-AROUND, AROUND + 1)}
    parts = [at[place] for place in at]
    parts += [joined(at[place], at[place + 1]) for place in range(-AROUND, AROUND)]
    parts += [joined(at[-1], at[1]), joined(joined(at[-1], at[0]), at[1])]
    if letters is not None:
        beside = _between(whole, edge, 1)
        parts += [whole, beside[:, :-2], beside[:, 2:]]
        parts += [each[tokens] for each in (*begins, *finishes)]
        end = torch.where(inside, finishes[AFFIXES - 2][tokens], edge)
        after = _between(end, edge, 1)
        parts += [after[:, :-2], after[:, 2:], joined(after[:, :-2], finishes[AFFIXES - 2][tokens])]
    keys = torch.stack([torch.where(p == NOTHING, p, joined(p, number)) for number, p in enumerate(parts)], -1)
    return keys, (keys != NOTHING) & inside.unsqueeze(-1)


def _between(keys: Tensor, edge: Tensor, count: int) -> Tensor:
    """Rows with so many edges on either side; torch's `pad` would round the key to a double."""
    edges = edge.expand(len(keys), count)
    return torch.cat([edges, keys, edges], 1)


def _affixes(letters: Tensor, lengths: Tensor) -> tuple[list[Tensor], list[Tensor], Tensor]:
    """The keys of the first and the last 1 to AFFIXES letters of each form, NOTHING where it has fewer, and of all."""
    longest = letters.shape[1]
    begin = spelt = end = torch.zeros(len(letters), dtype=torch.int64, device=letters.device)
    begins, finishes = [], []
    for count in range(1, longest + 1):
        known = lengths >= count
        spelt = torch.where(known, joined(spelt, letters[:, count - 1] + 2), spelt)
    for count in range(1, AFFIXES + 1):
        known = lengths >= count
        first = letters[:, min(count, longest) - 1]
        last = letters.gather(1, (lengths - count).clamp(min=0).unsqueeze(1)).squeeze(1)
        begin, end = joined(begin, first + 2), joined(end, last + 2)
        begins.append(torch.where(known, begin, torch.zeros_like(begin)))
        finishes.append(torch.where(known, end, torch.zeros_like(end)))
    return begins, finishes, spelt
