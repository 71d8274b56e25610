"""Scores of additive attention without the table of all queries beside all positions, B*T*S*Q numbers.

The compiled core makes them tile by tile and does the same again for their gradients; without it torch's operations do,
some queries at a time. Where somebody records or transforms what is done here, they are torch's operations as written.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from recurra.engines.native import library, scoring
from recurra.engines.native.tensors import TYPES
from recurra.engines.watching import are_batched, are_plain, is_transformed

CHUNK_VALUES = 1 << 20
"""Numbers of a chunk of the table, at most, if a single query has not more: 4 MB of float32."""
CHUNK_VALUES_ELSEWHERE = 1 << 25
"""The same on other devices than the CPU, which have no use for small pieces of work: 128 MB."""


def additive_scores(queries: Tensor, keys: Tensor, weight: Tensor, past: Tensor, *, engine: str = "auto") -> Tensor:
    """The sums of weight * tanh(query + key), -inf where past.

    Computed in float32 where the given types are narrower; under autocast that is the scores' type too. engine: auto or
    native, or, by another name, torch's operations as written
    Shapes: queries [B, T, Q], keys [B, S, Q], weight [Q], past bool [B, S] -> [B, T, S]
    Source: Bahdanau et al. 2015
    """
    tensors = queries, keys, weight
    plain = engine in ("auto", "native") and are_plain((*tensors, past)) and not is_transformed(tensors)
    if not plain or not _fit(queries, keys, weight, past):
        return by_definition(queries, keys, weight, past)
    given = torch.promote_types(torch.promote_types(queries.dtype, keys.dtype), weight.dtype)
    dtype = given if given in TYPES else torch.float32
    queries, keys, weight = queries.to(dtype), keys.to(dtype), weight.to(dtype)
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors):
        found: Tensor = _Scores.apply(queries, keys, weight, past)  # type: ignore[no-untyped-call]
    else:
        found = _scores(queries, keys, weight, past)
    return found if torch.is_autocast_enabled(found.device.type) else found.to(given)


def by_definition(queries: Tensor, keys: Tensor, weight: Tensor, past: Tensor) -> Tensor:
    """The same in torch's operations, with the table."""
    scores = torch.tanh(queries.unsqueeze(2) + keys.unsqueeze(1)) @ weight
    return scores.masked_fill(past.unsqueeze(1), float("-inf"))


def _fit(queries: Tensor, keys: Tensor, weight: Tensor, past: Tensor) -> bool:
    """Whether they are of the shapes, types and one device that are expected; what else there is, torch knows."""
    tensors = queries, keys, weight, past
    batch, width = queries.shape[0], weight.shape[0]
    return (
        [tensor.dim() for tensor in tensors] == [3, 3, 1, 2]
        and queries.shape[::2] == keys.shape[::2] == (batch, width)
        and past.shape == keys.shape[:2]
        and past.dtype == torch.bool
        and all(tensor.is_floating_point() for tensor in tensors[:3])
        and all(tensor.device == queries.device and tensor.layout == torch.strided for tensor in tensors)
    )


def _in_core(queries: Tensor, keys: Tensor) -> bool:
    """Whether there is a core that takes them, and anything to do."""
    return queries.is_cpu and min(*queries.shape, keys.shape[1]) > 0 and library.why_missing() is None


def _chunks(queries: Tensor, keys: Tensor) -> list[slice]:
    """Of the queries' times."""
    most = CHUNK_VALUES if queries.is_cpu else CHUNK_VALUES_ELSEWHERE
    each = max(1, most // max(1, keys.numel()))
    return [slice(start, start + each) for start in range(0, queries.shape[1], each)]


def _scores(queries: Tensor, keys: Tensor, weight: Tensor, past: Tensor) -> Tensor:
    if _in_core(queries, keys):
        return scoring.scores(queries, keys, weight, past)
    with torch.autocast(queries.device.type, enabled=False):
        found = [by_definition(queries[:, chunk], keys, weight, past) for chunk in _chunks(queries, keys)]
        return torch.cat(found, 1) if found else by_definition(queries, keys, weight, past)


def _gradients(d_scores: Tensor, queries: Tensor, keys: Tensor, weight: Tensor, past: Tensor) -> tuple[Tensor, ...]:
    if _in_core(queries, keys):
        return scoring.gradients(d_scores, queries, keys, weight, past)
    d_queries, d_keys, d_weight = [], torch.zeros_like(keys), torch.zeros_like(weight)
    for chunk in _chunks(queries, keys):
        of_queries, of_keys, of_weight = _by_definition(d_scores[:, chunk], queries[:, chunk], keys, weight, past)
        d_queries.append(of_queries)
        d_keys, d_weight = d_keys + of_keys, d_weight + of_weight
    return torch.cat(d_queries, 1) if d_queries else torch.zeros_like(queries), d_keys, d_weight


def _by_definition(
    d_scores: Tensor, queries: Tensor, keys: Tensor, weight: Tensor, past: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients in torch's operations, which have gradients themselves."""
    d_scores = d_scores.masked_fill(past.unsqueeze(1), 0)
    mixed = torch.tanh(queries.unsqueeze(2) + keys.unsqueeze(1))
    d_sums = d_scores.unsqueeze(3) * ((1 - mixed * mixed) * weight)
    return d_sums.sum(2), d_sums.sum(1), (d_scores.unsqueeze(3) * mixed).sum((0, 1, 2))


class _Scores(torch.autograd.Function):
    """Keeps what it was given and nothing else."""

    @staticmethod
    def forward(ctx: Any, queries: Tensor, keys: Tensor, weight: Tensor, past: Tensor) -> Tensor:
        ctx.save_for_backward(queries, keys, weight, past)
        return _scores(queries, keys, weight, past)

    @staticmethod
    def backward(ctx: Any, d_scores: Tensor) -> tuple[Tensor | None, ...]:
        given = ctx.saved_tensors
        watched = torch.is_grad_enabled() or not are_plain((d_scores, *given))
        with torch.autocast(d_scores.device.type, enabled=False):
            if watched or is_transformed((d_scores, *given)) or are_batched((d_scores,)):
                return *_by_definition(d_scores, *given), None
            return *_gradients(d_scores, *given), None
