"""What a cell is: equations with a name and a source."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from recurra.equations.derivative import Derivative, derive
from recurra.equations.graph import VECTOR_KINDS, Kind
from recurra.equations.program import Program, trace
from recurra.equations.trace import CellFunction
from recurra.errors import CellError

STORED: dict[str, Kind] = {
    "weight_ih": "W",
    "weight_hh": "R",
    "weight_ph": "p",
    "bias_ih": "b",
    "bias_hh": "rb",
    "weight_sh": "s",
    "weight_k": "k",
    "weight_hr": "P",
}
"""Under which names a layer stores the weights of each kind; torch.nn's names where it has them."""

Start = float | tuple[float, float]
"""What a weight begins with: a number, or drawn uniformly between two."""


@dataclass(frozen=True, eq=False)
class Cell:
    """Equations of one step, under a name.

    name: in the catalogue, in model folders and on the command line; title: for people; source: the paper;
    function: the equations, on tensors or symbols; initial_bias: what a gate's bias should start from if not from 0;
    initial: what other weights of units start from, whatever the layer's initialisation, by their name in the
    equations, as {"p.decay": (0.1, 0.9)}. Scales (s) start from 1.
    """

    name: str
    title: str
    source: str
    function: CellFunction
    initial_bias: Mapping[str, float] = field(default_factory=dict)
    initial: Mapping[str, Start] = field(default_factory=dict)
    number: int = field(init=False, repr=False, default=0)
    """Identifies the cell where only plain values can be passed: see `numbered`."""
    variant: ClassVar[str] = ""
    """How the cell's equations were changed afterwards: see `recurra.cells.variants`."""

    def __post_init__(self) -> None:
        programs, without = self._traced()
        object.__setattr__(self, "_programs", programs)
        object.__setattr__(self, "_why_not_without_bias", without)
        # Read at every call of a layer, and by torch.compile, which looks into objects but not into caches.
        for program in programs.values():
            program.settle()
        object.__setattr__(self, "_states", self.program().states)
        nodes = self.program().nodes
        object.__setattr__(self, "_narrow", tuple(self.program().width(s) == "N" for s in self.program().states))
        object.__setattr__(self, "_projected", any(n.op == "P" for n in nodes))
        object.__setattr__(self, "_maps_narrow", any(n.op == "R" and nodes[n.args[0]].width == "N" for n in nodes))
        object.__setattr__(self, "_layouts", {bias: _layout(p) for bias, p in programs.items()})
        object.__setattr__(self, "number", len(_numbered))
        _numbered.append(self)

    def _traced(self) -> tuple[dict[bool, Program], str]:
        """The step with its biases and without them, and why there is none without.

        The equations are what they are now: nothing that the function reads from elsewhere is looked at again.
        """
        programs = {True: trace(self.function)}
        try:
            programs[False] = trace(self.function, bias=False)
        except CellError as error:  # not every cell can be without its biases
            return programs, str(error)
        return programs, ""

    def program(self, *, bias: bool = True) -> Program:
        """The step as data, as it was when the cell was defined; without its biases for bias=False.

        Errors: CellError for a cell that cannot be without its biases
        """
        programs: dict[bool, Program] = self._programs  # type: ignore[attr-defined]
        if bias not in programs:
            raise CellError(self._why_not_without_bias)  # type: ignore[attr-defined]
        return programs[bias]

    def derivative(self, *, bias: bool = True) -> Derivative:
        """The backward step as data."""
        derivatives: dict[bool, Derivative] = self.__dict__.setdefault("_derivatives", {})
        if bias not in derivatives:
            derivatives[bias] = derive(self.program(bias=bias))
        return derivatives[bias]

    @property
    def states(self) -> tuple[str, ...]:
        """Names of the states; the first is the layer's output."""
        states: tuple[str, ...] = self._states  # type: ignore[attr-defined]
        return states

    def layout(self, *, bias: bool = True) -> dict[str, tuple[str, ...]]:
        """For each stored weight the gates whose rows it stacks, in order; weights without gates left out."""
        layouts: dict[bool, dict[str, tuple[str, ...]]] = self._layouts  # type: ignore[attr-defined]
        if bias not in layouts:
            self.program(bias=bias)  # says why not
        return dict(layouts[bias])

    @property
    def given(self) -> tuple[str, ...]:
        """Names of what each step takes beside its input and states: masks of zoneout."""
        return self.program().given

    @property
    def projected(self) -> bool:
        """Whether it has a projection, whose width is a setting of the layer."""
        projected: bool = self._projected  # type: ignore[attr-defined]
        return projected

    def widths(self, hidden_size: int, proj_size: int | None = None) -> tuple[int, ...]:
        """Width of each state; without a projection it is as wide as the units."""
        narrow: tuple[bool, ...] = self._narrow  # type: ignore[attr-defined]
        return tuple((proj_size or hidden_size) if one else hidden_size for one in narrow)

    def shapes(
        self, input_size: int, hidden_size: int, *, bias: bool = True, proj_size: int | None = None
    ) -> dict[str, tuple[int, ...]]:
        """Shape of each stored weight of one layer and direction.

        Shapes: weight_ih [G*H, I], weight_hh [G*H, H], weight_ph, bias_ih, bias_hh, weight_sh [G*H], weight_k [G],
        weight_hr [G*N, H], with as many gates G as have such a weight; weight_hh is [G*H, N] in cells that map a
        projection. N is H without proj_size.
        """
        narrow, maps_narrow = proj_size or hidden_size, bool(self._maps_narrow)  # type: ignore[attr-defined]
        rows = {"weight_k": 1, "weight_hr": narrow}
        width = {
            "weight_ih": (input_size,),
            "weight_hh": (narrow if maps_narrow else hidden_size,),
            "weight_hr": (hidden_size,),
        }
        return {
            stored: (len(gates) * rows.get(stored, hidden_size), *width.get(stored, ()))
            for stored, gates in self.layout(bias=bias).items()
        }

    def start(self, stored: str, gate: str) -> Start | None:
        """What this weight starts from if the equations say so."""
        return self.initial.get(f"{STORED[stored]}.{gate}", 1.0 if stored == "weight_sh" else None)

    def __copy__(self) -> Cell:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Cell:
        return self

    def __reduce__(self) -> tuple[object, ...]:
        """By its place, see `recurra.cells.pickling`. Errors: CellError if other processes could not find it"""
        from recurra.cells.pickling import reduced

        return reduced(self)

    def __repr__(self) -> str:
        return f"<cell {self.name}: states {', '.join(self.states)}>"


