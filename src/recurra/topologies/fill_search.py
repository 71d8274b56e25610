"""The most probable contents of a blank whose length nobody knows."""

from __future__ import annotations

import torch
from torch import Tensor

from recurra.errors import UsageError
from recurra.topologies.fill import BlankFiller
from recurra.topologies.sampling import numbers

BEAM = 24
"""Beginnings of a blank's contents that are followed up at each length, at least."""


@torch.inference_mode()
def fill_blank(network: BlankFiller, left: list[int], right: list[int], top: int) -> list[tuple[list[int], float]]:
    """Contents and their probabilities, best first.

    left, right: the tokens before and behind the blank, in their order. For each length up to the network's longest a
    beam goes from the blank's left end to its right one; the probability of a content is that of its length times those
    of its tokens, so that all possible contents together have 1.
    Errors: UsageError for a top below 1
    """
    if top < 1:
        raise UsageError(f"top must be a whole number from 1, got {top}")
    device = network.bias.device
    start = torch.tensor([[network.boundary, *left]], device=device)
    behind = torch.tensor([[network.boundary, *reversed(right)]], device=device)
    f, state = network.step(start, None)
    b = network.backward_stack(network.table(behind))[0][:, -1]
    lengths = [0.0]
    if network.longest > 1:
        lengths = numbers(network.length_logits(f, b)[0].float()).log_softmax(0).tolist()
    found: list[tuple[list[int], float]] = []
    for length, chance in enumerate(lengths, start=1):
        scores, contents = torch.tensor([chance], device=device), torch.empty(1, 0, dtype=torch.int64, device=device)
        beams, states = f, state
        for remaining in range(length, 0, -1):
            if contents.shape[1]:
                beams, states = network.step(contents[:, -1:], states)
            chances = _next(network, beams, b, remaining)
            scores, rows, tokens = _best(scores.unsqueeze(1) + chances, max(top, BEAM))
            contents = torch.cat([contents[rows], tokens.unsqueeze(1)], 1)
            states = tuple(s[:, rows] for s in states)
        found += zip(contents.tolist(), scores.exp().tolist(), strict=True)
    return sorted(found, key=lambda one: (-one[1], one[0]))[:top]


def _next(network: BlankFiller, f: Tensor, b: Tensor, remaining: int) -> Tensor:
    """Log-probabilities of the next token. Shapes: f [N, H], b [1, H] -> [N, V]"""
    sizes = torch.full((len(f),), remaining, device=f.device)
    return numbers(network.logits(network.output("both", f, b.expand(len(f), -1), sizes))).log_softmax(-1)


def _best(scores: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """The best of scores [N, V]: those scores, their rows and their tokens, each [K]; impossible ones left out."""
    kept = min(count, int(torch.isfinite(scores).sum()))
    values, indices = scores.flatten().topk(kept)
    return values, indices // scores.shape[1], indices % scores.shape[1]
