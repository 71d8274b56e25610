"""What watches while a layer runs: compilers and tracers that record it, transforms that differentiate it.

An engine that reads memory does what nobody else sees. Where somebody looks on, the numbers may not be there at all
(fake tensors, tensors of a trace), or they are not the whole of a value (tangents, a batch inside a tensor).
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch._C import _get_tracing_state, _len_torch_dispatch_stack
from torch._C._functorch import peek_interpreter_stack
from torch._ops import mode_stack_state_for_pre_dispatch
from torch.autograd import forward_ad
from torch.nn import Parameter

_before_dispatch = mode_stack_state_for_pre_dispatch()  # type: ignore[no-untyped-call]


def is_traced() -> bool:
    """Whether torch.jit.trace records."""
    return _get_tracing_state() is not None


def is_recorded() -> bool:
    """Whether what is done now may be done again with other numbers: by a compiler, an exporter or a tracer, or in
    a mode or transform of torch that sees every operation."""
    return (
        torch.compiler.is_compiling()
        or _get_tracing_state() is not None
        or _len_torch_dispatch_stack() > 0
        or _before_dispatch.count() > 0
        or peek_interpreter_stack() is not None
    )


def is_transformed(tensors: Iterable[Tensor]) -> bool:
    """Whether derivatives or a batch are in the tensors that only torch's own operations carry on: within
    torch.func's transforms and tangents of forward mode."""
    if peek_interpreter_stack() is not None:
        return True
    return any(has_tangent(t) for t in tensors) if forward_ad._current_level >= 0 else False


def are_batched(tensors: Iterable[Tensor]) -> bool:
    """Whether one of them holds a batch of gradients (`is_grads_batched`, `jacobian(vectorize=True)`)."""
    return any(type(t) is Tensor and not torch._C._has_storage(t) for t in tensors)


def has_tangent(tensor: Tensor) -> bool:
    """Whether it is a dual tensor of the level of forward mode that is in force."""
    return forward_ad.unpack_dual(tensor).tangent is not None  # type: ignore[no-untyped-call]


def are_plain(tensors: Iterable[Tensor]) -> bool:
    """Whether these are tensors with numbers in memory and nobody looks on."""
    if is_recorded():
        return False
    for tensor in tensors:
        kind = type(tensor)
        if kind is not Tensor and kind is not Parameter:
            return False
    return True


def has_numbers(tensor: Tensor) -> bool:
    """Whether its numbers are there, and may be looked at without anybody taking them for constants."""
    return tensor.device.type != "meta" and are_plain((tensor,))
