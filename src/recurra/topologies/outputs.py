"""From a network's outputs to the probabilities of tokens: one softmax over all, also by samples, or over groups."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from recurra.errors import UsageError
from recurra.topologies.linear_loss import linear_cross_entropy, rows_of_a_chunk
from recurra.topologies.sampled_loss import Sample, sampled_cross_entropy

POWERS = (2 / 3, 4 / 5, 9 / 10)
"""Of the vocabulary's size: where each group of rarer tokens begins."""
OFFSET = 3.0
"""Of ranks, in the usual frequencies."""
SMALLEST = 64
"""A vocabulary below this has nothing to gain from groups."""
SHARE = 0.25
"""Of the frequent tokens' number: how many of each group of rarer ones a batch draws."""


class Softmax(nn.Linear):
    """One output for each token.

    Maths: log p(w) = (W y + b)_w - log sum_v exp (W y + b)_v
    """

    def losses(self, y: Tensor, targets: Tensor) -> Tensor:
        """Negative log-probabilities of the targets. Shapes: y [N, H], targets int64 [N] -> [N]. Units: nats"""
        return _costs(y, self.weight, self.bias, targets, rows_of_a_chunk(len(self.weight)))

    def mean_loss(self, y: Tensor, targets: Tensor) -> Tensor:
        """The mean of `losses`, without keeping what it needs of all outputs. Units: nats"""
        return linear_cross_entropy(y, self.weight, self.bias, targets)


class SampledSoftmax(Softmax):
    """One output for each token, of which training computes the frequent ones and a sample of the rarer.

    Tokens must be numbered by falling frequency. The rarer lie in groups of like frequency; from each a batch draws
    `SHARE` times as many as are frequent, none twice, and each stands for all of its group that were not drawn. A row's
    own target is no part of its sample: it is computed by itself.
    Maths:   log p(w) ~ l_w - log (e^l_w + sum_frequent e^l_v + sum_g V_g / n_g sum_drawn(g) e^l_v), without w in either
             sum; V_g tokens in group g, n_g drawn
    Errors:  UsageError for fewer than 64 tokens
    Source:  Bengio & Senecal 2003, Quick training of probabilistic neural nets by importance sampling, here in strata
    """

    def __init__(self, width: int, vocabulary_size: int) -> None:
        _check_size(vocabulary_size, "sampled")
        super().__init__(width, vocabulary_size)
        self.edges = (0, *cutoffs(vocabulary_size), vocabulary_size)
        with torch.no_grad():
            self.bias.copy_(usual_logits(vocabulary_size))

    def mean_loss(self, y: Tensor, targets: Tensor) -> Tensor:
        """The mean of `losses`, in training by a sample. Units: nats"""
        if not self.training:
            return super().mean_loss(y, targets)
        return sampled_cross_entropy(y, self.weight, self.bias, targets, self._drawn(y.device))

    def _drawn(self, device: torch.device) -> Sample:
        frequent = self.edges[1]
        ids, counts = [torch.arange(frequent, device=device)], [torch.ones(frequent, device=device)]
        for start, stop in zip(self.edges[1:], self.edges[2:], strict=False):
            count = min(stop - start, max(1, round(SHARE * frequent)))
            ids.append(start + torch.randperm(stop - start, device=device)[:count])
            counts.append(torch.full((count,), (stop - start) / count, device=device))
        return Sample(torch.cat(ids), torch.cat(counts), frequent)


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
        _check_size(vocabulary_size, "adaptive")
        self.edges = (0, *cutoffs(vocabulary_size), vocabulary_size)
        self.weight = nn.Parameter(torch.empty(vocabulary_size, width))
        logits = usual_logits(vocabulary_size)
        groups = [logits[start:stop].exp().sum().log() for start, stop in pairwise(self.edges[1:])]
        self.bias = nn.Parameter(logits)
        self.group_weight = nn.Parameter(torch.empty(len(POWERS), width))
        self.group_bias = nn.Parameter(torch.stack(groups))
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
                at_once = len(rows) if torch.is_grad_enabled() else rows_of_a_chunk(len(weight))
                more = _costs(y.index_select(0, rows), weight, bias, targets[rows] - self.edges[i], at_once)
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


def _check_size(vocabulary_size: int, output: str) -> None:
    if vocabulary_size < SMALLEST:
        raise UsageError(
            f"{output} output is for large vocabularies, {SMALLEST} tokens at least; this one has "
            f"{vocabulary_size}; use output softmax"
        )


def usual_logits(vocabulary_size: int) -> Tensor:
    """What biases start from, where tokens are numbered by falling frequency: how frequent they are in most texts.

    From zeros a network learns it first, hundreds of steps long, the rare tokens of a sample last.
    Maths:  p(w) proportional to 1 / (w + 3), w from 0
    Source: Zipf 1935; Mandelbrot 1953
    """
    return -torch.log(torch.arange(vocabulary_size) + OFFSET)


def cutoffs(vocabulary_size: int) -> tuple[int, ...]:
    """Where the groups of rarer tokens begin: at V^(2/3), V^(4/5) and V^(9/10).

    Token counts fall about as 1 / rank, so that each power of V holds about as large a share of the text as its
    exponent says: two thirds of it need the head alone. For the 10,000 words of the Penn Treebank that is 464, 1585,
    3981; 500, 1500, 4000 was the fastest of seven divisions tried there.
    """
    return tuple(round(vocabulary_size**power) for power in POWERS)


def _costs(y: Tensor, weight: Tensor, bias: Tensor, targets: Tensor, rows: int) -> Tensor:
    """Negative log-probabilities of one softmax, so many rows at a time. Shapes: y [N, H], targets [N] -> [N]"""
    parts = zip(torch.split(y, rows), torch.split(targets, rows), strict=True)
    logits = ((_wide(functional.linear(a, weight, bias)), b) for a, b in parts)
    return torch.cat([functional.cross_entropy(each, b, reduction="none") for each, b in logits])


def _wide(logits: Tensor) -> Tensor:
    """Logits in float32 at least: halves are too coarse to sum probabilities in."""
    return logits if logits.dtype in (torch.float32, torch.float64) else logits.float()
