"""Rows of tags as a whole, of one sentence: see topologies.paths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from recurra.data.tagged import spans
from recurra.runtime.predictions import Floats, softmax
from recurra.runtime.weights import Ints, Weights

IMPOSSIBLE = -1e4
"""The score of what must not stand there."""


@dataclass(frozen=True)
class Transitions:
    """follows [C, C], begins [C], ends [C]; free: whether any row of tags may be and all are as likely"""

    follows: Floats
    begins: Floats
    ends: Floats
    free: bool

    @classmethod
    def of(cls, weights: Weights, tags: Sequence[str], scheme: str | None, *, learned: bool) -> Transitions:
        """Errors: ModelFolderError, UnknownNameError"""
        count = len(tags)
        scores: list[Any] = [np.zeros(shape, np.float32) for shape in ((count, count), count, count)]
        if scheme is not None:
            rules = spans.scheme(scheme)
            allowed: list[Any] = [
                [[rules.follows(a, b) for b in tags] for a in tags],
                [rules.follows(spans.OUTSIDE, tag) for tag in tags],
                [rules.follows(tag, spans.OUTSIDE) for tag in tags],
            ]
            scores = [np.where(np.array(each), np.float32(0), np.float32(IMPOSSIBLE)) for each in allowed]
        if learned:
            names = ("follows", "begins", "ends")
            held = [weights.floats(f"transitions.{n}", *s.shape) for n, s in zip(names, scores, strict=True)]
            scores = [rule + score for rule, score in zip(scores, held, strict=True)]
        return cls(scores[0], scores[1], scores[2], scheme is None and not learned)

    def best(self, logits: Floats) -> Ints:
        """The row with the highest score. Shapes: [T, C] -> int64 [T]"""
        if self.free:
            return np.asarray(logits.argmax(1), np.int64)
        score, back = logits[0] + self.begins, np.zeros(logits.shape, np.int64)
        for step in range(1, len(logits)):
            reached = score[:, None] + self.follows
            back[step] = reached.argmax(0)
            score = reached.max(0) + logits[step]
        found = np.zeros(len(logits), np.int64)
        found[-1] = (score + self.ends).argmax()
        for step in range(len(logits) - 1, 0, -1):
            found[step - 1] = back[step, found[step]]
        return found

    def probabilities(self, logits: Floats) -> Floats:
        """Of each tag at each token, over all rows: forward and backward. Shapes: [T, C] -> [T, C]"""
        if self.free:
            return softmax(logits)
        own, follows = logits.astype(np.float64), self.follows.astype(np.float64)
        ahead, behind = np.empty_like(own), np.empty_like(own)
        ahead[0], behind[-1] = own[0] + self.begins, self.ends
        for step in range(1, len(own)):
            ahead[step] = _total(ahead[step - 1][:, None] + follows, 0) + own[step]
        for step in range(len(own) - 2, -1, -1):
            behind[step] = _total(follows + own[step + 1] + behind[step + 1], 1)
        whole = ahead + behind
        return np.asarray(np.exp(whole - _total(whole, 1)[:, None]), np.float32)


def _total(scores: Any, axis: int) -> Any:
    """The log of the sum of exponentials."""
    most = scores.max(axis, keepdims=True)
    return np.log(np.exp(scores - most).sum(axis)) + most.squeeze(axis)
