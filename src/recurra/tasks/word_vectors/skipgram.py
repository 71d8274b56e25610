"""Word vectors from the texts alone: skip-gram with negative sampling."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from recurra.errors import DataError, DivergedError, UsageError

Ids = npt.NDArray[np.integer[Any]]
BLOCK = 1 << 17
"""Tokens whose pairs are drawn, mixed and learned at a time."""
BATCH = 512
"""Most pairs of a step."""
DRAWN = 64
"""Tokens drawn as negatives in a step, shared by its pairs."""
MOST = 64
"""A step is smaller where more pairs than so many would move one vector at once, as in a tiny vocabulary."""
FEWEST_EPOCHS, MOST_EPOCHS, LONG = 5, 20, 2_000_000
"""Without a number of passes, few tokens are gone through more often, until so many have been read."""
LOSS_EVERY = 16
"""The loss is looked at once in so many steps."""
POWER = 0.75
"""Negatives are drawn by frequency to this power."""


@dataclass(frozen=True)
class SkipGram:
    """How word vectors are learned.

    width: size of a vector; epochs: passes over texts, None for `passes`; window: most tokens between a token and
    what it predicts, the distance drawn from 1 to it for each token; negatives: weight of what does not stand there
    beside one that does; subsample: share of a text from which on a token is thinned out, which the mean one never is,
    0 for none.
    Errors: UsageError for values that cannot be
    Source: Mikolov et al. 2013, Distributed representations of words and phrases and their compositionality
    """

    width: int = 100
    epochs: int | None = None
    window: int = 5
    negatives: float = 5.0
    subsample: float = 1e-3
    learning_rate: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value in (("width", self.width), ("epochs", self.epochs), ("window", self.window)):
            if value is not None and value < 1:
                raise UsageError(f"{name} must be at least 1, got {value}")
        if self.negatives <= 0 or self.learning_rate <= 0:
            raise UsageError(f"negatives and learning_rate must be above 0, got {self.negatives}, {self.learning_rate}")
        if not 0 <= self.subsample < 1:
            raise UsageError(f"subsample must be from 0 to 1, got {self.subsample}")


@dataclass(frozen=True)
class Pass:
    """One pass of several done. loss: mean of a pair, in nats; seconds: since the beginning"""

    epoch: int
    epochs: int
    loss: float
    pairs: int
    seconds: float


def count_tokens(texts: Sequence[Ids], size: int) -> npt.NDArray[np.int64]:
    """How often each id occurs. Shapes: texts each [T] -> int64 [V]"""
    counts = np.zeros(size, dtype=np.int64)
    for block, _ in _blocks(texts):
        counts += np.bincount(block, minlength=size)
    return counts


def passes(tokens: int) -> int:
    """Over texts of so many tokens, if nothing else is said."""
    return min(max(FEWEST_EPOCHS, math.ceil(LONG / max(tokens, 1))), MOST_EPOCHS)


@torch.no_grad()
def learn_vectors(
    texts: Sequence[Ids], size: int, how: SkipGram, *, notify: Callable[[Pass], None] | None = None
) -> npt.NDArray[np.float32]:
    """Vectors of ids 0 to size - 1 that predict what stands near them; the same for the same seed.

    Maths:   maximise log s(u_o . v_c) + k * E_n log s(-u_n . v_c) over tokens c, their neighbours o and draws n
    Shapes:  texts each [T], ids; nothing is predicted from one text to the next -> float32 [V, E], rows of ids that do
             not occur 0
    Errors:  DataError if no token has a neighbour
    """
    if not any(len(text) > 1 for text in texts):
        raise DataError("no token has a neighbour to learn word vectors from", remedy="give longer texts")
    counts = count_tokens(texts, size)
    rng = np.random.default_rng([how.seed, 7])
    random = torch.Generator().manual_seed(how.seed)
    weights = torch.from_numpy(counts.astype(np.float64) ** POWER)
    inner = torch.empty(size, how.width).uniform_(-0.5 / how.width, 0.5 / how.width, generator=random)
    outer = torch.zeros(size, how.width)
    kept = _kept_share(counts, how.subsample)
    batch = _batch(counts, kept, how.negatives)
    epochs = how.epochs or passes(int(counts.sum()))
    begun, done, total = time.perf_counter(), 0, float(counts.sum()) * epochs
    for epoch in range(epochs):
        losses, pairs = [], 0
        for tokens, indices in _blocks(texts):
            rate = how.learning_rate * max(1 - done / total, 1e-2)
            centres, contexts = _pairs(tokens, indices, kept, how.window, rng)
            for step, start in enumerate(range(0, len(centres), batch)):
                centre, context = (torch.from_numpy(a[start : start + batch]) for a in (centres, contexts))
                drawn = torch.multinomial(weights, DRAWN, replacement=True, generator=random)
                loss = _step(inner, outer, centre, context, drawn, how.negatives, rate, asked=step % LOSS_EVERY == 0)
                losses += [] if loss is None else [loss]
            done, pairs = done + len(tokens), pairs + len(centres)
        if not all(map(math.isfinite, losses)):
            raise DivergedError("word vectors became NaN; try a lower learning rate")
        if notify is not None:
            notify(Pass(epoch + 1, epochs, sum(losses) / max(len(losses), 1), pairs, time.perf_counter() - begun))
    found: npt.NDArray[np.float32] = inner.numpy()
    found[counts == 0] = 0
    return found


def _step(
    inner: Tensor,
    outer: Tensor,
    centre: Tensor,
    context: Tensor,
    drawn: Tensor,
    negatives: float,
    rate: float,
    *,
    asked: bool,
) -> float | None:
    """Descend along a batch of pairs; its mean loss before that, if asked.

    The gradients stand here by hand, for only the rows per batch move, however long the tables are.
    Shapes: inner, outer [V, E], centre, context [B], drawn [N]
    """
    v, near, far = inner[centre], outer[context], outer[drawn]
    right, wrong = torch.sigmoid((v * near).sum(-1, keepdim=True)), torch.sigmoid(v @ far.T)
    weight = negatives / len(drawn)
    pull, push = 1 - right, wrong * weight
    inner.index_add_(0, centre, pull * near - push @ far, alpha=rate)
    outer.index_add_(0, context, pull * v, alpha=rate)
    outer.index_add_(0, drawn, push.T @ v, alpha=-rate)
    if not asked:
        return None
    lost = right.log().mean() + negatives * torch.log1p(-wrong).clamp_min(-100).mean()
    return -float(lost)


def _batch(counts: npt.NDArray[np.int64], kept: npt.NDArray[np.float64], negatives: float) -> int:
    """Pairs of a step: as many as keep the most frequent token from being moved by more than MOST of them."""
    left = counts * kept
    share = max(float((weights / weights.sum()).max()) for weights in (left, counts**POWER))
    return int(min(max(MOST / ((1 + negatives) * share), 1), BATCH))


def _kept_share(counts: npt.NDArray[np.int64], subsample: float) -> npt.NDArray[np.float64]:
    """The chance of each token to stay: sqrt(t/f) + t/f, 1 at most, f its share of the text. Shapes: [V] -> [V]"""
    if not subsample:
        return np.ones(len(counts))
    share = max(subsample, 1 / max(int((counts > 0).sum()), 1))
    ratio = share * counts.sum() / np.maximum(counts, 1)
    shares: npt.NDArray[np.float64] = np.minimum(np.sqrt(ratio) + ratio, 1.0)
    return shares


def _pairs(
    tokens: npt.NDArray[np.int64],
    indices: npt.NDArray[np.int64],
    kept: npt.NDArray[np.float64],
    window: int,
    rng: np.random.Generator,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Tokens and their neighbours, mixed. Shapes: tokens, indices [N] (which text each is of) -> two of [P]"""
    stays = rng.random(len(tokens)) < kept[tokens]
    tokens, indices = tokens[stays], indices[stays]
    reach = rng.integers(1, window + 1, len(tokens))
    centres, contexts = [], []
    for distance in range(1, window + 1):
        same = indices[distance:] == indices[:-distance]
        for side in (0, 1):  # the neighbour stands behind, then before
            centre = slice(None, -distance) if side == 0 else slice(distance, None)
            other = slice(distance, None) if side == 0 else slice(None, -distance)
            near = same & (reach[centre] >= distance)
            centres.append(tokens[centre][near])
            contexts.append(tokens[other][near])
    order = rng.permutation(sum(map(len, centres)))
    return np.concatenate(centres)[order], np.concatenate(contexts)[order]


def _blocks(texts: Sequence[Ids]) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """All texts in blocks of about BLOCK tokens: the ids, and the number of the text each is of."""
    parts: list[npt.NDArray[np.int64]] = []
    numbers: list[npt.NDArray[np.int64]] = []
    size = 0
    for number, text in enumerate(texts):
        for start in range(0, len(text), BLOCK):
            part = np.asarray(text[start : start + BLOCK]).astype(np.int64)
            parts.append(part)
            numbers.append(np.full(len(part), number))
            size += len(part)
            if size >= BLOCK:
                yield np.concatenate(parts), np.concatenate(numbers)
                parts, numbers, size = [], [], 0
    if parts:
        yield np.concatenate(parts), np.concatenate(numbers)
