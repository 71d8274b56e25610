"""A language model that writes many tokens in one call of the compiled core."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.modules import module

from recurra.engines.native.stream import NativeStream
from recurra.engines.native.tensors import rows
from recurra.engines.native.writer import Draws, NativeWriter
from recurra.engines.watching import are_plain
from recurra.topologies.outputs import SampledSoftmax, Softmax
from recurra.topologies.token_steps import TokenSteps


class TokenBlocks:
    """Goes on where `TokenSteps` stand, and they where this stops, for their layers are the same.

    Table and output that autograd knows to have changed are read anew; the layers' weights were taken once.
    how: the draws, and what was written before, as they are then
    """

    def __init__(self, steps: TokenSteps, how: Callable[[], tuple[Draws, list[int]]]) -> None:
        self._steps, self._how = steps, how
        self._writer: NativeWriter | None = None
        self._form: tuple[Any, ...] = ()

    def why_not(self) -> str | None:
        """Why tokens go one by one through torch now; None if they need not."""
        head = self._steps.head
        if (
            type(head) not in (Softmax, SampledSoftmax)
            or "weight" not in head._parameters
            or "forward" in head.__dict__
        ):
            return "the output is not one softmax of weights of its own"
        if _hooked(head):
            return "a hook waits for the output's numbers"
        if torch.is_autocast_enabled("cpu"):
            return "autocast says in which type the output computes"
        if not all(isinstance(layer, NativeStream) and layer.dtype == torch.float32 for layer in self._steps.layers):
            return "a layer does not run in float32 in the compiled core"
        tensors = self._tensors()
        if not are_plain(tensors) or any(t.device.type != "cpu" or t.dtype != torch.float32 for t in tensors):
            return "the table or the output has no float32 numbers in memory"
        return None

    def write(self, token: int, waits: Tensor) -> tuple[list[int], Tensor | None]:
        """What follows a token, see `NativeWriter.write`; nothing where `why_not` says why.

        Errors: ShapeError for weights whose memory was given back
        Shapes: waits [K, V] -> K tokens, or fewer and the scores [V] of the next one, the caller's own
        """
        if self.why_not() is not None:
            self._writer = None
            return [], None
        form = tuple((t.data_ptr(), 0 if t.is_inference() else t._version, t.shape) for t in self._tensors())
        if self._writer is None or form != self._form:
            self._writer, self._form = self._made(), form
        found = self._writer.write(token, waits)
        return found, self._writer.scores.clone() if len(found) < len(waits) else None

    def _tensors(self) -> tuple[Tensor, ...]:
        head = self._steps.head
        return (self._steps.table, head.weight, *(() if head.bias is None else (head.bias,)))

    def _made(self) -> NativeWriter:
        steps, (how, written) = self._steps, self._how()
        layers = [layer for layer in steps.layers if isinstance(layer, NativeStream)]
        table = rows(steps.table)
        return NativeWriter(
            layers, table if steps.gain == 1 else table * steps.gain, steps.head.weight, steps.head.bias, how, written
        )


def _hooked(one: torch.nn.Module) -> bool:
    own = (one._forward_hooks, one._forward_pre_hooks, module._global_forward_hooks, module._global_forward_pre_hooks)
    return any(own)
