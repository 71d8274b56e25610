"""What a layer's gates, units and recurrent matrices look like."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from recurra.engines.request import has_bias
from recurra.equations.render import named
from recurra.layers.stepping import Course

SHUT, OPEN = 0.05, 0.95
"""A sigmoid gate beyond these passes hardly any gradient: its slope is below a fifth of its largest."""
FLAT = 0.97
"""A tanh beyond this has less than 6% of its largest slope."""
EXACT = 384
"""Units up to which eigenvalues are computed; of more, the radius is what many products grow by."""
PRODUCTS = 64


@dataclass(frozen=True)
class Gate:
    """A named value of the step over some rows: shares of its numbers, from 0 to 1.

    kind: "sigmoid", "tanh" or "relu"; shut, open: near its lowest and its highest value; mean: of it; dead: units of a
    relu that are 0 at every step
    """

    kind: str
    mean: float
    shut: float
    open: float
    dead: float = 0.0

    @property
    def saturated(self) -> float:
        return self.shut + self.open


@torch.no_grad()
def gates_of(course: Course) -> dict[str, Gate]:
    """The values that a sigmoid, tanh or relu makes, by name."""
    program = course.cell.program(bias=has_bias(course.cell, course.weights.dense().present()))
    ops = {name: program.nodes[index].op for index, name in named(program).items()}
    inside = torch.arange(course.x.shape[1]) < course.lengths.unsqueeze(1)
    found: dict[str, Gate] = {}
    for name, value in course.values().items():
        if ops.get(name) not in ("sigmoid", "tanh", "relu"):
            continue
        numbers = value[inside.to(value.device)].float()
        found[name] = _gate(ops[name], numbers)
    return found


def _gate(kind: str, numbers: Tensor) -> Gate:
    """Shapes: [N, H]"""
    mean = float(numbers.mean())
    if kind == "sigmoid":
        return Gate(kind, mean, _share(numbers < SHUT), _share(numbers > OPEN))
    if kind == "tanh":
        return Gate(kind, mean, _share(numbers < -FLAT), _share(numbers > FLAT))
    return Gate(kind, mean, _share(numbers == 0), 0.0, _share((numbers == 0).all(0)))


def _share(which: Tensor) -> float:
    return float(which.float().mean())


@torch.no_grad()
def radii_of(course: Course) -> dict[str, float]:
    """The spectral radius of each gate's recurrent matrix: how much a state can grow by passing through it again."""
    weights = course.weights.dense()
    gates = course.cell.layout(bias=has_bias(course.cell, weights.present())).get("weight_hh", ())
    if weights.weight_hh is None:
        return {}
    found: dict[str, float] = {}
    right = None if weights.weight_hr is None else weights.weight_hr.double()
    for place, (gate, matrix) in enumerate(zip(gates, weights.weight_hh.double().chunk(len(gates)), strict=True)):
        if right is not None:  # a projection, one for all gates, or the right factor of each
            own = right if right.shape[0] == matrix.shape[1] else right.chunk(len(gates))[place]
            matrix = matrix @ own
        if matrix.shape[0] == matrix.shape[1]:
            found[gate] = radius(matrix)
    return found


def radius(matrix: Tensor) -> float:
    """The largest absolute eigenvalue; infinite where a number is none. Shapes: [H, H]"""
    if not bool(torch.isfinite(matrix).all()):
        return float("inf")
    if len(matrix) <= EXACT:
        return float(torch.linalg.eigvals(matrix).abs().max())
    v = torch.randn(len(matrix), 4, dtype=matrix.dtype, generator=torch.Generator().manual_seed(0)).to(matrix.device)
    grown = 0.0
    for number in range(2 * PRODUCTS):
        v = matrix @ v
        size = v.norm()
        if float(size) == 0:
            return 0.0
        if number >= PRODUCTS:  # the first ones still turn towards the largest
            grown += float(size.log())
        v = v / size
    return float(torch.tensor(grown / PRODUCTS).exp())
