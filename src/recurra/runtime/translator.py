"""Texts in another language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from recurra.errors import UsageError
from recurra.runtime.decoder import SCORES, Decoder, Reading
from recurra.runtime.layers import Layers, State
from recurra.runtime.predictions import Floats
from recurra.runtime.search import Hypothesis, scored_by, write
from recurra.runtime.weights import Ints, Weights, one_of, setting
from recurra.runtime.words import words_of
from recurra.tasks.decoding.glossary import Glossary, glossed, tokens_read
from recurra.tasks.decoding.searching import Candidate, search_for
from recurra.tasks.decoding.spelling import copies, detokenize, shown
from recurra.topologies.search import Search


@dataclass(frozen=True)
class Translation:
    """A text and its translations, best first; see tasks.translate.model.Translation.

    weights: where each token of the best looked [T, S], None without attention; left_out: tokens of a text that was too
    long
    """

    text: str
    candidates: list[Candidate]
    source_tokens: list[str]
    target_tokens: list[str]
    weights: Floats | None
    left_out: int = 0

    @property
    def best(self) -> str:
        """The best translation."""
        return self.candidates[0].text


class Translator:
    """A trained translator."""

    def __init__(
        self, weights: Weights, config: Mapping[str, Any], preprocessing: Mapping[str, Any], threads: int
    ) -> None:
        network, data = config["settings"]["network"], config["settings"]["data"]
        self.source, self.target = words_of(preprocessing["source"]), words_of(preprocessing["target"])
        self.max_length = None if data["max_length"] is None else setting(data, "max_length", int)
        width, hidden = setting(network, "embedding_size", int), setting(network, "hidden_size", int)
        attention = one_of(network, "attention", ("none", *SCORES))
        self._bridge_kind = one_of(network, "bridge", ("dense", "copy", "none"))
        glossary = preprocessing.get("glossary")
        self._glossary, self._start = None if glossary is None else Glossary(glossary), Search()
        if glossary is not None:
            self._doubt = float(weights.floats("doubt"))
            self._start = Search(length_penalty=round(float(weights.floats("penalty")), 4))
        self._table = weights.floats("source.weight", len(self.source) + 1, width)
        if glossary is not None:
            drafts = weights.floats("draft.weight", len(self.target) + 1, width)
            self._table = np.concatenate([self._table, drafts])
        self._encoder = Layers(weights, network, width, threads, "encoder")
        seen, score = self._encoder.output_size, None if attention == "none" else attention
        self._decoder = Decoder(
            weights, network, len(self.target) + 1, threads, seen=seen, score=score, copies=glossary is not None
        )
        states = len(self._encoder.starts) if self._bridge_kind == "dense" else 0
        read = hidden * self._encoder.directions
        self._bridge = [weights.linear(f"bridge.{i}", read, hidden) for i in range(states)]

    def predict(self, texts: str | Sequence[str], *, top: int = 1, **options: Any) -> list[Translation]:
        """Translations of each text, best first. options: of topologies.search.Search

        What is drawn (sample=True) is drawn by numpy: other texts of the same probabilities than with torch.
        Errors: UsageError for an empty text or an option that there is not
        """
        texts = [texts] if isinstance(texts, str) else list(texts)
        for number, text in enumerate(texts, start=1):
            if not text.strip():
                raise UsageError(f"text {number} is empty")
        search = search_for(top, options, "a translation", self._start)
        return [self._translation(text, search) for text in texts]

    def _translation(self, text: str, search: Search) -> Translation:
        stripped = text.strip()
        whole = self.source.encode(stripped)
        whole = whole if len(whole) else np.zeros(1, np.int64)
        row = np.append(whole[: self.max_length], len(self.source))
        banned = () if self._decoder.attention is not None else (0,)  # nothing says what an unknown token stands for
        reading = self._read(self._glossed(row, stripped))
        found = write(self._decoder, reading, 2 * len(row) + 10, search, banned=banned)
        if self._glossary is not None and not search.sample and found[0].surety < self._doubt:
            found = [self._drafted(reading, self._glossary.of(stripped), search), *found][: search.n_best]
        read = tokens_read(self.source, self.target, self._glossary, stripped, len(row))
        best = found[0]
        return Translation(
            text,
            [Candidate(self._spelled(each, read), each.log_probability, each.score) for each in found],
            ["</s>" if piece is None else shown(piece) for piece in read],
            [*(shown(self.target.tokens[token]) for token in best.tokens), "</s>"],
            best.weights,
            len(whole) + 1 - len(row),
        )

    def _drafted(self, reading: Reading, draft: str, search: Search) -> Hypothesis:
        """What the dictionary says, as the network scores it."""
        found = scored_by(self._decoder, reading, self._ids(draft).tolist(), search)
        return replace(found, text=draft)

    def _ids(self, draft: str) -> Ints:
        """Of what the dictionary says."""
        found = self.target.encode(draft)
        return found if len(found) else np.zeros(1, np.int64)

    def _glossed(self, row: Ints, text: str) -> Ints:
        """A source as it is read, with what the dictionary says of it, if there is one."""
        if self._glossary is None:
            return row
        return glossed(row, self._ids(self._glossary.of(text)), (len(self.source), len(self.target)))

    def _read(self, row: Ints) -> Reading:
        """Where decoding of a source begins. Shapes: row [S]"""
        y, last = self._encoder.run(row[None], table=self._table)
        attention = self._decoder.attention
        copied = np.maximum(row - len(self.source) - 1, -1)[None] if self._glossary is not None else None
        memory = None if attention is None else attention.remember(y, np.array([len(row)]), copied)
        positions = None if copied is None else np.array([(row <= len(self.source)).sum()])
        return Reading(memory, self._bridged(last), self._decoder.no_feed(1), positions=positions)

    def _bridged(self, last: State) -> State:
        """The encoder's last states as the decoder's first: [L*D, 1, H] -> [L, 1, H]."""
        if self._bridge_kind == "none":
            return self._decoder.starts(1)
        both = [s.reshape(-1, self._encoder.directions, *s.shape[1:]) for s in last]
        if self._bridge_kind == "copy":
            return tuple(s.sum(1) for s in both)
        joined = [s.transpose(0, 2, 1, 3).reshape(len(s), 1, -1) for s in both]
        return tuple(np.tanh(s @ w.T + b) for s, (w, b) in zip(joined, self._bridge, strict=True))

    def _spelled(self, hypothesis: Hypothesis, read: Sequence[str | None]) -> str:
        """What was written, an unknown token replaced by what was looked at most."""
        if hypothesis.text is not None:
            return hypothesis.text
        return detokenize(self.target, hypothesis.tokens, copies(hypothesis.tokens, hypothesis.weights, read))
