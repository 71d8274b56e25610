"""The class of a text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from recurra.data.tokens.orders import ORDERS, SPELLING
from recurra.data.tokens.vocabulary import Vocabulary
from recurra.errors import UsageError
from recurra.runtime.layers import Layers, State
from recurra.runtime.ngrams import Features, Skip
from recurra.runtime.predictions import Floats, Prediction, best_of, softmax
from recurra.runtime.weights import Ints, Weights, one_of, setting

POOLINGS = ("last", "mean", "max", "all")
AT_ONCE = 64
"""Texts that are read beside each other."""


class Classifier:
    """A trained classifier of texts."""

    def __init__(
        self, weights: Weights, config: Mapping[str, Any], preprocessing: Mapping[str, Any], threads: int
    ) -> None:
        network = config["settings"]["network"]
        if setting(preprocessing, "characters", str, ""):
            raise UsageError("characters beside words (level both) are not read without torch; use recurra.load")
        self.vocabulary = Vocabulary.from_json(preprocessing["vocabulary"])
        self.classes: list[str] = setting(preprocessing, "classes", list)
        data = config["settings"]["data"]
        self.max_length = None if data["max_length"] is None else setting(data, "max_length", int)
        width = setting(network, "embedding_size", int)
        self._table = weights.floats("table.weight", len(self.vocabulary), width)
        self._layers = Layers(weights, network, width, threads, "stack")
        self._pooling = one_of(network, "pooling", POOLINGS)
        parts = 3 if self._pooling == "all" else 1
        self._weight, self._bias = weights.linear("head", parts * self._layers.output_size, len(self.classes))
        features = setting(preprocessing, "skip_features", int, 0)
        spelt = setting(preprocessing, "skip_spelling", bool, False)
        orders = ORDERS[self.vocabulary.level]
        self._skip: Skip | None = None
        if features:
            known, after = Features.of(weights, features, len(self.classes)), float(weights.floats("skip_after"))
            self._skip = Skip(known, after, orders, SPELLING if spelt else ())

    def predict(self, texts: str | Sequence[str], *, top: int = 1) -> list[Prediction]:
        """The `top` most probable classes of each text. Errors: UsageError for an empty text"""
        texts = [texts] if isinstance(texts, str) else list(texts)
        return [best_of(t, row, self.classes, top) for t, row in zip(texts, self.predict_proba(texts), strict=True)]

    def predict_proba(self, texts: Sequence[str]) -> Floats:
        """[N, C]. Errors: UsageError for an empty text"""
        encoded = [self._encoded(text, i) for i, text in enumerate(texts)]
        found = np.zeros((len(texts), len(self.classes)), np.float32)
        for rows in _of_like_length(encoded):
            found[rows] = softmax(self._logits([encoded[i] for i in rows], [texts[i] for i in rows]))
        return found

    def _encoded(self, text: str, index: int) -> Ints:
        ids = self.vocabulary.encode(text.strip())[: self.max_length]
        if not text.strip() or not len(ids):
            raise UsageError(f"text {index + 1} is empty" + (f" after normalisation: {text!r}" if text.strip() else ""))
        return ids

    def _logits(self, encoded: Sequence[Ints], texts: Sequence[str]) -> Floats:
        lengths = np.array([len(ids) for ids in encoded], np.int64)
        tokens = np.zeros((len(encoded), int(lengths.max())), np.int64)
        for row, ids in zip(tokens, encoded, strict=True):
            row[: len(ids)] = ids
        y, state = self._layers.run(tokens, table=self._table, lengths=lengths)
        logits = pooled(self._pooling, self._layers, y, state, lengths) @ self._weight.T + self._bias
        if self._skip is not None and self._skip.share:
            logits += np.stack([self._skip.beside(ids, self._words(t)) for ids, t in zip(encoded, texts, strict=True)])
        return logits

    def _words(self, text: str) -> list[str]:
        assert self._skip is not None
        return self.vocabulary.cut(text.strip())[: self.max_length] if self._skip.spelling else []


def pooled(how: str, layers: Layers, y: Floats, state: State, lengths: Ints) -> Floats:
    """What of the outputs is looked at, see topologies.many_to_one.pooled. Shapes: y [B, T, H] -> [B, H or 3 H]"""
    if how == "mean":
        mean: Floats = y.sum(1) / lengths[:, None].astype(np.float32)
        return mean
    if how == "max":
        past = np.arange(y.shape[1]) >= lengths[:, None]
        highest: Floats = np.where(past[:, :, None], np.float32(-np.inf), y).max(1)
        return highest
    if how == "all":
        return np.concatenate([pooled(one, layers, y, state, lengths) for one in ("last", "mean", "max")], -1)
    return layers.top(state)


def _of_like_length(encoded: Sequence[Ints]) -> Iterator[list[int]]:
    order = sorted(range(len(encoded)), key=lambda i: len(encoded[i]))
    for start in range(0, len(order), AT_ONCE):
        yield order[start : start + AT_ONCE]
