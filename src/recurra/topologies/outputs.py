"""From a network's outputs to the probabilities of tokens: one softmax over all, or in two steps over groups."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from recurra.errors import UsageError
from recurra.topologies.linear_loss import linear_cross_entropy

POWERS = (2 / 3, 4 / 5, 9 / 10)
"""Of the vocabulary's size: where each group of rarer tokens begins."""
SMALLEST = 64
"""A vocabulary below this has nothing to gain from groups."""


class Softmax(nn.Linear):
    """One output for each token.

    Maths: log p(w) = (W y + b)_w - log sum_v exp (W y + b)_v
    """

    def losses(self, y: Tensor, targets: Tensor) -> Tensor:
        """Negative log-probabilities of the targets. Shapes: y [N, H], targets int64 [N] -> [N]. Units: nats"""
        return functional.cross_entropy(_wide(self(y)), targets, reduction="none")

    def mean_loss(self, y: Tensor, targets: Tensor) -> Tensor:
        """The mean of `losses`, without keeping what it needs of all outputs. Units: nats"""
        return linear_cross_entropy(y, self.weight, self.bias, targets)


class AdaptiveSoftmax(nn.Module):
    """Frequent tokens directly, the others in groups of like frequency: first the group, then the token in it.

    Tokens must be numbered by falling frequency. Training computes a group's outputs only where a target lies in
    it, which costs a fraction of one softmax over all (a fifth for 10,000 words). Other than with Grave et al., every
    token keeps a vector of full width, so that the token table may serve as `weight`. The probabilities sum to 1.
    Maths:   p(w) = softmax(head)_w for a frequent token, else softmax(head)_group(w) * softmax(group)_w
    Errors:  UsageError for fewer than 64 tokens
    Source:  Grave et al. 2017, Efficient softmax approximation for GPUs
    """

    def __init__(self, width: int, vocabulary_size: int) -> None:
        super().__init__()
        if vocabulary_size < SMALLEST:
            raise UsageError(
                f"an adaptive output is for large vocabularies, {SMALLEST} tokens at least; this one has "
                f"{vocabulary_size}; use output softmax"
            )
        self.edges = (0, *cutoffs(vocabulary_size), vocabulary_size)
        self.weight = nn.Parameter(torch.empty(vocabulary_size, width))
        self.bias = nn.Parameter(torch.zeros(vocabulary_size))
        self.group_weight = nn.Parameter(torch.empty(len(POWERS), width))
        self.group_bias = nn.Parameter(torch.zeros(len(POWERS)))
        for weight in (self.weight, self.group_weight):
            nn.init.uniform_(weight, -(width**-0.5), width**-0.5)

    def forward(self, y: Tensor) -> Tensor:
        """Log-probabilities of all tokens. Shapes: y [..., H] -> [..., V]. Units: nats"""
        weights, biases = self._parts()
        first = self._head(y, weights[0], biases[0]).log_softmax(-1)
        found = [first[..., : self.edges[1]]]
        for i, (weight, bias) in enumerate(zip(weights[1:], biases[1:], strict=True)):
            inside = _wide(functional.linear(y, weight, bias)).log_softmax(-1)
            found.append(inside + first[..., self.edges[1] + i, None])
        return torch.cat(found, -1)

    def losses(self, y: Tensor, targets: Tensor) -> Tensor:
        """Negative log-probabilities of the targets. Shapes: y [N, H], targets int64 [N] -> [N]. Units: nats"""
        weights, biases = self._parts()
        groups = torch.bucketize(targets.contiguous(), targets.new_tensor(self.edges[1:-1]), right=True)
        wanted = torch.where(groups == 0, targets, self.edges[1] - 1 + groups)
        lost = functional.cross_entropy(self._head(y, weights[0], biases[0]), wanted, reduction="none")
        for i, (weight, bias) in enumerate(zip(weights[1:], biases[1:], strict=True), start=1):
            rows = (groups == i).nonzero().squeeze(1)
            if len(rows):
                inside = _wide(functional.linear(y.index_select(0, rows), weight, bias))
                more = functional.cross_entropy(inside, targets[rows] - self.edges[i], reduction="none")
                lost = lost.index_add(0, rows, more)
        return lost

    def mean_loss(self, y: Tensor, targets: Tensor) -> Tensor:
        """The mean of `losses`. Units: nats"""
        return self.losses(y, targets).mean()

    def _head(self, y: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Logits of the frequent tokens and of the groups."""
        whole, offset = torch.cat([weight, self.group_weight]), torch.cat([bias, self.group_bias])
        return _wide(functional.linear(y, whole, offset))

    def _parts(self) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Weights and biases by group: split once, so that the gradient is put together once."""
        sizes = [stop - start for start, stop in zip(self.edges, self.edges[1:], strict=False)]
        return torch.split(self.weight, sizes), torch.split(self.bias, sizes)


def cutoffs(vocabulary_size: int) -> tuple[int, ...]:
    """Where the groups of rarer tokens begin: at V^(2/3), V^(4/5) and V^(9/10).

    Token counts fall about as 1 / rank, so that each power of V holds about as large a share of the text as its
    exponent says: two thirds of it need the head alone. For the 10,000 words of the Penn Treebank that is 464, 1585,
    3981; 500, 1500, 4000 was the fastest of seven divisions tried there.
    """
    return tuple(round(vocabulary_size**power) for power in POWERS)


def _wide(logits: Tensor) -> Tensor:
    """Logits in float32 at least: halves are too coarse to sum probabilities in."""
    return logits if logits.dtype in (torch.float32, torch.float64) else logits.float()
