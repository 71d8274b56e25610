"""A continuous cache: what followed where the network's outputs were like the ones now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

QUERIES = 256
"""Tokens looked up at a time."""


@dataclass(frozen=True)
class Cache:
    """The last tokens of a text, each with the output that it followed.

    Maths:  p(w | y_t) = sum_i [w = x_i] exp(theta y_t . y_(i-1)) / sum_i exp(theta y_t . y_(i-1)), i the last `size`
            tokens that were read
    Source: Grave, Joulin & Usunier 2017, Improving neural language models with a continuous cache
    """

    theta: float
    size: int

    def log_probabilities(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Of each target, from the ones before it; -inf where none was the same. See `looked_up`."""
        return looked_up(outputs, targets, [self.theta], self.size)[0]

    def distribution(self, output: Tensor, outputs: Tensor, targets: Tensor, vocabulary_size: int) -> Tensor:
        """The probability of every token. Shapes: output [H]; outputs [C, H], targets int64 [C], C >= 1 -> [V]"""
        outputs, targets = outputs[-self.size :], targets[-self.size :]
        shares = (self.theta * (outputs.double() @ output.double())).softmax(0)
        return shares.new_zeros(vocabulary_size).index_add_(0, targets, shares)


def looked_up(outputs: Tensor, targets: Tensor, thetas: Sequence[float], size: int) -> Tensor:
    """Log-probabilities of the targets for several thetas; -inf where none of the last `size` was the same.

    Shapes: outputs [N, H], targets int64 [N], what followed each output -> float64 [thetas, N]. Units: nats
    """
    found = torch.empty(len(thetas), len(targets), dtype=torch.float64)
    for begin in range(0, len(targets), QUERIES):
        end = min(begin + QUERIES, len(targets))
        first = max(0, begin - size)
        here, before = torch.arange(begin, end).unsqueeze(1), torch.arange(first, end - 1).unsqueeze(0)
        if not before.numel():
            found[:, begin:end] = float("-inf")
            continue
        likeness = (outputs[begin:end] @ outputs[first : end - 1].T).double().cpu()
        likeness.masked_fill_((before >= here) | (before < here - size), float("-inf"))
        same = targets[begin:end].unsqueeze(1) == targets[first : end - 1].unsqueeze(0)
        hits = likeness.masked_fill(~same.cpu(), float("-inf"))
        for i, theta in enumerate(thetas):
            there = (theta * hits).logsumexp(1)
            found[i, begin:end] = torch.where(there.isfinite(), there - (theta * likeness).logsumexp(1), there)
    return found
