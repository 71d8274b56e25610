"""A decoder that may copy: a share of its probabilities goes to tokens of a draft that was read beside the source."""

from __future__ import annotations

import torch
from torch import Tensor, nn

LEAST = 1e-30
"""Of what is copied: its logarithm must be a number."""
FULLEST = 1 - 1e-6
"""Share of the probabilities that is copied at most."""
NEAR = 10
"""Places of a draft around the next one, each with a score of its own; what was written is looked for there."""
FIRST_SCORE, FIRST_GATE = 4.0, 1.0
"""Of the next place, and of the gate, before anything is learned: a draft is written as it stands."""
NOWHERE = -1e9
"""Score of a place where nothing can be copied."""


class Copying(nn.Module):
    """Where in a draft a decoder goes on, and the share of its probabilities that is copied from there.

    The next place of a draft is the one after the token of it that was written last, see `follow`. Before training, the
    draft is written from the first token to the last; where the translation differs from it, and where in it to go on
    then, is learned.
    Maths:  p(y) = (1 - g A) softmax(z)_y + g sum_s a_s [c_s = y],  g = sigmoid(w'f + b),  A = sum_s a_s,
            a = softmax over the draft of f'W m_s / sqrt(M) + r_(s - n), n the next place, m what was read, f the
            decoder's features, z its logits, c the draft's tokens
    Shapes: features [B, T, F], values m [B, S, M], copied c int64 [B, S], -1 where nothing is to copy
    Source: Gu et al. 2016, Incorporating copying mechanism in sequence-to-sequence learning; See et al. 2017, Get to
            the point: summarization with pointer-generator networks (the gate)
    """

    def __init__(self, features: int, memory_size: int) -> None:
        super().__init__()
        self.gate = nn.Linear(features, 1)
        self.query = nn.Linear(features, memory_size, bias=False)
        self.near = nn.Parameter(torch.zeros(2 * NEAR + 1))
        with torch.no_grad():
            self.gate.weight.zero_()
            self.gate.bias.fill_(FIRST_GATE)
            self.query.weight.zero_()
            self.near[NEAR] = FIRST_SCORE

    def look(self, features: Tensor, values: Tensor, copied: Tensor, positions: Tensor) -> Tensor:
        """Where in the draft is looked, 0 where nothing is to copy. Shapes: positions int64 [B, T] -> [B, T, S]"""
        able = (copied >= 0).unsqueeze(1)
        found = self.query(features) @ values.transpose(1, 2) * values.shape[-1] ** -0.5
        ahead = torch.arange(copied.shape[1], device=copied.device) - positions.unsqueeze(2)
        found = _wide(found) + self.near[ahead.clamp(-NEAR, NEAR) + NEAR]
        return found.masked_fill(~able, NOWHERE).softmax(-1) * able

    def forward(self, logits: Tensor, features: Tensor, weights: Tensor, copied: Tensor) -> Tensor:
        """Log-probabilities of all tokens. Units: nats

        Shapes: logits [..., V], features [..., F], weights [..., S], copied [..., S] -> [..., V]
        """
        written, mass = self._parts(_wide(logits), features, weights)
        there = torch.zeros_like(written).scatter_add(-1, copied.clamp(min=0), mass)
        return torch.logaddexp(written, there.clamp(min=LEAST).log())

    def mean_loss(
        self, logits: Tensor, features: Tensor, weights: Tensor, copied: Tensor, wanted: Tensor, smoothing: float = 0.0
    ) -> Tensor:
        """The mean of the targets' negative log-probabilities; smoothing is of what is written alone. Units: nats

        Shapes: as forward, logits [N, V]; wanted int64 [N] -> a number
        """
        written, mass = self._parts(_wide(logits), features, weights)
        own = written.gather(-1, wanted.unsqueeze(-1)).squeeze(-1)
        there = (mass * (copied == wanted.unsqueeze(-1))).sum(-1)
        found = -torch.logaddexp(own, there.clamp(min=LEAST).log()).mean()
        return found if not smoothing else (1 - smoothing) * found - smoothing * written.mean()

    def _parts(self, logits: Tensor, features: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probabilities of what is written, and the probability that each place is copied."""
        mass = self.gate(features).to(logits.dtype).sigmoid() * weights.to(logits.dtype)
        left = torch.log1p(-mass.sum(-1, keepdim=True).clamp(max=FULLEST))
        return logits.log_softmax(-1) + left, mass


@torch.no_grad()
def follow(copied: Tensor, inputs: Tensor, place: Tensor) -> Tensor:
    """The next positions of a draft as its tokens are written: the one after a token that stands near, the nearest.

    place: before the first of the inputs
    Shapes: copied int64 [B, S], inputs int64 [B, T], place int64 [B] -> int64 [B, T]
    """
    found, steps, far = [], torch.arange(copied.shape[1], device=copied.device), 2 * NEAR + 2
    for token in inputs.unbind(1):
        ahead = 2 * (steps - place.unsqueeze(1))
        distance = torch.where(ahead < 0, 1 - ahead, ahead).masked_fill(copied != token.unsqueeze(1), far)
        nearest = distance.min(1)
        place = torch.where(nearest.values < far, nearest.indices + 1, place)
        found.append(place)
    return torch.stack(found, 1)


def _wide(scores: Tensor) -> Tensor:
    return scores if scores.dtype == torch.float64 else scores.float()
