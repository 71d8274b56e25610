"""A cell's code, handed to the compiled core once."""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import c_double, c_int32
from dataclasses import dataclass
from functools import cache

from recurra.cells.definition import STORED, Cell
from recurra.engines.native import library
from recurra.engines.native.lower import Lowered, lower, masked, why_not
from recurra.equations.derivative import derive
from recurra.equations.program import Program
from recurra.equations.trace import CellFunction


@dataclass(frozen=True)
class Compiled:
    """A cell in the core.

    key: names it in torch's graphs; train, infer: handles of recurra_program with and without what backward needs;
    stored: names of the weights it takes, in order; states: how many, the dropout mask's last where masked;
    vectors: for each SLOT_VECTOR which of `stored` and which block of H numbers in it; reductions: sums that backward
    makes for vector weights; vector_places: for each stored vector weight the sums that make up its gradient, one per
    block, the one past the last for zero;
    ih_blocks, hh_blocks: row blocks of weight_ih and weight_hh.
    """

    key: str
    program: Program
    cell: Cell
    bias: bool
    lowered: Lowered
    library: library.Library
    train: int
    infer: int
    stored: tuple[str, ...]
    states: int
    masked: bool
    vectors: tuple[tuple[int, int], ...]
    reductions: int
    vector_places: tuple[tuple[int, ...], ...]
    ih_blocks: int
    hh_blocks: int

    @property
    def saved(self) -> int:
        """Values of a step that are kept for backward, its states aside: a word of the code."""
        return self.lowered.train[6]


_by_key: dict[str, Compiled] = {}


def by_key(key: str) -> Compiled:
    """The cell that was compiled under this name, in this process."""
    return _by_key[key]


def compiled(cell: Cell, *, bias: bool, mask: bool) -> Compiled:
    """The cell in the core that `library.load` gives.

    Errors: EngineError if there is no library
    """
    return _compiled(cell.function, bias, mask, library.load().path, cell)


_cells: dict[tuple[CellFunction, bool, bool, object], Compiled] = {}


def _compiled(function: CellFunction, bias: bool, mask: bool, path: object, cell: Cell) -> Compiled:
    key = (function, bias, mask, path)
    found = _cells.get(key)
    if found is None:
        found = _cells[key] = _compile(cell, bias, mask)
    return found


def _compile(cell: Cell, bias: bool, mask: bool) -> Compiled:
    core = library.load()
    plain = cell.program(bias=bias)
    program = masked(plain) if mask else plain
    lowered = lower(program, derive(program))
    layout = cell.layout(bias=bias)
    stored = tuple(layout)
    kinds = {kind: name for name, kind in STORED.items()}
    vectors = tuple((stored.index(kinds[q.kind]), layout[kinds[q.kind]].index(q.gate)) for q in lowered.vectors)
    sums = {(kinds[q.kind], q.gate): number for q, number in lowered.reductions}
    vector_places = tuple(
        tuple(sums.get((name, gate), lowered.reduction_count) for gate in gates)
        for name, gates in layout.items()
        if STORED[name] not in ("W", "R")
    )
    key = f"{cell.name}-{program.fingerprint[:16]}-{'bias' if bias else 'plain'}-{core.variant}"
    made = Compiled(
        key=key,
        program=program,
        cell=cell,
        bias=bias,
        lowered=lowered,
        library=core,
        train=_handed_over(core, lowered.train, lowered.backward, lowered.constants),
        infer=_handed_over(core, lowered.infer, (), lowered.constants),
        stored=stored,
        states=len(program.states),
        masked=mask,
        vectors=vectors,
        reductions=lowered.reduction_count,
        vector_places=vector_places,
        ih_blocks=len(layout["weight_ih"]),
        hh_blocks=len(layout.get("weight_hh", ())),
    )
    _by_key[key] = made
    return made


def _handed_over(
    core: library.Library, forward: Sequence[int], backward: Sequence[int], constants: Sequence[float]
) -> int:
    words = [(c_int32 * len(code))(*code) for code in (forward, backward)]
    numbers = (c_double * max(len(constants), 1))(*constants)
    handle = core.c.recurra_program_new(
        words[0], len(forward), words[1] if backward else None, len(backward), numbers, len(constants)
    )
    if not handle:
        raise AssertionError("the core refused code that was lowered for it")
    return int(handle)


@cache
def refusal(cell: Cell, bias: bool, mask: bool) -> str | None:
    """Why the core cannot take this cell's program, with a dropout mask or without; None if it can."""
    program = cell.program(bias=bias)
    return why_not(masked(program) if mask else program)
