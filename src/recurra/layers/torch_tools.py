"""What torch's other tools find in a layer: TorchScript, FX and quantisation."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn
from torch.fx import Proxy

from recurra.engines.request import Embedded
from recurra.errors import UsageError


class TorchTools(nn.Module):
    """A module whose insides other tools leave alone: they take it whole, or say what to do instead."""

    __jit_unused_properties__ = ("qconfig",)

    def __prepare_scriptable__(self) -> Any:
        """Errors: UsageError; torch.jit.script asks before it compiles anything"""
        raise UsageError(
            f"torch.jit.script cannot compile recurra.{type(self).__name__}, whose equations are not TorchScript; "
            "use torch.export.export or torch.compile, or torch.jit.trace with an example input"
        )

    def as_leaf(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The node of a call in the graph that FX is tracing, None if it is not.

        Errors: UsageError if the layer is all there is to trace
        """
        odd = [value for value in (*args, *kwargs.values()) if value is not None and type(value) is not Tensor]
        proxy = next(_proxies(odd), None) if odd else None
        if proxy is None:
            return None
        tracer: Any = proxy.tracer
        if getattr(tracer, "root", None) is self:
            raise UsageError(
                f"torch.fx takes recurra.{type(self).__name__} as one node and so finds nothing to trace in it; trace "
                "the model that it is part of"
            )
        return tracer.create_proxy("call_module", tracer.path_of_module(self), args, kwargs)

    @property
    def qconfig(self) -> Any:
        """What torch.ao.quantization sets in modules that it means to replace. Errors: AttributeError if it did not"""
        return self.__dict__["_qconfig"] if "_qconfig" in self.__dict__ else _missing()

    @qconfig.setter
    def qconfig(self, value: Any) -> None:
        if value is not None:
            warnings.warn(
                f"torch.ao.quantization has no quantised recurra.{type(self).__name__}, so this layer stays as it is, "
                "weights and all; layer.to(torch.bfloat16) halves its weights, and under torch.autocast its products "
                "are of bfloat16",
                stacklevel=2,
            )
        self.__dict__["_qconfig"] = value

    @qconfig.deleter
    def qconfig(self) -> None:
        self.__dict__.pop("_qconfig", None)


def _missing() -> Any:
    raise AttributeError("qconfig")


def _proxies(values: Any) -> Iterator[Proxy]:
    for value in values:
        if isinstance(value, Proxy):
            yield value
        elif isinstance(value, Embedded):
            yield from _proxies((value.tokens, value.table))
        elif isinstance(value, tuple | list):
            yield from _proxies(value)
