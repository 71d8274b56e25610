"""A language model: what follows a text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from recurra.data.tokens.segment import END_OF_LINE, SPACE
from recurra.data.tokens.vocabulary import UNKNOWN
from recurra.errors import UsageError
from recurra.runtime.layers import Layers, State
from recurra.runtime.predictions import Floats, log_softmax, softmax
from recurra.runtime.sampling import filtered
from recurra.runtime.weights import Ints, Weights, setting
from recurra.runtime.words import running_of
from recurra.tasks.decoding.detokenizer import Detokenizer
from recurra.tasks.decoding.stopping import check_stops, until
from recurra.topologies.sampling_bounds import check_sampling, check_seed

LENGTH = 200
POWERS = (2 / 3, 4 / 5, 9 / 10)
"""Where an adaptive output's groups begin, as topologies.outputs has them."""


@dataclass(frozen=True)
class Candidates:
    """What may follow a text: tokens with their probabilities, the most probable first."""

    text: str
    tokens: tuple[tuple[str, float], ...]


class LanguageModel:
    """A trained language model."""

    def __init__(
        self, weights: Weights, config: Mapping[str, Any], preprocessing: Mapping[str, Any], threads: int
    ) -> None:
        network = config["settings"]["network"]
        stored = preprocessing["vocabulary"]
        self.vocabulary = running_of(stored)
        count, width = len(self.vocabulary), setting(network, "embedding_size", int)
        tied = setting(network, "tie_weights", bool)
        table = weights.floats("table.weight", count, width)
        self._layers = Layers(weights, network, width, threads, "stack")
        hidden = self._layers.output_size
        self._groups: tuple[Floats, Floats] | None = None
        self._edges = (0, *(round(count**power) for power in POWERS), count)
        if weights.has("head.group_weight"):
            names = ("head.group_weight", "head.group_bias")
            self._groups = weights.floats(names[0], len(POWERS), hidden), weights.floats(names[1], len(POWERS))
        self._weight = weights.floats("head.weight", count, hidden)
        self._bias = weights.floats("head.bias", count)
        self._table = table * np.float32(width**0.5) if tied else table

    def predict(self, texts: str | Sequence[str], *, top: int = 1) -> list[Candidates]:
        """The `top` tokens that may follow each text. Errors: UsageError"""
        if top < 1:
            raise UsageError(f"top must be a whole number from 1, got {top}")
        return [self._candidates(text, top) for text in ([texts] if isinstance(texts, str) else texts)]

    def nats_per_token(self, text: str) -> float:
        """Mean negative log-probability of the text's tokens but the first. Units: nats

        Errors: UsageError for fewer than two tokens
        """
        ids = self.vocabulary.encode(text)
        if len(ids) < 2:
            raise UsageError(f"a text of {len(ids)} tokens has no next token to score")
        total, state = 0.0, None
        for start in range(0, len(ids) - 1, LENGTH):
            targets = ids[start + 1 : start + 1 + LENGTH]
            y, state = self._layers.run(ids[None, start : start + len(targets)], state, table=self._table)
            known = log_softmax(self._head(y[0]))
            total -= float(known[np.arange(len(targets)), targets].astype(np.float64).sum())
        return total / (len(ids) - 1)

    def generate(self, prompt: str = "", length: int | None = None, **sampling: Any) -> str:
        """The prompt and `length` more tokens. See `stream`."""
        return prompt + "".join(self.stream(prompt, length, **sampling))

    def stream(
        self,
        prompt: str = "",
        length: int | None = None,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        repetition_penalty: float = 1.0,
        stop: str | Sequence[str] = (),
        seed: int | None = None,
    ) -> Iterator[str]:
        """The text that follows the prompt, piece by piece as it is drawn; see `recurra.Run.stream`.

        A temperature of 0 takes the most probable token each time, the same as with torch; else numpy draws, other
        tokens of the same probabilities for a seed.
        Errors: UsageError for a prompt with tokens that the model does not know, and for numbers that cannot be
        """
        length = LENGTH if length is None else length
        if length < 0:
            raise UsageError(f"length must be a whole number from 0, got {length}")
        check_seed(seed)
        how = _Sampling(temperature, top_k, top_p, repetition_penalty)
        stops = check_stops(stop)
        ids = self._prompt_ids(prompt)
        pieces = self._drawn(ids, Detokenizer(self.vocabulary, prompt), length, how, np.random.default_rng(seed))
        return until(pieces, stops)

    def _drawn(
        self, ids: Ints, detokenizer: Detokenizer, length: int, how: _Sampling, random: np.random.Generator
    ) -> Iterator[str]:
        scores, state = self._next(ids)
        stream = self._layers.stream(state)
        written = list(dict.fromkeys(ids.tolist()))
        for place in range(length):
            token = how.draw(scores, written, random)
            if token not in written:
                written.append(token)
            if piece := detokenizer.add(token):
                yield piece
            if place < length - 1:
                scores = self._head(stream.step(self._table[token : token + 1]))[0]
        if piece := detokenizer.end():
            yield piece

    def _candidates(self, text: str, top: int) -> Candidates:
        ids = self.vocabulary.encode(text)
        logits, _ = self._next(ids if len(ids) else self.start())
        if not (self.vocabulary.level == "word" and self.vocabulary.split == "space"):
            logits[UNKNOWN] = -np.inf
        chances = softmax(logits)
        best = np.argsort(-chances, kind="stable")[:top]
        return Candidates(text, tuple((self.token(int(i)), float(chances[i])) for i in best))

    def token(self, token: int) -> str:
        """A token as text; a byte as its character, or as <0xE4> if it is none."""
        if self.vocabulary.level == "byte" and 0 < token <= 128:
            return chr(token - 1)
        name = self.vocabulary.tokens[token]
        if self.vocabulary.level == "bpe":
            return name.replace(SPACE, " ")
        return "\n" if name == END_OF_LINE else name

    def start(self) -> Ints:
        """What a text without a prompt follows: a line's end, or else the most frequent token. [1]"""
        line_end = self.vocabulary.encode("\n")
        return line_end if len(line_end) == 1 and line_end.all() else np.array([1])

    def _next(self, ids: Ints) -> tuple[Floats, State]:
        """Unnormalised log-probabilities of what follows [V], and the state there."""
        y, state = self._layers.run(np.asarray(ids, np.int64)[None], table=self._table)
        return self._head(y[:, -1])[0], state

    def _head(self, y: Floats) -> Floats:
        """Shapes: [N, H] -> [N, V]"""
        logits: Floats = y @ self._weight.T + self._bias
        if self._groups is None:
            return logits
        weight, bias = self._groups
        edges = self._edges
        first = log_softmax(np.concatenate([logits[:, : edges[1]], y @ weight.T + bias], 1))
        found = [first[:, : edges[1]]]
        found += [
            log_softmax(logits[:, edges[i] : edges[i + 1]]) + first[:, edges[1] + i - 1, None]
            for i in range(1, len(edges) - 1)
        ]
        return np.concatenate(found, 1)

    def _prompt_ids(self, prompt: str) -> Ints:
        if unknown := self.vocabulary.unknown(prompt):
            kind = "words" if self.vocabulary.level == "word" else "characters"
            shown = ", ".join(repr(u) for u in unknown[:8]) + (", ..." if len(unknown) > 8 else "")
            raise UsageError(f"the prompt has {kind} that the model has never seen: {shown}\nleave them out")
        ids = self.vocabulary.encode(prompt)
        if not len(ids) and prompt.strip():
            raise UsageError(f"nothing is left of the prompt {prompt!r} after normalisation")
        return ids if len(ids) else self.start()


@dataclass(frozen=True)
class _Sampling:
    temperature: float
    top_k: int | None
    top_p: float | None
    penalty: float

    def __post_init__(self) -> None:
        check_sampling(self.temperature, self.top_k, self.top_p, self.penalty)

    def draw(self, scores: Floats, written: Sequence[int], random: np.random.Generator) -> int:
        """The next token, see topologies.sampling."""
        scores[UNKNOWN] = -np.inf
        if self.penalty != 1:
            scores = log_softmax(scores)
            scores[list(written)] *= self.penalty
        if self.temperature == 0:
            return int(scores.argmax())
        chances = filtered(scores, temperature=self.temperature, top_k=self.top_k, top_p=self.top_p)
        return int(random.choice(len(chances), p=chances))
