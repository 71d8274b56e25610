"""Scores of additive attention by the core, which keeps nothing for their gradients, and these."""

from __future__ import annotations

from ctypes import byref

import torch
from torch import Tensor

from recurra.engines.native import forking, library
from recurra.engines.native.refusals import check
from recurra.engines.native.tensors import TYPES, rows, vectors
from recurra.errors import ShapeError


def scores(queries: Tensor, keys: Tensor, weight: Tensor, past: Tensor) -> Tensor:
    """Sums of weight * tanh(query + key), -inf where past.

    Shapes: queries [B, T, Q], keys [B, S, Q], weight [Q], of one type of `TYPES`, past bool [B, S], all on the CPU and
            none of them empty -> [B, T, S]
    Errors: EngineError if there is no core; ShapeError
    """
    call, alive = _call_of(queries, keys, weight, past)
    found = queries.new_empty(call.batch, call.count, call.positions)
    call.scores = found.data_ptr()
    check(library.load().c.recurra_additive_scores(byref(call)))
    del alive
    return found


def gradients(
    d_scores: Tensor, queries: Tensor, keys: Tensor, weight: Tensor, past: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Those of queries, keys and weight. Shapes: d_scores [B, T, S], not read where past, otherwise as `scores`

    Errors: as `scores`
    """
    call, alive = _call_of(queries, keys, weight, past)
    expected = (call.batch, call.count, call.positions)
    if d_scores.shape != expected or d_scores.dtype != queries.dtype:
        given = f"{list(d_scores.shape)}, {d_scores.dtype}"
        raise ShapeError(f"expected the gradient of scores {list(expected)}, {queries.dtype}, got {given}")
    d_scores = rows(d_scores)
    found = queries.new_empty(queries.shape), queries.new_empty(keys.shape), queries.new_empty(weight.shape)
    call.dscores = d_scores.data_ptr()
    call.dqueries, call.dkeys, call.dweight = [tensor.data_ptr() for tensor in found]
    check(library.load().c.recurra_additive_gradients(byref(call)))
    del alive
    return found


def _call_of(queries: Tensor, keys: Tensor, weight: Tensor, past: Tensor) -> tuple[library.ScoringCall, list[Tensor]]:
    """What both calls read, and what has to stay alive until they are over. Errors: ShapeError"""
    batch, count, width = queries.shape
    if keys.shape[::2] != (batch, width) or weight.shape != (width,) or past.shape != keys.shape[:2]:
        forms = ", ".join(str(list(tensor.shape)) for tensor in (queries, keys, weight, past))
        raise ShapeError(f"expected queries [B, T, Q], keys [B, S, Q], a weight [Q] and past [B, S], got {forms}")
    if not queries.dtype == keys.dtype == weight.dtype or past.dtype != torch.bool:
        types = ", ".join(str(tensor.dtype) for tensor in (queries, keys, weight, past))
        raise ShapeError(f"expected queries, keys and a weight of one type and past of bool, got {types}")
    if forking.pending:
        forking.settle()
    queries, keys, weight, past = vectors(queries), vectors(keys), rows(weight), rows(past)
    call = library.ScoringCall()
    call.type, call.threads = TYPES[queries.dtype], torch.get_num_threads()
    call.batch, call.count, call.positions, call.width = batch, count, keys.shape[1], width
    call.queries, call.queries_batch, call.queries_time = queries.data_ptr(), queries.stride(0), queries.stride(1)
    call.keys, call.keys_batch, call.keys_time = keys.data_ptr(), keys.stride(0), keys.stride(1)
    call.weight, call.past = weight.data_ptr(), past.data_ptr()
    return call, [queries, keys, weight, past]
