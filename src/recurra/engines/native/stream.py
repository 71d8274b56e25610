"""One step after the other in the compiled core, with nothing allocated on the way."""

from __future__ import annotations

from ctypes import byref, c_void_p
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from recurra.engines.native import library
from recurra.engines.native.calls import Inputs, fill
from recurra.engines.native.compiled import compiled
from recurra.engines.native.quantised import packed
from recurra.engines.native.refusals import check
from recurra.engines.native.tensors import rows
from recurra.engines.quantised import ByteWeights
from recurra.engines.request import Request, State
from recurra.engines.watching import are_plain, has_numbers, has_tangent
from recurra.errors import ShapeError


class NativeStream:
    """The weights of one layer, packed once, and its states between steps.

    in_bytes: the weights in 8 bits, of which the request's own only tell the forms; handle, c: recurra_stream, and the
    library that made it. What the weights become later is not seen. Not for several threads at once.
    """

    def __init__(self, request: Request, in_bytes: ByteWeights | None = None) -> None:
        cell = compiled(request.cell, bias=request.bias, mask=False)
        weights = tuple(w.detach() for w in request.weights.present().values())
        self._request, self._bytes = request, in_bytes
        own = weights[0].dtype
        self._bf16 = own == torch.bfloat16
        inner = torch.float32 if self._bf16 else own
        state = tuple(rows(s.detach().to(inner)) for s in request.state)
        self._packed = None if in_bytes is None else packed(cell, in_bytes)
        weights = tuple(w.to(inner) for w in weights) if self._packed is None else self._packed.weights
        self.batch, self.output_size = state[0].shape
        self.input_size, self.dtype = weights[0].shape[1], own
        self.c = cell.library.c
        call = library.Call()
        inputs = Inputs(weights[0], None, None, state, weights, False, self._bf16, packed=self._packed)
        alive = fill(cell, inputs, call)
        self.handle: int | None = self.c.recurra_stream_new(cell.infer, byref(call))
        del alive
        if not self.handle:
            raise MemoryError("no memory for a stream")
        self._step = self.c.recurra_stream_step
        self._states = tuple(torch.empty_like(s) for s in state)
        self._state_at = (c_void_p * len(state))(*(s.data_ptr() for s in self._states))
        self._y = state[0].new_empty(self.batch, self.output_size)
        self._y_at = self._y.data_ptr()
        self._shape = torch.Size((self.batch, self.input_size))

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles are made anew from the weights, with the states as they are inside."""
        self.c.recurra_stream_state(self.handle, self._state_at, 0)
        state = tuple(s.clone() for s in self._states)
        return NativeStream, (replace(self._request, state=state), self._bytes)

    def __del__(self) -> None:
        if getattr(self, "handle", None):
            self.c.recurra_stream_free(self.handle)

    def step(self, x: Tensor) -> Tensor:
        """Shapes: x [B, I] -> y [B, H], a tensor that the next step overwrites.

        Errors: ShapeError
        """
        if not are_plain((x,)) or (forward_ad._current_level >= 0 and has_tangent(x)):
            raise NotImplementedError(
                "a stream steps through numbers in memory: it cannot be traced, compiled, transformed or "
                f"differentiated, and takes no {type(x).__name__} without numbers; call the layer on a sequence instead"
            )
        if x.shape != self._shape or x.dtype != self.dtype or x.device.type != "cpu":
            raise ShapeError(
                f"expected x {list(self._shape)}, {self.dtype} on the CPU; got {list(x.shape)}, {x.dtype} on {x.device}"
            )
        if self._bf16:
            x = x.float()
        x = rows(x)
        check(self._step(self.handle, x.data_ptr(), self._y_at))
        return self._y.to(torch.bfloat16) if self._bf16 else self._y

    @property
    def state(self) -> State:
        """Copies of the states, each [B, H]."""
        check(self.c.recurra_stream_state(self.handle, self._state_at, 0))
        return tuple(s.to(self.dtype, copy=True) for s in self._states)

    @state.setter
    def state(self, values: State) -> None:
        if len(values) != len(self._states):
            raise ShapeError(f"expected {len(self._states)} states, got {len(values)}")
        for own, value in zip(self._states, values, strict=True):
            if value.shape != own.shape or not value.dtype.is_floating_point or not has_numbers(value):
                raise ShapeError(
                    f"expected states {list(own.shape)}, {self.dtype}; got {type(value).__name__} {list(value.shape)}, "
                    f"{value.dtype} on {value.device}"
                )
        for own, value in zip(self._states, values, strict=True):
            own.copy_(value.detach())
        check(self.c.recurra_stream_state(self.handle, self._state_at, 1))
