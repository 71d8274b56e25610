"""Networks that are made to be filled: nothing random is drawn for their weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

_DRAWS: frozenset[Any] = frozenset(
    {Tensor.normal_, Tensor.uniform_, Tensor.bernoulli_, Tensor.random_, torch.nn.init.normal_, torch.nn.init.uniform_}
)


class Undrawn(TorchFunctionMode):
    """Inside, tensors that are drawn at random stay as they are; orthogonal ones are not made so.

    What stands in such weights is arbitrary: every one must be given its value. On torch's device "meta" this also
    keeps torch from importing its compiler, which is what draws there.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func in _DRAWS:
            return args[0] if args else (kwargs or {})["tensor"]
        if func is torch.empty_like and args[0].is_meta:  # in torch a decomposition, which imports sympy
            return torch.empty(args[0].shape, dtype=(kwargs or {}).get("dtype") or args[0].dtype, device="meta")
        if func is torch.linalg.qr:  # of torch.nn.init.orthogonal_
            matrix: Tensor = args[0]
            return matrix, matrix[: matrix.shape[1]]
        return func(*args, **(kwargs or {}))
