"""Baselines of a model of blanks: counting, on the same blanks."""

from __future__ import annotations

import time

import numpy as np
import numpy.typing as npt

from recurra.baselines.kneser_ney import KneserNey
from recurra.report.record import Baseline
from recurra.tasks.fill.data import FillData, FillPart, Ids
from recurra.tasks.fill.trainee import Scores

ORDER = 5
UNSEEN = 1e-3
"""Added to every count, so that no token is impossible."""
TINY = 1e-300
Float64 = npt.NDArray[np.float64]


def fill_baselines(data: FillData, held_out: FillPart) -> list[Baseline]:
    """The most frequent tokens, Kneser-Ney from the left, and its product with Kneser-Ney from the right.

    Maths: p(w | left, right) ~ p(w | left) p(w | right) / p(w), which is exact where the two sides know nothing of each
    other but through w. None of them may answer with the unknown token or a sentence's end.
    """
    train, size = data.parts["train"].encoded, len(data.vocabulary)
    begun = time.perf_counter()
    stream = _stream(train, size)
    counts = np.bincount(stream, minlength=size + 1).astype(np.float64) + UNSEEN
    single = _known(counts, size)
    targets = held_out.targets
    often = _Tally.of(single, targets)
    found = [Baseline("most frequent", often.metrics(), None, time.perf_counter() - begun)]
    begun = time.perf_counter()
    forward = KneserNey.fit(stream, size + 1, ORDER)
    between = time.perf_counter()
    backward = KneserNey.fit(stream[::-1], size + 1, ORDER)
    end = time.perf_counter()
    left, product = _Tally(), _Tally()
    for i, target in enumerate(targets):
        ids, place = held_out.sentence(i), held_out.indices[i]
        from_left = _known(forward.distribution(_context(size, ids[:place])), size)
        from_right = _known(backward.distribution(_context(size, ids[:place:-1])), size)
        left.add(from_left, target)
        product.add(_known(from_left * from_right / np.maximum(single, TINY), size), target)
    sizes = forward.size_bytes(), backward.size_bytes()
    found.append(Baseline(f"Kneser-Ney {ORDER}-gram, left", left.metrics(), sizes[0], between - begun))
    found.append(Baseline(f"Kneser-Ney {ORDER}-grams, both sides", product.metrics(), sum(sizes), end - begun))
    return found


class _Tally:
    """Nats and ranks of the right answers so far."""

    def __init__(self) -> None:
        self.nats: list[float] = []
        self.ranks: list[int] = []

    @classmethod
    def of(cls, chances: Float64, targets: Ids) -> _Tally:
        """The same answer to every blank."""
        tally = cls()
        order = np.argsort(np.argsort(-chances, kind="stable"), kind="stable")
        tally.nats, tally.ranks = (-np.log(chances[targets])).tolist(), order[targets].tolist()
        return tally

    def add(self, chances: Float64, target: int) -> None:
        own = chances[target]
        self.nats.append(-float(np.log(max(own, TINY))))
        self.ranks.append(int((chances > own).sum()))

    def metrics(self) -> dict[str, float]:
        scores = Scores.of(np.array(self.nats), np.array(self.ranks))
        return {"top1": scores.top1, "top5": scores.top5, "perplexity": scores.perplexity}


def _known(chances: Float64, size: int) -> Float64:
    """Chances of the tokens that may be answered, 0 for the unknown one; without the boundary, their sum 1."""
    kept = chances[:size].copy()
    kept[0] = 0
    kept /= kept.sum()
    return kept


def _context(boundary: int, ids: Ids) -> Ids:
    """The last tokens before a blank, from the sentence's edge on."""
    return np.concatenate([np.array([boundary], dtype=np.int64), ids])[1 - ORDER :]


def _stream(encoded: list[Ids], boundary: int) -> Ids:
    """Sentences one after the other, a boundary before and behind each."""
    edge = np.array([boundary], dtype=np.int64)
    return np.concatenate([edge, *(piece for ids in encoded for piece in (ids, edge))])
