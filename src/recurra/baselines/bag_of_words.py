"""Logistic regression over which tokens a text has, in whatever order."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recurra.baselines.labels import check_labels
from recurra.errors import ShapeError

Int64 = NDArray[np.int64]
Float64 = NDArray[np.float64]
Tokens = NDArray[np.integer]

EPOCHS = 10
PATIENCE = 2
BATCH = 64
RATE = 0.3
CHUNK = 1 << 20  # tokens scored at once, times classes
LARGEST = 1 << 24
"""Weights at most, beside the biases."""


@dataclass(frozen=True)
class BagOfWords:
    """Which class does the set of a text's tokens speak for?

    Maths:   p(c | text) = softmax(b + sum over the n different tokens t of the text of w[t] / sqrt(n))
    Texts of the same tokens get the same answer, whatever their order and how often each token stands there.
    Learned by AdaGrad in batches of BATCH texts, which goes once over the data in time linear in their length.
    Source:  Duchi, Hazan & Singer 2011, "Adaptive Subgradient Methods for Online Learning and Stochastic Optimization"

    Shapes:  weights float64 [V + 1, C], the last row the biases; of so many classes that there would be more than
             LARGEST of them, only the first tokens, which are the most frequent ones, have their own
    """

    weights: Float64
    vocabulary_size: int

    @classmethod
    def fit(
        cls,
        encoded: Sequence[Tokens],
        labels: ArrayLike,
        classes: int,
        vocabulary_size: int,
        *,
        validation: tuple[Sequence[Tokens], ArrayLike] | None = None,
        seed: int = 0,
        seconds: float | None = None,
    ) -> BagOfWords:
        """Go over the texts up to EPOCHS times, once at least; no further once so many seconds are over.

        encoded: ids of tokens [T] each, in 0 .. vocabulary_size - 1; labels: int [N] in 0 .. classes - 1; validation:
        texts and labels on which the best epoch is chosen, and after PATIENCE epochs without a better one none follows.
        Errors:  ShapeError if texts and labels do not fit, or an id is not in the vocabulary
        """
        begun = time.monotonic()
        truth = check_labels(labels, classes, len(encoded))
        bags = _Bags.of(encoded, vocabulary_size)
        held_out = None
        if validation is not None:
            expected = check_labels(validation[1], classes, len(validation[0]))
            held_out = _Bags.of(validation[0], vocabulary_size), expected
        known = min(vocabulary_size, max(1, LARGEST // classes))
        model = cls(np.zeros((known + 1, classes)), vocabulary_size)
        squares = np.full_like(model.weights, 1e-8)
        best, highest, since = model, -1, 0
        for epoch in range(EPOCHS):
            order = np.random.default_rng([seed, epoch]).permutation(len(truth))
            for start in range(0, len(order), BATCH):
                rows = order[start : start + BATCH]
                model._learn(bags.taken(rows), truth[rows], squares)
            late = seconds is not None and time.monotonic() - begun > seconds
            if held_out is None:
                best = model
                if late:
                    break
                continue
            right = int((model._likeliest(held_out[0]) == held_out[1]).sum())
            since = 0 if right > highest else since + 1
            if right > highest:
                best, highest = replace(model, weights=model.weights.copy()), right
            if since >= PATIENCE or late:
                break
        return best

    def size_bytes(self) -> int:
        """Of the weights, as 32-bit numbers on disk."""
        return 4 * self.weights.size

    def predict(self, encoded: Sequence[Tokens]) -> Int64:
        """The most probable class of each text. N texts -> int64 [N]."""
        return self._likeliest(_Bags.of(encoded, self.vocabulary_size))

    def predict_log_proba(self, encoded: Sequence[Tokens]) -> Float64:
        """log p(class | text), in nats. N texts -> float64 [N, C]."""
        bags = _Bags.of(encoded, self.vocabulary_size)
        logits = np.concatenate([np.zeros((0, self.weights.shape[1])), *self._logits(bags)])
        result: Float64 = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
        return result

    def _likeliest(self, bags: _Bags) -> Int64:
        found = [logits.argmax(axis=1).astype(np.int64) for logits in self._logits(bags)]
        return np.concatenate([np.zeros(0, np.int64), *found])

    def _logits(self, bags: _Bags) -> Iterator[Float64]:
        """Of some texts after the others."""
        most = max(1, CHUNK // self.weights.shape[1])
        last_text = len(bags.starts) - 1
        edges = np.unique(np.searchsorted(bags.starts, np.arange(0, bags.starts[-1] + most, most)).clip(max=last_text))
        for first, last in itertools.pairwise(edges):
            yield self._scores(bags.taken(np.arange(first, last)))

    def _rows(self, bags: _Bags) -> Int64:
        """Of the weights: the first for all tokens beyond those that have one, the last for the biases."""
        last = len(self.weights) - 1
        return np.where(bags.ids < last, bags.ids, np.where(bags.ids == self.vocabulary_size, last, 0))

    def _scores(self, bags: _Bags) -> Float64:
        values = self.weights[self._rows(bags)] * bags.values()[:, None]
        result: Float64 = np.add.reduceat(values, bags.starts[:-1], axis=0)
        return result

    def _learn(self, bags: _Bags, labels: Int64, squares: Float64) -> None:
        """One step of AdaGrad; only the rows of the weights whose tokens occur are touched."""
        logits = self._scores(bags)
        wrong = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
        wrong[np.arange(len(labels)), labels] -= 1
        each = np.repeat(wrong, np.diff(bags.starts), axis=0) * bags.values()[:, None] / len(labels)
        rows = self._rows(bags)
        order = np.argsort(rows, kind="stable")
        here, firsts = np.unique(rows[order], return_index=True)
        gradient = np.add.reduceat(each[order], firsts, axis=0)
        squares[here] += gradient**2
        self.weights[here] -= RATE * gradient / np.sqrt(squares[here])


@dataclass(frozen=True)
class _Bags:
    """The different tokens of each text in a row, each text's last the bias: ids int64 [M]; starts int64 [N + 1]."""

    ids: Int64
    starts: Int64

    @classmethod
    def of(cls, encoded: Sequence[Tokens], vocabulary_size: int) -> _Bags:
        sizes = np.array([len(row) for row in encoded], dtype=np.int64)
        tokens = np.concatenate([np.zeros(0, np.int64), *encoded]).astype(np.int64)
        if len(tokens) and not (tokens.min() >= 0 and tokens.max() < vocabulary_size):
            raise ShapeError(f"expected ids in 0 .. {vocabulary_size - 1}, got {tokens.min()} .. {tokens.max()}")
        width = vocabulary_size + 1
        bias = np.arange(len(encoded), dtype=np.int64) * width + vocabulary_size
        keys = np.unique(np.concatenate([np.repeat(np.arange(len(encoded)), sizes) * width + tokens, bias]))
        starts = np.searchsorted(keys, np.arange(len(encoded) + 1) * width)
        return cls(keys % width, starts.astype(np.int64))

    def values(self) -> Float64:
        """The value of each: 1 / sqrt(n) for a token of a text that has n different ones, 1 for the bias. [M]"""
        counts = np.diff(self.starts)
        found = np.repeat(1 / np.sqrt(np.maximum(counts - 1, 1)), counts)
        found[self.starts[1:] - 1] = 1
        return found

    def taken(self, rows: Int64) -> _Bags:
        """The bags of some texts."""
        counts = np.diff(self.starts)[rows]
        starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        within = np.arange(starts[-1]) - np.repeat(starts[:-1], counts)
        return _Bags(self.ids[np.repeat(self.starts[:-1][rows], counts) + within], starts)
