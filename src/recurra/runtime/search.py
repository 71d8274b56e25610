"""The best sequences by beam search, or sequences drawn by chance: see topologies.beam."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from recurra.runtime.decoder import Decoder, Reading
from recurra.runtime.predictions import Floats, log_softmax
from recurra.runtime.sampling import filtered
from recurra.topologies.search import Search, repeating


@dataclass(frozen=True)
class Hypothesis:
    """A sequence that was written, see topologies.beam.Hypothesis. weights: [T + 1, S], None without attention"""

    tokens: list[int]
    log_probability: float
    score: float
    weights: Floats | None
    text: str | None = None

    @property
    def surety(self) -> float:
        """Mean log-probability of its tokens and the end. Units: nats"""
        return self.log_probability / (len(self.tokens) + 1)


def scored_by(decoder: Decoder, reading: Reading, tokens: list[int], search: Search) -> Hypothesis:
    """Tokens that are given, without their end, as a hypothesis of one row's."""
    total, looked, ended = 0.0, list[Floats](), [*tokens, decoder.begin - 1]
    for before, after in pairwise([decoder.begin, *ended]):
        logits, weights, reading = decoder.step([before], reading)
        total += float(log_softmax(logits)[0, after])
        looked += [] if weights is None else [weights[0]]
    return Hypothesis(list(tokens), total, search.score(total, len(ended)), np.stack(looked) if looked else None)


@dataclass(frozen=True)
class _Path:
    """tokens: written so far; looked: where each of them looked"""

    tokens: tuple[int, ...] = ()
    log_probability: float = 0.0
    looked: tuple[Floats, ...] = ()

    def then(self, token: int, log_probability: float, weights: Floats | None) -> _Path:
        looked = self.looked if weights is None else (*self.looked, weights)
        return _Path((*self.tokens, token), log_probability, looked)


@dataclass
class _Sentence:
    """One row that is written for. alive: paths that are followed; limit: tokens"""

    search: Search
    end: int
    limit: int
    alive: list[_Path]
    ended: list[Hypothesis] = field(default_factory=list)

    def extend(self, chances: Floats, weights: Floats | None) -> list[int]:
        """A step of beam search; the row that each path that goes on came from. Shapes: chances [N, V]"""
        beam, every = self.search.beam, np.array([path.log_probability for path in self.alive], np.float32)
        total = (chances + every[:, None]).ravel()
        alive, parents = list[_Path](), list[int]()
        best = np.argsort(-total, kind="stable")[: 2 * beam]  # twice as many: not all of them end here
        for rank, place in enumerate(best.tolist()):
            if not np.isfinite(total[place]) or len(alive) == beam:
                break
            row, token = divmod(place, chances.shape[1])
            path = self.alive[row].then(token, float(total[place]), None if weights is None else weights[row])
            if token != self.end:
                alive.append(path)
                parents.append(row)
            elif rank < beam:
                self._end(path)
        if len(self.ended) >= beam:
            alive, parents = [], []
        self.alive = alive
        return parents

    def draw(self, chances: Floats, weights: Floats | None, random: np.random.Generator) -> list[int]:
        """A token for each path, as `extend`."""
        search, alive, parents = self.search, list[_Path](), list[int]()
        for row, path in enumerate(self.alive):
            shares = filtered(chances[row], temperature=search.temperature, top_k=search.top_k, top_p=search.top_p)
            token = int(random.choice(len(shares), p=shares))
            total = float(chances[row, token]) + path.log_probability
            after = path.then(token, total, None if weights is None else weights[row])
            if token == self.end:
                self._end(after)
            else:
                alive.append(after)
                parents.append(row)
        self.alive = alive
        return parents

    def _end(self, path: _Path) -> None:
        score = self.search.score(path.log_probability, len(path.tokens))
        weights = np.stack(path.looked) if path.looked else None
        self.ended.append(Hypothesis(list(path.tokens[:-1]), path.log_probability, score, weights))


def write(
    decoder: Decoder, reading: Reading, limit: int, search: Search, *, banned: Sequence[int] = ()
) -> list[Hypothesis]:
    """Of one row that was read its hypotheses, best first. limit: tokens of one at most; banned: never written

    Errors: ModelFolderError for scores that are no numbers
    """
    end, random = decoder.begin - 1, np.random.default_rng(search.seed)
    one = _Sentence(search, end, limit, [_Path()] * (search.n_best if search.sample else 1))
    reading, step = reading.rows(np.zeros(len(one.alive), np.int64)), 0
    while one.alive:
        last = [path.tokens[-1] if path.tokens else decoder.begin for path in one.alive]
        logits, weights, reading = decoder.step(last, reading)
        chances, step = log_softmax(logits), step + 1
        chances[:, list(banned)] = -np.inf
        for row, path in enumerate(one.alive):
            if step >= limit:
                chances[row, :end] = -np.inf
            elif not path.tokens:
                chances[row, end] = -np.inf  # nothing at all is no answer
            elif search.block_ngrams:
                chances[row, repeating(path.tokens, search.block_ngrams)] = -np.inf
        parents = one.draw(chances, weights, random) if search.sample else one.extend(chances, weights)
        reading = reading.rows(np.array(parents, np.int64))
    return sorted(one.ended, key=lambda each: -each.score)[: search.n_best]
