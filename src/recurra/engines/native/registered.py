"""The names and signatures of `recurra::layer` and `recurra::layer_backward`, known to torch from here on.

A graph that was saved is read by them, so they are there as soon as recurra and torch are both imported
(`after_torch.py`). What they do is imported when they are first called: nothing of Recurra is imported here.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import torch

_GIVEN = "str cell, Tensor x, Tensor? table, Tensor? lengths, Tensor[] state, Tensor[] weights, bool reverse, bool bf16"

ops: Any = torch.library.Library("recurra", "DEF")  # type: ignore[no-untyped-call]
ops.define(f"layer({_GIVEN}) -> Tensor[]", tags=(torch.Tag.pt2_compliant_tag,))
ops.define(
    f"layer_backward({_GIVEN}, Tensor memory, Tensor d_y, Tensor[] d_last) -> Tensor[]",
    tags=(torch.Tag.pt2_compliant_tag,),
)


def _later(name: str) -> Callable[..., Any]:
    def call(*given: Any) -> Any:
        return getattr(import_module("recurra.engines.native.operators"), name)(*given)

    return call


ops.impl("layer", _later("forward"), "CPU")
ops.impl("layer_backward", _later("backward"), "CPU")
ops.impl("layer", _later("differentiable"), "Autograd")
torch.library.register_fake("recurra::layer", _later("forward_fake"), lib=ops)
torch.library.register_fake("recurra::layer_backward", _later("backward_fake"), lib=ops)
torch.library.register_vmap("recurra::layer", _later("forward_batched"), lib=ops)
torch.library.register_vmap("recurra::layer_backward", _later("backward_batched"), lib=ops)
