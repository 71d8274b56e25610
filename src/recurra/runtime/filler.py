"""What stands in the blank of a sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from recurra.data.tokens.blanks import BLANK, encoded_pieces
from recurra.data.tokens.vocabulary import UNKNOWN, Vocabulary
from recurra.errors import UsageError
from recurra.runtime.layers import Layers, State
from recurra.runtime.predictions import Floats, log_softmax
from recurra.runtime.weights import Weights, setting

BEAM = 24
"""Beginnings of a blank's contents that are followed up at each length, at least."""
_ERF = np.frompyfunc(math.erf, 1, 1)


@dataclass(frozen=True)
class Filled:
    """A text and, for each of its blanks, what may stand there with its probability, best first."""

    text: str
    blanks: list[list[tuple[str, float]]]

    @property
    def best(self) -> str:
        """The text with the most probable content in each blank."""
        contents = iter(self.blanks)
        return BLANK.sub(lambda _: next(contents)[0][0], self.text)


class Filler:
    """A trained model of blanks."""

    def __init__(
        self, weights: Weights, config: Mapping[str, Any], preprocessing: Mapping[str, Any], threads: int
    ) -> None:
        network = config["settings"]["network"]
        self.vocabulary = Vocabulary.from_json(preprocessing["vocabulary"])
        self.longest, count = setting(preprocessing, "longest_blank", int), len(self.vocabulary)
        width = setting(network, "embedding_size", int)
        self._table = weights.floats("table.weight", count + 1, width)
        self._forward = Layers(weights, network, width, threads, "forward_stack")
        self._backward = Layers(weights, network, width, threads, "backward_stack")
        hidden = self._forward.output_size
        self._left, self._right = weights.linear("left", hidden, width), weights.linear("right", hidden, width)
        self._meet, self._joined = (
            weights.linear("meet", 2 * hidden, 2 * width),
            weights.linear("joined", 2 * width, width),
        )
        self._bias = weights.floats("bias", 3, count)[0]
        self._bias[UNKNOWN] = -np.inf
        self._blank = np.zeros((1, 2 * width), np.float32)
        if self.longest > 1:
            self._blank = weights.floats("blank", self.longest, 2 * width)
            self._length = weights.linear("length", 2 * width, self.longest)

    def predict(self, texts: str | Sequence[str], *, top: int = 1) -> list[Filled]:
        """What may stand in each blank (two or more underscores) of each text; other blanks are read as unknown.

        Errors: UsageError for a text without a blank, or with nothing else
        """
        texts = [texts] if isinstance(texts, str) else list(texts)
        if top < 1:
            raise UsageError(f"top must be a whole number from 1, got {top}")
        pieces = [encoded_pieces(text, self.vocabulary, number) for number, text in enumerate(texts, start=1)]
        return [
            Filled(text.strip(), [self._candidates(parts, i, top) for i in range(len(parts) - 1)])
            for text, parts in zip(texts, pieces, strict=True)
        ]

    def _candidates(self, pieces: list[list[int]], blank: int, top: int) -> list[tuple[str, float]]:
        found = self._filled(_joined(pieces[: blank + 1]), _joined(pieces[blank + 1 :]), top)
        return [(self.vocabulary.decode(ids), chance) for ids, chance in found]

    def _filled(self, left: list[int], right: list[int], top: int) -> list[tuple[list[int], float]]:
        """Contents and their probabilities, best first; see topologies.fill_search."""
        edge = len(self.vocabulary)
        f, state = self._read(self._forward, [edge, *left])
        b, _ = self._read(self._backward, [edge, *reversed(right)])
        lengths = np.zeros(1, np.float32)
        if self.longest > 1:
            weight, bias = self._length
            lengths = log_softmax((_gelu(self._met(f, b)) @ weight.T + bias)[0])
        found: list[tuple[list[int], float]] = []
        for length, chance in enumerate(lengths.tolist(), start=1):
            found += self._of_length(length, chance, f, state, b, max(top, BEAM))
        return sorted(found, key=lambda one: (-one[1], one[0]))[:top]

    def _of_length(
        self, length: int, chance: float, f: Floats, state: State, b: Floats, beam: int
    ) -> list[tuple[list[int], float]]:
        scores, contents = np.array([chance], np.float32), np.zeros((1, 0), np.int64)
        for remaining in range(length, 0, -1):
            if contents.shape[1]:
                y, state = self._forward.run(contents[:, -1:], state, table=self._table)
                f = y[:, -1]
            every = (scores[:, None] + self._next(f, np.repeat(b, len(f), 0), remaining)).ravel()
            kept = np.argsort(-every, kind="stable")[: min(beam, int(np.isfinite(every).sum()))]
            scores, (rows, tokens) = every[kept], np.divmod(kept, len(self.vocabulary))
            contents = np.concatenate([contents[rows], tokens[:, None]], 1)
            state = tuple(s[:, rows] for s in state)
        return list(zip(contents.tolist(), np.exp(scores).tolist(), strict=True))

    def _read(self, layers: Layers, tokens: Sequence[int]) -> tuple[Floats, State]:
        """Shapes: -> [1, H], the last states"""
        y, state = layers.run(np.array([tokens], np.int64), table=self._table)
        return y[:, -1], state

    def _met(self, f: Floats, b: Floats) -> Floats:
        weight, bias = self._meet
        found: Floats = np.concatenate([f, b], -1) @ weight.T + bias
        return found

    def _next(self, f: Floats, b: Floats, remaining: int) -> Floats:
        """Log-probabilities of the next token of a blank with so many left. Shapes: f, b [N, H] -> [N, V]"""
        joined = _gelu(self._met(f, b) + self._blank[remaining - 1]) @ self._joined[0].T + self._joined[1]
        joined += f @ self._left[0].T + self._left[1] + b @ self._right[0].T + self._right[1]
        return log_softmax(joined @ self._table[:-1].T + self._bias)


def _joined(pieces: Sequence[list[int]]) -> list[int]:
    """Pieces of a text with an unknown token in the place of each blank between them."""
    found = list(pieces[0])
    for piece in pieces[1:]:
        found += [UNKNOWN, *piece]
    return found


def _gelu(x: Floats) -> Floats:
    share = 0.5 * (1 + np.asarray(_ERF(x.astype(np.float64) / math.sqrt(2)), np.float64))
    found: Floats = x * share.astype(np.float32)
    return found
