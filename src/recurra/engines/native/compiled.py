"""A cell's code, handed to the compiled core once, and found again by the name that stands in torch's graphs."""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import c_double, c_int32
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from recurra.cells import catalogue, variants
from recurra.cells.definition import STORED, Cell, numbered_cells
from recurra.engines.native import library
from recurra.engines.native.lower import Lowered, lower, masked, why_not
from recurra.engines.native.prologue import Prologue, split
from recurra.equations.derivative import derive
from recurra.equations.graph import MATRICES, Parameter
from recurra.equations.program import Program
from recurra.errors import EngineError

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Form:
    """A cell as it is compiled: with its biases or without, with a dropout mask as one more state or without.

    program: with the mask, without what depends on weights of units alone; prologue, once: that and its code, None
    where there is none.
    key: names it in torch's graphs, on every machine; stored: names of the weights it takes, in order; states: how
    many, the dropout mask's last where masked; saved, saved_rows: values of a step, and numbers of its rows, that are
    kept for backward, its states aside.
    """

    key: str
    cell: Cell
    bias: bool
    masked: bool
    program: Program
    prologue: Prologue | None
    lowered: Lowered
    once: Lowered | None
    stored: tuple[str, ...]

    @property
    def states(self) -> int:
        return len(self.program.states)

    @property
    def saved(self) -> int:
        return self.lowered.saved

    @property
    def saved_rows(self) -> int:
        return self.lowered.saved_rows

    def units(self, weights: Sequence[Tensor]) -> int:
        """H, as weights in the order of `stored` have it."""
        return weights[0].shape[0] // len(self.program.gates_of("W"))

    def heads(self, weights: Sequence[Tensor]) -> int:
        """Blocks on the diagonal of weight_hh, as weights in the order of `stored` have it."""
        if "weight_hh" not in self.stored or "weight_hr" in self.stored:
            return 1
        return self.units(weights) // weights[1].shape[1]


@dataclass(frozen=True)
class Once:
    """A prologue in the core.

    program: handle of recurra_program; vectors: for each SLOT_VECTOR which weight of the layer's and which block of it;
    values: how many it makes; reductions: sums that its backward makes, gradients of what it reads.
    """

    core: library.Library
    program: int
    vectors: tuple[tuple[int, int], ...]
    values: int
    reductions: int


@dataclass(frozen=True)
class Compiled:
    """A form in the core.

    train, infer: handles of recurra_program with and without what backward needs;
    vectors: for each SLOT_VECTOR which of `stored`, or the one past the last for the prologue's values, and which block
    of H numbers in it; once: the prologue, None where there is none; prologue_weights: for each weight that it reads
    which of `stored` and which block;
    reductions: sums that backward makes for vectors, the prologue's last; vector_runs: for each stored vector weight
    the sums that make up its gradient, one per block, as runs of sums that follow each other, the first and how many,
    the first one past the last for zeros; value_sums: the sum of each of the prologue's values, the one past the last
    for zero; read_twice: which weight, which block and which further sum, of what both read;
    ih_blocks, hh_blocks, hr_blocks: row blocks of weight_ih, weight_hh and weight_hr, the first two and the last of
    `stored`; numbers: which of `stored` has one number a gate, or -1; reads_numbers: whether the steps read them.
    """

    form: Form
    library: library.Library
    train: int
    infer: int
    vectors: tuple[tuple[int, int], ...]
    once: Once | None
    prologue_weights: tuple[tuple[Parameter, int, int], ...]
    value_sums: tuple[int, ...]
    read_twice: tuple[tuple[int, int, int], ...]
    reductions: int
    vector_runs: tuple[tuple[tuple[int, int], ...], ...]
    ih_blocks: int
    hh_blocks: int
    hr_blocks: int
    numbers: int
    reads_numbers: bool

    @property
    def key(self) -> str:
        return self.form.key

    @property
    def stored(self) -> tuple[str, ...]:
        return self.form.stored

    @property
    def states(self) -> int:
        return self.form.states

    @property
    def saved(self) -> int:
        return self.form.saved

    def units(self, weights: Sequence[Tensor]) -> int:
        """H, as weights in the order of `stored` have it."""
        return weights[0].shape[0] // self.ih_blocks


_forms: dict[tuple[str, str, bool, bool], Form] = {}
_compiled: dict[tuple[str, object], Compiled] = {}
_by_cell: dict[tuple[Cell, bool, bool, int], Compiled] = {}


def form(cell: Cell, *, bias: bool, mask: bool) -> Form:
    """Errors: EngineError if the core has no room for such a program"""
    plain = cell.program(bias=bias)
    key = (cell.name, plain.fingerprint, bias, mask)
    found = _forms.get(key)
    if found is None:
        program, prologue = split(masked(plain) if mask else plain)
        name = f"{cell.name}-{plain.fingerprint[:16]}-{'bias' if bias else 'plain'}-{'masked' if mask else 'whole'}"
        lowered = lower(program, derive(program))
        once = None if prologue is None else lower(prologue.program, prologue.derivative)
        stored = tuple(cell.layout(bias=bias))
        found = _forms[key] = Form(name, cell, bias, mask, program, prologue, lowered, once, stored)
    return found


