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
MOST_NETWORKS = 1000
TINY = 1e-300


class Classifier:
    """A trained classifier of texts."""

    def __init__(
        self, weights: Weights, config: Mapping[str, Any], preprocessing: Mapping[str, Any], threads: int
    ) -> None:
        network = config["settings"]["network"]
        self.vocabulary = Vocabulary.from_json(preprocessing["vocabulary"])
        self.classes: list[str] = setting(preprocessing, "classes", list)
        data = config["settings"]["data"]
        self.max_length = None if data["max_length"] is None else setting(data, "max_length", int)
        characters = setting(preprocessing, "characters", str, "")
        sizes = len(self.vocabulary), len(self.classes)
        self._networks = [_Network(weights, network, sizes, characters, threads, prefix) for prefix in prefixes(config)]
        self._sharpness = float(weights.floats("sharpness")) if len(self._networks) > 1 else 1.0
        self._spells = bool(characters)
        features = setting(preprocessing, "skip_features", int, 0)
        spelt = setting(preprocessing, "skip_spelling", bool, False)
        orders = ORDERS[self.vocabulary.level]
        self._skip: Skip | None = None
        if features:
            known = Features.of(weights, features, len(self.classes))
            after, alone = (float(weights.floats(name)) for name in ("skip_after", "skip_alone"))
            self._skip = Skip(known, after, alone, orders, SPELLING if spelt else ())
            self._spells |= spelt

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
        letters = [self._letters(text) for text in texts]
        logits = self._networks[0].logits(tokens, lengths, letters)
        if len(self._networks) > 1:
            several = [logits, *(each.logits(tokens, lengths, letters) for each in self._networks[1:])]
            mean = np.mean([softmax(each) for each in several], 0, dtype=np.float64)
            logits = (self._sharpness * np.log(np.maximum(mean, TINY))).astype(np.float32)
        if self._skip is not None and self._skip.share:
            logits *= np.array([[self._skip.own(len(ids))] for ids in encoded])
            logits += np.stack([self._skip.beside(ids, each) for ids, each in zip(encoded, letters, strict=True)])
        return logits

    def _letters(self, text: str) -> Ints:
        """The characters of its words, a space around each; none where nobody reads them."""
        if not self._spells:
            return np.zeros(0, np.int64)
        words = f" {' '.join(self.vocabulary.cut(text.strip())[: self.max_length])} "
        return np.frombuffer(words.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.int64)


class _Network:
    """One network, by itself or of an ensemble. sizes: tokens and classes; prefix: before the names of its weights"""

    def __init__(
        self,
        weights: Weights,
        network: Mapping[str, Any],
        sizes: tuple[int, int],
        characters: str,
        threads: int,
        prefix: str,
    ) -> None:
        width, (tokens, classes) = setting(network, "embedding_size", int), sizes
        self._table = weights.floats(f"{prefix}table.weight", tokens, width)
        self._layers = Layers(weights, network, width, threads, f"{prefix}stack")
        self._pooling = one_of(network, "pooling", POOLINGS)
        self._known = np.array([ord(each) for each in characters], np.int64)
        parts = (3 if self._pooling == "all" else 1) * (2 if characters else 1)
        if characters:
            self._characters = weights.floats(f"{prefix}reader.table.weight", len(characters) + 1, width)
            self._reader = Layers(weights, network, width, threads, f"{prefix}reader.stack")
        self._weight, self._bias = weights.linear(f"{prefix}head", parts * self._layers.output_size, classes)

    def logits(self, tokens: Ints, lengths: Ints, letters: Sequence[Ints]) -> Floats:
        """Shapes: tokens [B, T], lengths [B], letters of each text -> [B, C]"""
        y, state = self._layers.run(tokens, table=self._table, lengths=lengths)
        seen = pooled(self._pooling, self._layers, y, state, lengths)
        if len(self._known):
            ends = np.array([len(each) for each in letters], np.int64)
            rows = np.zeros((len(letters), int(ends.max())), np.int64)
            for row, each in zip(rows, letters, strict=True):
                place = np.searchsorted(self._known, each).clip(max=len(self._known) - 1)
                row[: len(each)] = np.where(self._known[place] == each, place + 1, 0)
            y, state = self._reader.run(rows, table=self._characters, lengths=ends)
            seen = np.concatenate([seen, pooled(self._pooling, self._reader, y, state, ends)], -1)
        found: Floats = seen @ self._weight.T + self._bias
        return found


def prefixes(config: Mapping[str, Any]) -> list[str]:
    """Before the names of the weights of each network. Errors: TypeError for a number of networks that is none"""
    count = setting(config["settings"]["training"], "ensemble", int, 1)
    if not 1 <= count <= MOST_NETWORKS:
        raise TypeError(f"ensemble is {count}")
    return [""] if count == 1 else [f"members.{number}." for number in range(count)]


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
