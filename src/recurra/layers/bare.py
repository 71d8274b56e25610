"""Modules that do what their kind does and nothing else, so that something shorter may be done in their place."""

from __future__ import annotations

from torch import nn
from torch.nn.modules.module import _has_any_global_hook


def is_bare(module: nn.Module, kind: type[nn.Module]) -> bool:
    """Whether a module does what its kind does and nothing else: no hooks, no parametrisation, no other forward."""
    return (
        type(module) is kind
        and "forward" not in module.__dict__
        and not (
            module._forward_hooks
            or module._forward_pre_hooks
            or module._backward_hooks
            or module._backward_pre_hooks
            or _has_any_global_hook()  # type: ignore[no-untyped-call]
        )
    )
