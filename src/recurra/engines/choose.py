"""Which engine runs a request."""

from __future__ import annotations

import torch

from recurra.cells.definition import Cell
from recurra.engines.native.engine import Native
from recurra.engines.reference import Reference
from recurra.engines.request import CellWeights, Engine, Request
from recurra.engines.vendor import Vendor
from recurra.errors import EngineError, UnknownNameError

_NATIVE = Native()

ENGINES: tuple[Engine, ...] = (_NATIVE, Vendor(), Reference())
"""In the order in which "auto" asks them."""


def names() -> list[str]:
    """What `engine=` takes."""
    return ["auto", *(e.name for e in ENGINES)]


def takes_native(engine: str) -> bool:
    """Whether the native engine is the first, or the only one, that is asked."""
    return engine in ("auto", _NATIVE.name) and ENGINES[0] is _NATIVE


def choose(request: Request, engine: str = "auto") -> Engine:
    """The engine of this name, or with "auto" the first that can.

    Errors: EngineError with the engine's own reason if the one asked for cannot; UnknownNameError
    """
    if engine == "auto":
        for able in ENGINES:
            if able.why_not(request) is None:
                return able
    found = next((e for e in ENGINES if e.name == engine), None)
    if found is None:
        raise UnknownNameError("engine", engine, names())
    reason = found.why_not(request)
    if reason is not None:
        raise EngineError(f"engine {engine!r} cannot run {request.cell.name}: {reason}")
    return found


def explain_choice(
    cell: Cell,
    *,
    input_size: int,
    hidden_size: int,
    bias: bool = True,
    device: str = "cpu",
    proj_size: int | None = None,
) -> list[tuple[str, str | None]]:
    """Each engine in order of preference with its reason why it cannot run such a layer here, None where it can."""
    shapes = cell.shapes(input_size, hidden_size, bias=bias, proj_size=proj_size)
    weights = CellWeights.of({stored: torch.empty(shape, device=device) for stored, shape in shapes.items()})
    state = tuple(torch.empty(1, width, device=device) for width in cell.widths(hidden_size, proj_size))
    given = tuple(torch.empty(1, 1, hidden_size, device=device) for _ in cell.given)
    request = Request(cell, weights, torch.empty(1, 1, input_size, device=device), state, bias=bias, given=given)
    return [(e.name, e.why_not(request)) for e in ENGINES]
