"""What Fabric is to one process on a CPU, which needs few of its lines and not the second that it takes to import."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, nn

Precision = Literal["bf16-mixed", "32-true"]


class Device(Protocol):
    """What a training asks of Fabric. device: where the network is"""

    @property
    def device(self) -> torch.device: ...

    def setup(self, module: Any, optimizer: Any, /) -> Any:
        """The network there, as evaluations call it, and its optimizer."""

    def autocast(self) -> AbstractContextManager[Any]: ...

    def backward(self, tensor: Tensor, /) -> None: ...


class Plain:
    """One process on the CPU."""

    device = torch.device("cpu")

    def __init__(self, precision: Precision) -> None:
        self.lower = torch.bfloat16 if precision == "bf16-mixed" else None

    def setup(self, module: nn.Module, optimizer: torch.optim.Optimizer, /) -> tuple[Wrapped, torch.optim.Optimizer]:
        return Wrapped(module, self), optimizer

    def autocast(self) -> AbstractContextManager[Any]:
        return nullcontext() if self.lower is None else torch.autocast("cpu", dtype=self.lower)

    def backward(self, tensor: Tensor, /) -> None:
        torch.autograd.backward(tensor)


class Wrapped(nn.Module):
    """A network that is called as Fabric calls one: of bfloat16 what goes in is rounded and what comes out is wide."""

    def __init__(self, module: nn.Module, plain: Plain) -> None:
        super().__init__()
        self.module = module
        self._plain = plain

    def forward(self, *given: Any, **named: Any) -> Any:
        """As the network's own."""
        lower = self._plain.lower
        if lower is None:
            return self.module(*given, **named)
        given, named = _floats((given, named), lower)
        with self._plain.autocast():
            return _floats(self.module(*given, **named), torch.get_default_dtype())

    def state_dict(self, *given: Any, **named: Any) -> Any:
        """The network's own."""
        return self.module.state_dict(*given, **named)

    def load_state_dict(self, *given: Any, **named: Any) -> Any:
        """Into the network itself."""
        return self.module.load_state_dict(*given, **named)

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("module"), name)


def _floats(data: Any, dtype: torch.dtype) -> Any:
    """The same with its tensors of floating point in this type."""
    if isinstance(data, Tensor):
        return data.to(dtype) if data.is_floating_point() else data
    if isinstance(data, Mapping):
        return {name: _floats(value, dtype) for name, value in data.items()}
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*(_floats(value, dtype) for value in data))
    if isinstance(data, list | tuple):
        return type(data)(_floats(value, dtype) for value in data)
    if dataclasses.is_dataclass(data) and not isinstance(data, type):
        values = {field.name: getattr(data, field.name) for field in dataclasses.fields(data) if field.init}
        return dataclasses.replace(data, **{name: _floats(value, dtype) for name, value in values.items()})
    return data
