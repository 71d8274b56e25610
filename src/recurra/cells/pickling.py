"""How a cell travels in a pickle: as the place where another process finds it, never as its code.

A cell can be pickled if it is in the catalogue, or if it (or the function of its equations) can be reached by a name in
the module that defines it. Where it is read again, that module has to hold the same equations; a cell that was made
in a function has to be registered there first.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from typing import Any

from recurra.cells.catalogue import BUILT_IN, get, names
from recurra.cells.definition import Cell, Start
from recurra.errors import CellError, UnknownNameError

Labels = tuple[str, str, str, tuple[tuple[str, float], ...], tuple[tuple[str, Start], ...]]
"""Name, title, source, initial biases and other initial values."""

_made: dict[tuple[str, str, Labels], Cell] = {}
"""Cells that were read, whose place holds another cell of the same function."""


def place(cell: Cell) -> tuple[str, str]:
    """Module and name under which other processes find the cell; module "" for the catalogue.

    Errors: CellError if there is no such place
    """
    if cell in BUILT_IN:
        return "", cell.name
    function = cell.function
    module, qualified = getattr(function, "__module__", ""), getattr(function, "__qualname__", "")
    found = _reached(sys.modules.get(module), qualified)
    if found is not cell:
        held: Mapping[str, Any] = vars(sys.modules[module]) if module in sys.modules else {}
        name = next((n for n, value in list(held.items()) if value is cell), None)
        if name is not None:
            return module, name
    if _function_of(found) is function:
        return module, qualified
    if cell.name in names() and get(cell.name) is cell:
        return "", cell.name
    raise CellError(
        f"cell {cell.name!r} cannot be pickled or sent to another process, for nothing there could find it: its "
        f"equations, {module}.{qualified}, have no name in their module\n"
        "define the cell at the top of a module, or give it to recurra.register in both processes"
    )


def reduced(cell: Cell) -> tuple[Any, ...]:
    """What pickle keeps of a cell. Errors: CellError"""
    return restored, (*place(cell), _labels(cell), cell.program().fingerprint)


def restored(module: str, name: str, labels: Labels, fingerprint: str) -> Cell:
    """The cell of this place.

    Errors: CellError if it is not there or has other equations than those that were pickled
    """
    cell = _found(module, name, labels)
    if cell.program().fingerprint != fingerprint:
        where = f"{module}.{name}" if module else "the catalogue"
        raise CellError(
            f"cell {labels[0]!r} was pickled with other equations than {where} has now; "
            "use the version of its code that it was pickled with"
        )
    return cell


def _found(module: str, name: str, labels: Labels) -> Cell:
    if not module:
        try:
            return get(name)
        except UnknownNameError as error:
            raise CellError(f"the cell of a pickled layer is not registered here: {error}") from error
    try:
        found = _reached(importlib.import_module(module), name)
    except ImportError as error:
        raise CellError(f"the cell of a pickled layer, {module}.{name}, cannot be imported: {error}") from error
    function = _function_of(found)
    if function is None:
        raise CellError(
            f"the cell of a pickled layer, {module}.{name}, is not there; define it in a module that both processes "
            "import"
        )
    if isinstance(found, Cell) and _labels(found) == labels:
        return found
    key = (module, name, labels)
    if key not in _made or _made[key].function is not function:
        _made[key] = Cell(labels[0], labels[1], labels[2], function, dict(labels[3]), dict(labels[4]))
    return _made[key]


def _labels(cell: Cell) -> Labels:
    starts = sorted(cell.initial_bias.items()), sorted(cell.initial.items())
    return cell.name, cell.title, cell.source, tuple(starts[0]), tuple(starts[1])


def _reached(start: Any, qualified: str) -> Any:
    """The object under a dotted name, None if there is none."""
    for part in qualified.split("."):
        start = getattr(start, part, None)
    return start


def _function_of(found: Any) -> Any:
    return found.function if isinstance(found, Cell) else found if callable(found) else None
