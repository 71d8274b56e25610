"""A tag for every token of a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from recurra.data.tagged import spans
from recurra.data.tagged.spans import Span
from recurra.data.tokens.normalize import normalize
from recurra.data.tokens.typed import Habit, tokens_of
from recurra.data.tokens.vocabulary import Vocabulary
from recurra.errors import UsageError
from recurra.runtime.classifier import prefixes
from recurra.runtime.layers import Layers
from recurra.runtime.neighbourhood import neighbourhood
from recurra.runtime.ngrams import Features
from recurra.runtime.paths import Transitions
from recurra.runtime.predictions import Floats, numbers
from recurra.runtime.weights import Ints, Weights, setting


@dataclass(frozen=True)
class Tagging:
    """A sentence with its tags; see tasks.tag.model.Tagging."""

    text: str
    tokens: list[str]
    tags: list[str]
    probabilities: list[float]
    candidates: list[list[tuple[str, float]]]
    spans: list[Span]


class Tagger:
    """A trained tagger."""

    def __init__(
        self, weights: Weights, config: Mapping[str, Any], preprocessing: Mapping[str, Any], threads: int
    ) -> None:
        network = config["settings"]["network"]
        self.tags: list[str] = setting(preprocessing, "tags", list)
        self.scheme: str | None = preprocessing["scheme"]
        self._level = setting(preprocessing, "level", str)
        self._split = setting(config["settings"]["data"], "word_split", str)
        signs = (frozenset(preprocessing.get(name, ())) for name in ("signs_inside", "sign_runs"))
        self._habit = Habit(*signs)
        self._networks = [
            _Network(weights, network, preprocessing["lexicon"], len(self.tags), threads, prefix)
            for prefix in prefixes(config)
        ]
        self._forms = self._networks[0].forms
        self._sharpness = np.float32(1)
        if len(self._networks) > 1:
            self._sharpness = np.float32(weights.floats("sharpness"))
        learned = setting(network, "crf", bool)
        self._transitions = Transitions.of(weights, self.tags, self.scheme, learned=learned)
        count = setting(preprocessing, "skip_features", int, 0)
        self._skip = Features.of(weights, count, len(self.tags)) if count else None

    def predict(self, texts: str | Sequence[str], *, top: int = 1) -> list[Tagging]:
        """The tags of each sentence; top: so many candidates for each token.

        texts: sentences; one that is a list of tokens is not cut. Errors: UsageError for an empty text
        """
        if top < 1:
            raise UsageError(f"top must be a whole number from 1, got {top}")
        given = [texts] if isinstance(texts, str) else list(texts)
        cut_up = [self.tokens(text) for text in given]
        for number, tokens in enumerate(cut_up, start=1):
            if not tokens:
                raise UsageError(f"text {number} is empty")
        return [self._tagging(text, tokens, top) for text, tokens in zip(given, cut_up, strict=True)]

    def tokens(self, text: str | Sequence[str]) -> list[str]:
        """The tokens of a sentence as the training data have them; those that are given."""
        if not isinstance(text, str):
            return list(text)
        return tokens_of(text, self._level, self._split, self._forms.words, self._habit)

    def _tagging(self, text: str | Sequence[str], tokens: list[str], top: int) -> Tagging:
        logits = self._logits(tokens)
        best, chances = self._transitions.best(logits), self._transitions.probabilities(logits)
        order = np.argsort(-chances, axis=1, kind="stable")[:, :top]
        tags = [self.tags[place] for place in best]
        return Tagging(
            text if isinstance(text, str) else " ".join(tokens),
            tokens,
            tags,
            [float(row[place]) for row, place in zip(chances, best, strict=True)],
            [[(self.tags[i], float(row[i])) for i in each] for row, each in zip(chances, order, strict=True)],
            spans.spans(tags) if self.scheme else [],
        )

    def _logits(self, tokens: Sequence[str]) -> Floats:
        """Shapes: -> [T, C]"""
        words = self._forms.words.encode_tokens(tokens)
        letters = self._forms.letters(tokens)
        several = [each.logits(tokens, words, letters) for each in self._networks]
        logits: Floats = numbers(self._sharpness * np.asarray(np.mean(several, 0), np.float32))
        if self._skip is not None and self._skip.share:
            logits = logits + np.stack([self._skip.outputs(keys) for keys in neighbourhood(words, letters)])
        return logits


class _Network:
    """One network, by itself or of an ensemble. prefix: before the names of its weights"""

    def __init__(
        self,
        weights: Weights,
        network: Mapping[str, Any],
        lexicon: Mapping[str, Any],
        tags: int,
        threads: int,
        prefix: str,
    ) -> None:
        self.forms = _Forms(weights, network, lexicon, threads, prefix)
        self._layers = Layers(weights, network, self.forms.width, threads, f"{prefix}stack")
        self._weight, self._bias = weights.linear(f"{prefix}head", self._layers.output_size, tags)
        if prefix:
            weights.leave(f"{prefix}transitions.")  # their mean is the ensemble's

    def logits(self, tokens: Sequence[str], words: Ints, letters: Sequence[Ints] | None) -> Floats:
        """Shapes: -> [T, C]"""
        y, _ = self._layers.run(self.forms.vectors(tokens, words, letters)[None])
        found: Floats = y[0] @ self._weight.T + self._bias
        return found


class _Forms:
    """Vectors of tokens: of the word, of the word and its right neighbour, and of what is read in its letters."""

    def __init__(
        self, weights: Weights, network: Mapping[str, Any], lexicon: Mapping[str, Any], threads: int, prefix: str
    ) -> None:
        self.words = Vocabulary.from_json(lexicon["words"])
        self.width = setting(network, "embedding_size", int)
        self._table = weights.floats(f"{prefix}forms.words.weight", len(self.words), self.width)
        self._pairs: Vocabulary | None = None
        self._characters: Vocabulary | None = None
        if pair_size := setting(network, "pair_size", int):
            self._pairs = Vocabulary.from_json(lexicon["pairs"])
            self._of_pairs = weights.floats(f"{prefix}forms.pairs.weight", len(self._pairs), pair_size)
            self.width += pair_size
        if char_size := setting(network, "char_size", int):
            inner = setting(network, "char_embedding_size", int)
            self._characters = Vocabulary.from_json(lexicon["characters"])
            self._of_characters = weights.floats(f"{prefix}forms.characters.weight", len(self._characters), inner)
            layers = {"cell": network["cell"], "hidden_size": char_size, "num_layers": 1, "bidirectional": True}
            self._reader = Layers(weights, layers, inner, threads, f"{prefix}forms.reader")
            self.width += 2 * char_size

    def letters(self, tokens: Sequence[str]) -> list[Ints] | None:
        """The letters of each token, where they are read."""
        return None if self._characters is None else [self._characters.encode(token) for token in tokens]

    def vectors(self, tokens: Sequence[str], words: Ints, letters: Sequence[Ints] | None) -> Floats:
        """Shapes: -> [T, E]"""
        found = [self._table[words]]
        if self._pairs is not None:
            plain = [normalize(token, self.words.normalize) for token in tokens]
            beside = [f"{word} {after}" for word, after in pairwise([*plain, ""])]
            found.append(self._of_pairs[self._pairs.encode_tokens(beside)])
        if letters is not None:
            lengths = np.array([len(each) for each in letters], np.int64)
            rows = np.zeros((len(letters), int(lengths.max())), np.int64)
            for row, each in zip(rows, letters, strict=True):
                row[: len(each)] = each
            _, state = self._reader.run(rows, table=self._of_characters, lengths=lengths)
            found += list(state[0])
        return np.concatenate(found, -1)
