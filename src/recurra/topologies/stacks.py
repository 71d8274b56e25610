"""The recurrent layers that settings ask for, run whole or in chunks."""

from __future__ import annotations

import torch
from torch import Tensor

from recurra.engines.request import Embedded, State
from recurra.errors import UsageError
from recurra.layers.stack import Stack
from recurra.topologies.carry import detached
from recurra.topologies.settings import FreeStateSettings, Merge, NetworkSettings, TwoWaySettings


def build_stack(width: int, settings: NetworkSettings, *, variational: bool = False) -> Stack:
    """A Stack of the given input width, of two directions and with a learned state where the settings have these.

    variational: one dropout mask for all steps of a row
    """
    merge: Merge = settings.merge if isinstance(settings, TwoWaySettings) else "concat"
    return Stack(
        width,
        settings.hidden_size,
        settings.num_layers,
        cell=settings.cell,
        dropout=settings.dropout,
        variational=variational,
        recurrent_dropout=settings.recurrent_dropout,
        weight_dropout=settings.weight_dropout,
        zoneout=settings.zoneout,
        zoneout_cell=settings.zoneout_cell,
        rank=settings.rank,
        heads=settings.heads,
        bidirectional=isinstance(settings, TwoWaySettings) and settings.bidirectional,
        merge=merge,
        init=settings.init,
        learned_state=isinstance(settings, FreeStateSettings) and settings.learned_state,
        engine=settings.engine,
    )


def run_truncated(
    stack: Stack, x: Embedded, lengths: Tensor, steps: int, state: State | None = None
) -> tuple[Tensor, State]:
    """A ragged batch in chunks of `steps`, with nothing flowing back from a chunk into the one before.

    Shapes: x of tokens [B, T], lengths int64 [B], state each [L, B, H], the initial one if None
            -> y [B, T, H], the rows' own last states
    Errors: UsageError for a stack of two directions: its backward half has no earlier chunk
    """
    if stack.bidirectional:
        raise UsageError("truncated BPTT reads forward only; use bidirectional=False or the full bptt")
    batch, time = x.tokens.shape
    state = stack.initial_state(batch) if state is None else state
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
