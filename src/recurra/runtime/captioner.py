"""What a picture shows, of which vectors are given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from recurra.errors import UsageError
from recurra.runtime.decoder import SCORES, Decoder, Reading
from recurra.runtime.predictions import Floats
from recurra.runtime.search import Hypothesis, write
from recurra.runtime.weights import Weights, one_of, setting
from recurra.runtime.words import words_of
from recurra.tasks.decoding.searching import Candidate, search_for
from recurra.tasks.decoding.spelling import detokenize, shown
from recurra.topologies.search import Search

SEARCH = Search(beam=10, length_penalty=1.0, block_ngrams=3)
"""As tasks.caption.model has it."""
LONGER = 5
CONDITIONS = ("input", "state", "steps", "attention", "none")
EPSILON = np.float32(1e-5)


@dataclass(frozen=True)
class Described:
    """The captions of a picture, best first.

    tokens: of the best, the end (</s>) among them; weights: where each of them looked [T, S], None without attention
    """

    candidates: list[Candidate]
    tokens: list[str]
    weights: Floats | None

    @property
    def best(self) -> str:
        """The best caption."""
        return self.candidates[0].text


class Captioner:
    """A trained captioner; its inputs are the vectors of pictures. positions, width: of those of one"""

    def __init__(
        self, weights: Weights, config: Mapping[str, Any], preprocessing: Mapping[str, Any], threads: int
    ) -> None:
        network = config["settings"]["network"]
        if preprocessing["encoder"] == "small":
            raise UsageError(
                "its pictures are seen by torch's convolutions; use recurra.load, or export it with --to onnx"
            )
        weights.leave("trunk.")  # what makes vectors of pictures, which are given here
        self.vocabulary = words_of(preprocessing["vocabulary"])
        self.positions, self.width = setting(preprocessing, "positions", int), setting(preprocessing, "width", int)
        self._limit = setting(preprocessing, "longest", int) + LONGER
        self._condition = one_of(network, "condition", CONDITIONS)
        seen, hidden = setting(network, "picture_size", int), setting(network, "hidden_size", int)
        score = one_of(network, "attention", SCORES) if self._condition == "attention" else None
        given = 2 * seen if self._condition in ("steps", "attention") else 0
        self._decoder = Decoder(
            weights, network, len(self.vocabulary) + 1, threads, seen=seen, score=score, given=given
        )
        self._given = bool(given)
        if self._condition == "none":
            return
        self._reduce = weights.linear("reduce", self.width, seen)
        self._place = weights.floats("place", self.positions, seen)
        states = sum(len(each) for each in self._decoder.starts(1))
        outputs = setting(network, "embedding_size", int) if self._condition == "input" else states * hidden
        self._bridge = weights.linear("bridge", 2 * seen, outputs)

    def predict(self, vectors: Sequence[Any] | npt.NDArray[Any], *, top: int = 1, **options: Any) -> list[Described]:
        """Captions of each picture, best first. vectors: of each, [S, C] or [C]; options: of topologies.search.Search

        Errors: UsageError for vectors of another size and for an option that there is not
        """
        level = self.vocabulary.level
        start = replace(SEARCH, block_ngrams=0) if level in ("char", "byte") else SEARCH
        search = search_for(top, options, "a caption", start)
        grids = [self._grid(each, number) for number, each in enumerate(vectors, start=1)]
        return [self._described(write(self._decoder, self._read(g), self._limit, search, banned=(0,))) for g in grids]

    def _grid(self, given: Any, number: int) -> Floats:
        try:
            found = np.asarray(given, np.float32)
        except (TypeError, ValueError) as error:
            raise UsageError(f"picture {number} is no array of numbers: {given!r:.60}") from error
        found = found[None] if found.ndim == 1 else found
        if found.shape != (self.positions, self.width) or not np.isfinite(found).all():
            raise UsageError(
                f"expected the vectors of picture {number} as [{self.positions}, {self.width}] of finite numbers, got "
                f"{list(found.shape)}"
            )
        return found

    def _read(self, grid: Floats) -> Reading:
        """Where decoding begins after a picture; see topologies.captioner. Shapes: grid [S, C]"""
        decoder = self._decoder
        start, feed = decoder.starts(1), decoder.no_feed(1)
        if self._condition == "none":
            return Reading(None, start, feed)
        centred = grid - grid.mean(-1, keepdims=True)
        even = centred / np.sqrt((centred * centred).mean(-1, keepdims=True) + EPSILON)
        seen = np.maximum(even @ self._reduce[0].T + self._reduce[1] + self._place, 0)
        whole = np.concatenate([seen.mean(0), seen.max(0)])[None]
        led = whole @ self._bridge[0].T + self._bridge[1]
        if self._condition == "input":
            _, _, begun = decoder.over(led, Reading(None, start, feed))
            return Reading(None, begun.state, feed)
        parts = np.tanh(led).reshape(1, len(start), len(start[0]), -1).transpose(1, 2, 0, 3)
        state = tuple(each + part for each, part in zip(start, parts, strict=True))
        memory = None
        if decoder.attention is not None:
            memory = decoder.attention.remember(seen[None], np.array([self.positions]))
        return Reading(memory, state, feed, whole if self._given else None)

    def _described(self, found: Sequence[Hypothesis]) -> Described:
        spelt = [detokenize(self.vocabulary, each.tokens, [None] * len(each.tokens)) for each in found]
        candidates = [Candidate(s, h.log_probability, h.score) for s, h in zip(spelt, found, strict=True)]
        tokens = [*(shown(self.vocabulary.tokens[token]) for token in found[0].tokens), "</s>"]
        return Described(candidates, tokens, found[0].weights)
