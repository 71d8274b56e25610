"""Projections narrower than the units, as the core has them: square, with zeros for what is not there.

Products with the zeros are wasted: (4 H H + H H) multiply-adds of a step where an LSTM needs (4 N + N) H.
"""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor
from torch.nn import functional

from recurra.engines.request import Request, State


def is_narrow(request: Request) -> bool:
    """Whether there is a projection of fewer numbers than there are units."""
    return request.cell.projected and request.weights.proj_size(request.cell) != request.hidden_size


def squared(request: Request) -> Request:
    """The same with a projection as wide as the units, whose last numbers are zero."""
    weights, hidden, cell = request.weights, request.hidden_size, request.cell
    narrow, projection, recurrent = weights.proj_size(cell), weights.weight_hr, weights.weight_hh
    assert narrow is not None
    assert projection is not None
    maps = len(cell.layout()["weight_hr"])
    rows = functional.pad(projection.view(maps, narrow, hidden), (0, 0, 0, hidden - narrow))
    mask = request.recurrent_mask
    return replace(
        request,
        weights=replace(
            weights,
            weight_hr=rows.view(maps * hidden, hidden),
            weight_hh=None if recurrent is None else _wide(recurrent, hidden),
        ),
        state=tuple(_wide(s, hidden) for s in request.state),
        recurrent_mask=None if mask is None else _wide(mask, hidden),
    )


def _wide(values: Tensor, width: int) -> Tensor:
    return functional.pad(values, (0, width - values.shape[-1])) if values.shape[-1] < width else values


def cut(y: Tensor, last: State, like: State) -> tuple[Tensor, State]:
    """What a squared request gives, without what is not there."""
    return y[..., : like[0].shape[1]], tuple(s[:, : own.shape[1]] for s, own in zip(last, like, strict=True))