def by_key(key: str) -> Form:
    """The form of this name, if this process has made it or not.

    Errors: EngineError for a cell that is not defined here, or with other equations
    """
    found = _by_key.get(key)
    if found is None:
        found = _by_key[key] = _search(key)
    return found


_by_key: dict[str, Form] = {}


def _search(key: str) -> Form:
    name, print_, biases, whole = key.rsplit("-", 3)
    bias, mask = biases == "bias", whole == "masked"
    named = _named(name) + variants.by_name(name, _named)
    for cell in named:
        if cell.program(bias=bias).fingerprint.startswith(print_):
            return form(cell, bias=bias, mask=mask)
    if named:
        raise EngineError(
            f"this graph was made with other equations of {name!r} than are defined here; import the module that has "
            "them as they were"
        )
    raise EngineError(
        f"this graph was made with the cell {name!r}, which is not defined here; import the module that defines it"
    )


def _named(name: str) -> list[Cell]:
    return [cell for cell in (*catalogue.BUILT_IN, *numbered_cells()) if cell.name == name]


def compiled(cell: Cell, *, bias: bool, mask: bool) -> Compiled:
    """The cell in the core that `library.load` gives.

    Errors: EngineError if there is no library, or no room in the core for such a program
    """
    core = library.load()
    key = (cell, bias, mask, id(core))  # libraries are never let go
    found = _by_cell.get(key)
    if found is None:
        found = _by_cell[key] = in_core(form(cell, bias=bias, mask=mask))
    return found


def in_core(wanted: Form) -> Compiled:
    """The form in the core that `library.load` gives.

    Errors: EngineError if there is no library
    """
    core = library.load()
    key = (wanted.key, core.path)
    found = _compiled.get(key)
    if found is None:
        found = _compiled[key] = _compile(wanted, core)
    return found


def _compile(wanted: Form, core: library.Library) -> Compiled:
    lowered, stored = wanted.lowered, wanted.stored
    layout = wanted.cell.layout(bias=wanted.bias)
    kinds = {kind: name for name, kind in STORED.items()}
    values = wanted.program.gates_of("v")

    def found_at(q: Parameter) -> tuple[int, int]:
        if q.kind == "v":
            return len(stored), values.index(q.gate)
        return stored.index(kinds[q.kind]), layout[kinds[q.kind]].index(q.gate)

    prologue = wanted.once
    sums = {(kinds.get(q.kind, ""), q.gate): number for q, number in lowered.reductions}
    further = {
        (kinds[q.kind], q.gate): lowered.reduction_count + number
        for q, number in (prologue.reductions if prologue else ())
    }
    count = lowered.reduction_count + (prologue.reduction_count if prologue else 0)
    vector_runs = tuple(
        _runs([{**further, **sums}.get((name, gate), count) for gate in gates], count)
        for name, gates in layout.items()
        if STORED[name] not in MATRICES
    )
    vectors = tuple(found_at(q) for q in lowered.vectors)
    numbers = stored.index("weight_k") if "weight_k" in stored else -1
    return Compiled(
        form=wanted,
        library=core,
        train=_handed_over(core, lowered.train, lowered.backward, lowered.constants),
        infer=_handed_over(core, lowered.infer, (), lowered.constants),
        vectors=vectors,
        once=None if prologue is None else _once(core, prologue, [found_at(q) for q in prologue.vectors], len(values)),
        prologue_weights=tuple((q, *found_at(q)) for q in (wanted.prologue.parameters if wanted.prologue else ())),
        value_sums=tuple(sums.get(("", value), count) for value in values),
        read_twice=tuple(
            (stored.index(name), layout[name].index(gate), number)
            for (name, gate), number in further.items()
            if (name, gate) in sums
        ),
        reductions=count,
        vector_runs=vector_runs,
        ih_blocks=len(layout["weight_ih"]),
        hh_blocks=len(layout.get("weight_hh", ())),
        hr_blocks=len(layout.get("weight_hr", ())),
        numbers=numbers,
        reads_numbers=any(which == numbers for which, _ in vectors),
    )


def _runs(indices: Sequence[int], zero: int) -> tuple[tuple[int, int], ...]:
    """Those that follow each other together, the first and how many; `zero` as often as it comes."""
    found: list[tuple[int, int]] = []
    for index in indices:
        first, count = found[-1] if found else (-1, 0)
        if found and (index == zero if first == zero else index == first + count < zero):
            found[-1] = (first, count + 1)
        else:
            found.append((index, 1))
    return tuple(found)


def _once(core: library.Library, lowered: Lowered, vectors: Sequence[tuple[int, int]], values: int) -> Once:
    program = _handed_over(core, lowered.train, lowered.backward, lowered.constants)
    return Once(core, program, tuple(vectors), values, lowered.reduction_count)


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
    steps, prologue = split(masked(program) if mask else program)
    return why_not(steps) or (None if prologue is None else why_not(prologue.program))
