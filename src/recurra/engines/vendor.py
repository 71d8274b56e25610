"""torch's own kernels (oneDNN, cuDNN, ATen) for the cells that torch has."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import _VF, Tensor

from recurra.cells.elman import rnn, rnn_relu
from recurra.cells.gru import gru
from recurra.cells.lstm import lstm
from recurra.engines.request import Embedded, Engine, Request, State
from recurra.engines.watching import has_numbers, is_recorded
from recurra.equations.trace import CellFunction

TORCH_HAS = (lstm, gru, rnn, rnn_relu)
KERNELS: dict[CellFunction, Callable[..., Any]] = dict(
    zip((c.function for c in TORCH_HAS), (_VF.lstm, _VF.gru, _VF.rnn_tanh, _VF.rnn_relu), strict=True)
)
"""By the function, which cells of other names share."""

HELD = {lstm.function: {"i": -1e4, "f": 1e4}, rnn_relu.function: {"h": -1e30}}
"""What is added past a row's end, and to the sums of which gates. 1e4 drives a sigmoid to exactly 1 (negative: to 0) in
every floating-point type; a relu has sums of any size to overcome."""


class Vendor(Engine):
    """Calls torch's kernel once per layer and direction, with the weights as they are stored.

    Ragged rows run padded, which is faster than packed on a CPU. Outputs past a row's end are zeroed and h is taken
    from the row's own last output. An LSTM's c is in no output; there one more input column holds f at 1 and i at
    0 past the end, so that c stays what it was, exactly, and nothing flows back from there. A relu RNN may grow
    without bound over steps that its row does not have, and 0 times infinity would be in its gradient; there the
    column holds h at 0.
    """

    name = "vendor"

    def why_not(self, request: Request) -> str | None:
        if request.cell.variant:
            return f"torch's kernels have no {request.cell.variant}"
        if request.cell.function not in KERNELS:
            return f"torch has no {request.cell.name} (it has {', '.join(c.name for c in TORCH_HAS)})"
        if request.recurrent_mask is not None:
            return "torch's kernels have no dropout inside the step"
        if request.batch == 0:
            return "torch's kernels take no empty batch"
        return None

    def run(self, request: Request) -> tuple[Tensor, State]:
        lengths = request.lengths
        if lengths is not None and has_numbers(lengths) and bool((lengths >= request.time).all()):
            lengths = None
        lengths = None if lengths is None else lengths.to(request.device)
        x = _turned_input(request.x, lengths) if request.reverse else request.dense_x()
        alive = None
        if lengths is not None:
            alive = (torch.arange(request.time, device=request.device) < lengths[:, None]).unsqueeze(-1)
            x = torch.where(alive, x, x.new_zeros(()))
        flat = list(request.weights.dense().present().values())
        if alive is not None and request.cell.function in HELD:
            x = torch.cat([x, (~alive).to(x.dtype)], -1)
            flat[0] = torch.cat([flat[0], _hold_column(request)], -1)
        y, state = self._call(request, x, flat)
        if alive is not None and lengths is not None:
            y = torch.where(alive, y, y.new_zeros(()))
            last = y[torch.arange(request.batch, device=y.device), lengths - 1]
            state = (last, *state[1:])
        if request.reverse:
            y = _turned(y, lengths)
        return y, tuple(new.to(old.dtype) for new, old in zip(state, request.state, strict=True))

    def _call(self, request: Request, x: Tensor, flat: list[Tensor]) -> tuple[Tensor, State]:
        initial = [s.unsqueeze(0).contiguous() for s in request.state]
        train = torch.is_grad_enabled() or is_recorded()  # a graph may be made without gradients and run with them
        several = len(initial) > 1
        autocast: AbstractContextManager[Any] = nullcontext()
        if _fails_under_autocast(request):
            autocast = torch.autocast("cpu", enabled=False)
            x, *initial = (v.to(request.weights.weight_ih.dtype) for v in (x, *initial))
        with autocast:
            y, *state = KERNELS[request.cell.function](
                x, tuple(initial) if several else initial[0], flat, request.bias, 1, 0.0, train, False, True
            )
        return y, tuple(s.squeeze(0) for s in state)


def _fails_under_autocast(request: Request) -> bool:
    """Whether torch would hand oneDNN an LSTM in a type that this CPU lacks; it stays in its own."""
    if request.cell.function is not lstm.function or request.device.type != "cpu":
        return False
    if not torch.is_autocast_enabled("cpu"):
        return False
    half = torch.get_autocast_dtype("cpu") == torch.float16
    mkldnn = torch.ops.mkldnn
    return not (mkldnn._is_mkldnn_fp16_supported() if half else mkldnn._is_mkldnn_bf16_supported())


def _hold_column(request: Request) -> Tensor:
    weight, kind = request.weights.weight_ih, request.device.type
    runs_in = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else weight.dtype
    most = torch.finfo(runs_in).max / 4
    held = HELD[request.cell.function]
    column = [max(-most, min(held.get(gate, 0.0), most)) for gate in request.cell.layout()["weight_ih"]]
    made = torch.tensor(column, dtype=weight.dtype, device=weight.device)
    return made.repeat_interleave(request.hidden_size).unsqueeze(-1)


def _turned(values: Tensor, lengths: Tensor | None) -> Tensor:
    """Each row [B, T, ...] from its last step to its first, what is past the end left there: its own inverse.

    Rows are selected, not gathered: gather's backward pass takes ten times as long on a CPU.
    """
    if lengths is None:
        return values.flip(1)
    batch, time = values.shape[:2]
    positions = torch.arange(time, device=values.device)
    mirrored = lengths[:, None] - 1 - positions
    rows = torch.where(mirrored >= 0, mirrored, positions) + time * torch.arange(batch, device=values.device)[:, None]
    return values.flatten(0, 1).index_select(0, rows.flatten()).view(values.shape)


def _turned_input(x: Tensor | Embedded, lengths: Tensor | None) -> Tensor:
    """The input as vectors, turned; of tokens the tokens, before they are looked up."""
    if isinstance(x, Embedded):
        return Embedded(_turned(x.tokens, lengths), x.table).dense()
    return _turned(x, lengths)
