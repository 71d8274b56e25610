"""The recurrent layers that settings ask for, run whole or in chunks."""

from __future__ import annotations

import torch
from torch import Tensor

from recurra.engines.request import Embedded, State
from recurra.errors import UsageError
from recurra.layers.stack import Stack
from recurra.topologies.carry import detached
from recurra.topologies.settings import NetworkSettings


def build_stack(width: int, settings: NetworkSettings) -> Stack:
    """A Stack of the given input width."""
    return Stack(
        width,
        settings.hidden_size,
        settings.num_layers,
        cell=settings.cell,
        dropout=settings.dropout,
        variational=settings.variational,
        recurrent_dropout=settings.recurrent_dropout,
        bidirectional=settings.bidirectional,
        merge=settings.merge,
        init=settings.init,
        learned_state=settings.learned_state,
        engine=settings.engine,
    )


def run_truncated(stack: Stack, x: Embedded, lengths: Tensor, steps: int) -> tuple[Tensor, State]:
    """A ragged batch in chunks of `steps`, with nothing flowing back from a chunk into the one before.

    Shapes: x of tokens [B, T], lengths int64 [B] -> y [B, T, H], the rows' own last states each [L, B, H]
    Errors: UsageError for a stack of two directions: its backward half has no earlier chunk
    """
    if stack.bidirectional:
        raise UsageError("truncated BPTT reads forward only; use bidirectional=False or the full bptt")
    batch, time = x.tokens.shape
    state = stack.initial_state(batch)
    outputs = []
    for start in range(0, time, steps):
        alive = (lengths > start).nonzero().squeeze(1)
        rows = alive.to(x.tokens.device)
        tokens = x.tokens[rows, start : start + steps]
        left = (lengths[alive.to(lengths.device)] - start).clamp(max=tokens.shape[1])
        before = tuple(s[:, rows] for s in state)
        y, after = stack(Embedded(tokens, x.table, x.padding_idx), detached(before) if start else before, lengths=left)
        # rows that have ended keep their last state with all that flows back through it
        state = tuple(s.index_copy(1, rows, a) for s, a in zip(state, after, strict=True))
        outputs.append(y.new_zeros(batch, *y.shape[1:]).index_copy(0, rows, y))
    return torch.cat(outputs, 1), state
