"""Multinomial naive Bayes over the character n-grams of a text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recurra.baselines.grams import Int64, delay, find, number, pair
from recurra.baselines.labels import check_labels
from recurra.errors import ShapeError

ALPHA = 0.1
ALPHA_GRID = (0.01, 0.03, 0.1, 0.3, 1.0)
CHUNK = 1 << 21  # characters times classes scored at once
EDGE = 0  # the symbol before the first and after the last character

Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class CharNaiveBayes:
    """Which class would most likely write these character n-grams, if they were drawn independently?

    Maths:   log p(c | text) = log p(c) + sum over the n-grams g of the text of log p(g | c) + constant;
             p(g | c) = (N(g, c) + alpha) / (N(c) + alpha G), G different n-grams of all `orders` together;
             p(c) = (examples of c + alpha) / (examples + alpha C)
    N-grams of more than one character run over the edges of the text, so "starts with Mc" is one. An n-gram or a
    character that training has not seen says nothing and is left out.
    Source:  McCallum & Nigam 1998, "A Comparison of Event Models for Naive Bayes Text Classification"

    Shapes:  alphabet int64 [A], sorted code points; levels[n - 1] int64 [G_n], keys as in baselines.grams;
             pairs int64 [P], sorted, n-gram * C + class, over the n-grams of `orders` in turn; counts int64 [P] of
             them; class_counts int64 [C], examples of each class
    """

    orders: tuple[int, ...]
    alpha: float
    alphabet: Int64
    levels: tuple[Int64, ...]
    pairs: Int64
    counts: Int64
    class_counts: Int64

    @classmethod
    def fit(
        cls,
        texts: Sequence[str],
        labels: ArrayLike,
        classes: Sequence[str],
        orders: Sequence[int] = (1, 2, 3),
        *,
        alpha: float | None = None,
        validation: tuple[Sequence[str], ArrayLike] | None = None,
    ) -> CharNaiveBayes:
        """Count the n-grams of each class.

        labels: whole numbers [N] into `classes`. alpha: the smoothing; without it, the value of ALPHA_GRID with the
        best accuracy on `validation` (texts, labels), the largest of equals; without that too, ALPHA.
        Errors:  ShapeError if texts and labels do not fit, there are none, or orders or alpha are not above 0
        """
        truth = check_labels(labels, len(classes), len(texts))
        wanted = tuple(sorted(set(orders)))
        if not wanted or wanted[0] < 1:
            raise ShapeError(f"expected orders of 1 and more, got {tuple(orders)}")
        if alpha is not None and not alpha > 0:
            raise ShapeError(f"expected alpha above 0, got {alpha}")
        points, owners = _characters(texts)
        alphabet = np.unique(points[points >= 0])
        symbols = _symbols(points, alphabet)
        levels: list[Int64] = []
        pairs: list[Int64] = []
        counts: list[Int64] = []
        ids, offset = np.zeros(len(symbols), dtype=np.int64), 0
        for n in range(1, wanted[-1] + 1):
            numbered = number(_keys(ids, symbols, owners, n, len(alphabet) + 1))
            levels.append(numbered.keys)
            ids = numbered.ids
            if n not in wanted:
                continue
            here = _features(ids, symbols, n)
            both, count = np.unique((ids[here] + offset) * len(classes) + truth[owners[here]], return_counts=True)
            pairs.append(both)
            counts.append(count.astype(np.int64))
            offset += len(numbered.keys)
        if not any(len(both) for both in pairs):
            raise ShapeError(f"expected texts long enough for orders {wanted}, got no n-grams of them")
        model = cls(
            wanted,
            ALPHA if alpha is None else alpha,
            alphabet,
            tuple(levels),
            np.concatenate(pairs),
            np.concatenate(counts),
            np.bincount(truth, minlength=len(classes)).astype(np.int64),
        )
        if alpha is None and validation is not None:
            expected = check_labels(validation[1], len(classes), len(validation[0]))
            right = {a: _right(replace(model, alpha=a), validation[0], expected) for a in ALPHA_GRID}
            model = replace(model, alpha=max(ALPHA_GRID, key=lambda a: (right[a], a)))
        return model

    def predict(self, texts: Sequence[str]) -> Int64:
        """The most probable class of each text. N texts -> int64 [N]."""
        best: Int64 = self.predict_log_proba(texts).argmax(axis=1).astype(np.int64)
        return best

    def predict_log_proba(self, texts: Sequence[str]) -> Float64:
        """log p(class | text). N texts -> float64 [N, C], nats; the exponentials of a row sum to 1."""
        parts = [self._joint(part) for part in _chunks(texts, CHUNK // len(self.class_counts))]
        joint = np.concatenate([np.zeros((0, len(self.class_counts))), *parts])
        joint -= joint.max(axis=1, keepdims=True)
        logarithms: Float64 = joint - np.log(np.exp(joint).sum(axis=1, keepdims=True))
        return logarithms

    def _joint(self, texts: Sequence[str]) -> Float64:
        """log p(class, text) up to a constant. Texts [N] -> float64 [N, C].

        Only the pairs (n-gram, class) that training has seen are visited, so that many classes stay cheap: every
        n-gram adds log(alpha / (N(c) + alpha G)) to each class, less log alpha, and a seen pair log(1 + N / alpha).
        """
        classes, features = len(self.class_counts), self._feature_count()
        totals = np.bincount(self.pairs % classes, weights=self.counts, minlength=classes)
        unseen = -np.log(totals / self.alpha + features)
        gain = np.log1p(self.counts / self.alpha)
        prior = np.log((self.class_counts + self.alpha) / (self.class_counts.sum() + self.alpha * classes))
        grams, owners = self._grams(texts)
        starts = np.searchsorted(self.pairs, grams * classes)
        sizes = np.searchsorted(self.pairs, (grams + 1) * classes) - starts
        within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        visited = np.repeat(starts, sizes) + within
        cells = np.repeat(owners, sizes) * classes + self.pairs[visited] % classes
        seen = np.bincount(cells, weights=gain[visited], minlength=len(texts) * classes)
        lengths = np.bincount(owners, minlength=len(texts))
        joint: Float64 = seen.reshape(len(texts), classes) + lengths[:, None] * unseen + prior
        return joint

    def _grams(self, texts: Sequence[str]) -> tuple[Int64, Int64]:
        """Every known n-gram of the texts, and the text it is of. -> int64 [M], int64 [M]"""
        points, owners = _characters(texts)
        symbols = _symbols(points, self.alphabet)
        ids, offset = np.zeros(len(symbols), dtype=np.int64), 0
        grams, of = [], []
        for n, level in enumerate(self.levels, start=1):
            ids = find(level, _keys(ids, symbols, owners, n, len(self.alphabet) + 1))
            if n in self.orders:
                here = _features(ids, symbols, n)
                grams.append(ids[here] + offset)
                of.append(owners[here])
                offset += len(level)
        return np.concatenate(grams), np.concatenate(of)

    def _feature_count(self) -> int:
        edge = 1 if 1 in self.orders else 0  # the edge alone is no feature
        return sum(len(self.levels[n - 1]) for n in self.orders) - edge


def _right(model: CharNaiveBayes, texts: Sequence[str], labels: Int64) -> int:
    return int((model.predict(texts) == labels).sum())


def _characters(texts: Sequence[str]) -> tuple[Int64, Int64]:
    """All texts in a row, each between two edges (-1): code points int64 [M], the text of each int64 [M]."""
    sizes = np.array([len(text) for text in texts], dtype=np.int64)
    owners = np.repeat(np.arange(len(texts)), sizes + 2)
    points = np.full(len(owners), -1, dtype=np.int64)
    ends = np.cumsum(sizes + 2)
    inside = np.ones(len(owners), dtype=bool)
    inside[ends - 1] = inside[ends - sizes - 2] = False
    points[inside] = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype="<u4")
    return points, owners


def _symbols(points: Int64, alphabet: Int64) -> Int64:
    """EDGE for an edge, 1 and up for the letters of the alphabet, -1 for a character that is not in it."""
    found = find(alphabet, points)
    return np.where(points < 0, EDGE, np.where(found < 0, -1, found + 1))


def _keys(ids: Int64, symbols: Int64, owners: Int64, n: int, size: int) -> Int64:
    """The key of the n-gram that ends at each place, -1 where it would begin in the text before."""
    if n == 1:
        return pair(ids, symbols, size)
    keys = pair(delay(ids), symbols, size)
    keys[1:][owners[1:] != owners[:-1]] = -1
    return keys


def _features(ids: Int64, symbols: Int64, n: int) -> Int64:
    """The positions where an n-gram that counts ends; the edge alone does not count."""
    return np.flatnonzero((ids >= 0) & (symbols != EDGE) if n == 1 else ids >= 0)


def _chunks(texts: Sequence[str], characters: int) -> Iterator[Sequence[str]]:
    """The texts in runs of about so many characters."""
    start = size = 0
    for end, text in enumerate(texts, start=1):
        size += len(text) + 2
        if size >= characters or end == len(texts):
            yield texts[start:end]
            start, size = end, 0