_numbered: list[Cell] = []


def numbered(number: int) -> Cell:
    """The cell of this number, in this process."""
    return _numbered[number]


def numbered_cells() -> tuple[Cell, ...]:
    """Every cell that was defined in this process, the newest first."""
    return tuple(reversed(_numbered))


def cell(
    *,
    source: str = "",
    name: str = "",
    title: str = "",
    initial_bias: Mapping[str, float] | None = None,
    initial: Mapping[str, Start] | None = None,
) -> Callable[[CellFunction], Cell]:
    """Make a cell of a function that computes one step.

    The function takes the input and the states and returns the new states in the same order; the first state is the
    output. Its name, with hyphens, is the cell's unless `name` says otherwise.
    The function is read here, once. Numbers and functions that it takes from elsewhere count as they are now: what a
    global or an enclosing variable becomes later changes no cell, on no engine; another number makes another cell.
    Errors: CellError with file and line, here and not later, for equations that cannot be.
    """

    def decorate(function: CellFunction) -> Cell:
        program = trace(function)
        unknown = sorted(set(initial_bias or {}) - {*program.gates_of("b"), *program.gates_of("rb")})
        if unknown:
            raise CellError(f"cell {program.name}: initial_bias names gates that have no bias: {', '.join(unknown)}")
        own = {str(q) for q in program.parameters if q.kind in VECTOR_KINDS}
        unknown = sorted(set(initial or {}) - own)
        if unknown:
            raise CellError(f"cell {program.name}: initial names weights of units that it lacks: {', '.join(unknown)}")
        for what, start in {**(initial_bias or {}), **(initial or {})}.items():
            if not _can_start(start, pair=what in (initial or {})):
                pair = " or a pair, the lowest and the highest" if what in (initial or {}) else ""
                raise CellError(f"cell {program.name}: {what} starts from a finite number{pair}, got {start!r}")
        own_name = program.name.replace("_", "-")
        labels = name or own_name, title or program.name, source
        return Cell(*labels, function, dict(initial_bias or {}), dict(initial or {}))

    return decorate


def _can_start(start: object, *, pair: bool) -> bool:
    numbers = start if pair and isinstance(start, tuple) else (start,)
    plain = all(isinstance(n, int | float) and not isinstance(n, bool) and math.isfinite(n) for n in numbers)
    return plain and len(numbers) in (1, 2) and (len(numbers) == 1 or numbers[0] <= numbers[1])


def _layout(program: Program) -> dict[str, tuple[str, ...]]:
    rows = {stored: program.gates_of(kind) for stored, kind in STORED.items()}
    return {stored: gates for stored, gates in rows.items() if gates}
