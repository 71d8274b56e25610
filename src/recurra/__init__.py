"""Recurra: recurrent neural networks for the machine you have.

The public names are listed here; each is imported when it is first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from recurra.engines.native import after_torch

if TYPE_CHECKING:
    from recurra.api.diagnosing import diagnose
    from recurra.api.run import Run, load
    from recurra.api.training import train
    from recurra.cells.catalogue import get as get_cell
    from recurra.cells.catalogue import names as cell_names
    from recurra.cells.catalogue import register
    from recurra.cells.definition import Cell, cell
    from recurra.engines.native.library import empty_cache
    from recurra.engines.request import CellWeights, Embedded
    from recurra.errors import (
        CallbackError,
        CellError,
        DataError,
        DivergedError,
        EngineError,
        ModelFolderError,
        RankError,
        RecurraError,
        ShapeError,
        StoppedError,
        UnknownNameError,
        UsageError,
    )
    from recurra.inspection.explain import explain
    from recurra.layers.dropins import GRU, LSTM, RNN
    from recurra.layers.stack import Stack
    from recurra.layers.steps import GRUCell, LSTMCell, RNNCell
    from recurra.recurrence import unroll
    from recurra.training.callbacks import Callback

_HOMES = {
    "GRU": "recurra.layers.dropins",
    "LSTM": "recurra.layers.dropins",
    "RNN": "recurra.layers.dropins",
    "GRUCell": "recurra.layers.steps",
    "LSTMCell": "recurra.layers.steps",
    "RNNCell": "recurra.layers.steps",
    "Stack": "recurra.layers.stack",
    "Cell": "recurra.cells.definition",
    "cell": "recurra.cells.definition",
    "register": "recurra.cells.catalogue",
    "get_cell": "recurra.cells.catalogue:get",
    "cell_names": "recurra.cells.catalogue:names",
    "explain": "recurra.inspection.explain",
    "unroll": "recurra.recurrence",
    "CellWeights": "recurra.engines.request",
    "Embedded": "recurra.engines.request",
    "empty_cache": "recurra.engines.native.library",
    "Run": "recurra.api.run",
    "load": "recurra.api.run",
    "train": "recurra.api.training",
    "diagnose": "recurra.api.diagnosing",
    "Callback": "recurra.training.callbacks",
    "RecurraError": "recurra.errors",
    "UsageError": "recurra.errors",
    "CellError": "recurra.errors",
    "UnknownNameError": "recurra.errors",
    "ShapeError": "recurra.errors",
    "EngineError": "recurra.errors",
    "DataError": "recurra.errors",
    "ModelFolderError": "recurra.errors",
    "CallbackError": "recurra.errors",
    "RankError": "recurra.errors",
    "DivergedError": "recurra.errors",
    "StoppedError": "recurra.errors",
}

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "Callback",
    "CallbackError",
    "Cell",
    "CellError",
    "CellWeights",
    "DataError",
    "DivergedError",
    "Embedded",
    "EngineError",
    "GRUCell",
    "LSTMCell",
    "ModelFolderError",
    "RNNCell",
    "RankError",
    "RecurraError",
    "Run",
    "ShapeError",
    "Stack",
    "StoppedError",
    "UnknownNameError",
    "UsageError",
    "cell",
    "cell_names",
    "diagnose",
    "empty_cache",
    "explain",
    "get_cell",
    "load",
    "register",
    "train",
    "unroll",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version("recurra")
        except PackageNotFoundError:  # of the runtime alone, see scripts/make_runtime_wheel.py
            return version("recurra-runtime")
    if name not in _HOMES:
        raise AttributeError(f"module 'recurra' has no attribute {name!r}")
    module, _, original = _HOMES[name].partition(":")
    found = getattr(importlib.import_module(module), original or name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return __all__


after_torch.register()
