"""Ranking candidates by a language model, as speech and text recognition need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor

from recurra.baselines.kneser_ney import KneserNey
from recurra.data.batching.buckets import by_length
from recurra.data.tokens.subword_lines import RunningVocabulary
from recurra.errors import UnknownNameError, UsageError
from recurra.tasks.language.mixture.mixture import Mixture
from recurra.tasks.language.trainee import Tokens
from recurra.topologies.many_to_many import NextToken
from recurra.topologies.sampling import numbers

By = Literal["total", "token"]
BATCH_TOKENS = 8192
"""Tokens scored at a time, padding included."""
MOST_LOGITS = 1 << 22
"""Numbers of what may follow them that are held at a time."""


@dataclass(frozen=True)
class Scored:
    """One candidate.

    Units: log_probability (the network's), baseline (the n-gram's) and mixture in nats; tokens with the end of the line
    """

    text: str
    tokens: int
    log_probability: float
    baseline: float | None = None
    mixture: float | None = None

    @property
    def per_token(self) -> float:
        """Mean log-probability of a token. Units: nats"""
        return self.log_probability / self.tokens


@dataclass(frozen=True)
class Ranking:
    """Candidates in their order, and which of them is best: by the model, by the n-gram and the mixture if asked."""

    candidates: tuple[Scored, ...]
    winner: int
    baseline_winner: int | None
    mixture_winner: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "winner": self.winner,
            "baseline_winner": self.baseline_winner,
            "mixture_winner": self.mixture_winner,
            "candidates": [
                {
                    "text": c.text,
                    "tokens": c.tokens,
                    "log_probability": c.log_probability,
                    "per_token": c.per_token,
                    "baseline_log_probability": c.baseline,
                    "mixture_log_probability": c.mixture,
                }
                for c in self.candidates
            ],
        }


def rank(
    network: NextToken,
    vocabulary: RunningVocabulary,
    start: Tokens,
    groups: Sequence[Sequence[str]],
    *,
    by: str = "total",
    baseline: KneserNey | None = None,
    mixture: Mixture | None = None,
) -> list[Ranking]:
    """Rank the candidates of each group.

    A candidate is a line: it is read from the state after `start`, the end of the line before, and its own end is
    scored too, if the training text has lines. by: what decides, the log-probability or its mean over the tokens.
    mixture: rank by it too; each candidate is a text of its own, so that cache and learning begin anew.
    Errors: UsageError for a group of fewer than two, for a candidate of more than one line or without a token
    """
    if by not in get_args(By):
        raise UnknownNameError("by", by, get_args(By))
    for number, group in enumerate(groups, start=1):
        if isinstance(group, str) or len(group) < 2:
            raise UsageError(f"group {number} has fewer than two candidates")
    texts = [text for group in groups for text in group]
    lines = [_line(text, vocabulary, start) for text in texts]
    sums = log_probabilities(network, lines)
    numbers(torch.tensor(sums).unsqueeze(1))
    nothing: list[float | None] = [None] * len(lines)
    others = nothing if baseline is None else [float(baseline.log_prob(line)[1:].sum()) for line in lines]
    mixed = nothing if mixture is None else [float(mixture.log_probabilities(network, x).sum()) for x in lines]
    scored = [
        Scored(text, len(line) - 1, total, other, mix)
        for text, line, total, other, mix in zip(texts, lines, sums, others, mixed, strict=True)
    ]
    found, begin = [], 0
    for group in groups:
        candidates = tuple(scored[begin : begin + len(group)])
        begin += len(group)
        found.append(_ranked(candidates, by))
    return found


def _ranked(candidates: tuple[Scored, ...], by: str) -> Ranking:
    def share(c: Scored) -> int:
        return c.tokens if by == "token" else 1

    winner = max(range(len(candidates)), key=lambda i: candidates[i].log_probability / share(candidates[i]))
    others = [c.baseline / share(c) for c in candidates if c.baseline is not None]
    mixed = [c.mixture / share(c) for c in candidates if c.mixture is not None]
    return Ranking(candidates, winner, *(int(np.argmax(sums)) if sums else None for sums in (others, mixed)))


def _line(text: str, vocabulary: RunningVocabulary, start: Tokens) -> Tokens:
    """The ids of a line with what comes before it and, where lines end, its end. [1 + T]"""
    if "\n" in text:
        raise UsageError(f"a candidate is one line, this one has several: {text[:60]!r}")
    ids = vocabulary.encode(text)
    if not len(ids):
        raise UsageError(f"the candidate {text[:60]!r} has no token")
    end = vocabulary.encode("\n")
    return np.concatenate([start, ids, end if np.array_equal(start, end) else end[:0]])


@torch.inference_mode()
def log_probabilities(network: NextToken, lines: Sequence[Tokens]) -> list[float]:
    """The log-probability of each line's tokens but the first, from the initial state.

    Shapes: lines [T], each T from 2. Units: nats
    """
    network.eval()
    device = network.head.weight.device
    found = np.zeros(len(lines))
    for rows in by_length([len(line) for line in lines], BATCH_TOKENS):
        steps = max(len(lines[row]) for row in rows)
        tokens = np.zeros((len(rows), steps), dtype=np.int64)
        real = np.zeros((len(rows), steps - 1), dtype=bool)
        for place, row in enumerate(rows):
            tokens[place, : len(lines[row])] = lines[row]
            real[place, : len(lines[row]) - 1] = True
        whole = torch.from_numpy(tokens).to(device)
        y, _ = network.hidden(whole[:, :-1])
        found[rows] = -(_losses(network, y, whole[:, 1:]).double().cpu().numpy() * real).sum(1)
    return found.tolist()


def _losses(network: NextToken, y: Tensor, targets: Tensor) -> Tensor:
    """As those of the network, of so many steps at a time that their logits take little memory. Shapes: [B, T]"""
    steps = max(1, MOST_LOGITS // len(network.head.weight))
    pairs = zip(torch.split(y.flatten(0, 1), steps), torch.split(targets.reshape(-1), steps), strict=True)
    return torch.cat([network.head.losses(*pair) for pair in pairs]).view_as(targets)
