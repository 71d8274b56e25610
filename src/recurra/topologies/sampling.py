"""Drawing the next token from a network's outputs."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from recurra.errors import ModelFolderError
from recurra.topologies.sampling_bounds import check_sampling
from recurra.torch_parts import import_parts


def generator(seed: int | None) -> torch.Generator:
    """Random numbers of their own, from a seed; others each time for None."""
    import_parts()  # without some of them torch makes no generator
    random = torch.Generator()
    if seed is None:
        random.seed()
    else:
        random.manual_seed(seed)
    return random


def numbers(scores: Tensor) -> Tensor:
    """Scores as they are. Shapes: [..., V]

    Errors: ModelFolderError unless each row has a largest one: weights that are too large, or damaged, give none
    """
    if not bool(scores.amax(-1).isfinite().all()):  # of a row with a NaN the largest is one
        raise ModelFolderError(
            "the model's scores are not numbers; its weights are damaged, or too large for this text"
        )
    return scores


def penalised(logits: Tensor, written: Tensor, penalty: float) -> Tensor:
    """Log-probabilities, with those of tokens that were written already multiplied by the penalty.

    Other than a factor on the logits (Keskar et al. 2019), this does not depend on a constant that is added to all.
    Maths:  p(w) becomes proportional to p(w)^penalty for a token that was written
    Shapes: logits [V], written int64 [N] -> [V]. Units: nats
    """
    if penalty == 1 or not len(written):
        return logits
    known = logits.log_softmax(0)
    return known.index_copy(0, written, known[written] * penalty)


def filtered(
    logits: Tensor, *, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    """The probabilities that are sampled from.

    temperature: 0 takes the most probable token; top_k: only the k most probable; top_p: only the most probable
    ones that together reach p (Holtzman et al. 2020), always at least one.
    Shapes: logits [V] -> probabilities [V], their sum 1
    """
    check_sampling(temperature, top_k, top_p)
    numbers(logits)
    if temperature == 0:
        return torch.zeros_like(logits).index_fill(0, logits.argmax(), 1.0)
    scores = logits.double()
    scores = (scores - scores.max()) / temperature
    if top_k is not None and top_k < len(scores):
        scores = scores.masked_fill(~most_probable(scores, top_k), float("-inf"))
    probabilities = scores.softmax(0)
    if top_p is not None and top_p < 1:
        order = probabilities.argsort(descending=True, stable=True)
        reached = probabilities[order].cumsum(0)
        probabilities = probabilities.index_fill(0, order[1:][reached[:-1] >= top_p], 0.0)
        probabilities = probabilities / probabilities.sum()
    return probabilities.to(logits.dtype)


def most_probable(scores: Tensor, count: int) -> Tensor:
    """Where the `count` largest of each row stand, of equal ones the first. Shapes: [..., V] -> bool [..., V]"""
    edge = scores.topk(count).values[..., -1:]
    over, equal = scores > edge, scores == edge
    return over | (equal & (equal.cumsum(-1) <= count - over.sum(-1, keepdim=True)))


def draw(
    scores: Tensor,
    random: torch.Generator,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> int:
    """One index by the probabilities that `filtered` gives; of random numbers as many as torch.multinomial takes.

    Maths:  the largest of scores / temperature - log w, each w from an exponential distribution, stands at an index
            with just its probability: where all may be drawn they need not be computed
    Shapes: scores [V], on the CPU
    Errors: ModelFolderError for scores that are no numbers; UsageError
    Source: Gumbel 1954; Yellott 1977
    """
    if temperature != 0 and top_k is None and top_p in (None, 1):
        check_sampling(temperature, top_k, top_p)
        waits = torch.empty_like(scores).exponential_(generator=random)
        found = int(torch.argmax(scores / temperature - waits.log_()))
        if math.isfinite(scores[found].item()):
            return found
    chances = filtered(scores, temperature=temperature, top_k=top_k, top_p=top_p)
    return int(torch.multinomial(chances, 1, generator=random))
