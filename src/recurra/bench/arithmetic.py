"""All the work of a training step of a layer, counted from the equations: products, what is elementwise, bytes."""

from __future__ import annotations

from dataclasses import dataclass

from recurra.bench.cases import Precision
from recurra.bench.roofline import BYTES
from recurra.cells.definition import Cell
from recurra.engines.native.lower import lower
from recurra.engines.native.prologue import split
from recurra.equations.derivative import derive
from recurra.equations.graph import MATRICES, Node

COSTS = {
    "add": 1, "sub": 1, "mul": 1, "div": 1, "neg": 1, "abs": 1, "relu": 1, "sqrt": 1, "minimum": 3, "maximum": 3,
    "sign": 4, "positive": 2, "share": 4, "sqrt_slope": 3,
    "sigmoid": 25, "tanh": 27, "exp": 28, "expm1": 29, "log": 43, "softplus": 49, "sin": 53, "cos": 51,
    "spread": 4, "normalize": 2, "normalize_back": 7,
}  # fmt: skip
"""Operations for each unit. Of the functions those of our own approximations in native/src/single.hpp: additions,
multiplications, a division, comparisons, selections and shifts are one each, a multiply-add two. Those over the units
of a row: mean and variance; centred and scaled; and what `normalize` hands back, both of its means included."""


@dataclass(frozen=True)
class Whole:
    """Of a whole training step of a layer.

    products: FLOPs of matrix products; elementwise: operations of everything else; moved: bytes that have to be read or
    written, see `whole`.
    """

    products: int
    elementwise: int
    moved: int

    @property
    def operations(self) -> int:
        return self.products + self.elementwise


def whole(cell: Cell, input_size: int, hidden_size: int, *, rows: int, precision: Precision) -> Whole:
    """Forward and backward of one layer and direction, dx and all weights' gradients included.

    rows: steps of all rows together. Maths: a product has 2 FLOPs for each weight; backward has two such products for
    each of forward's. Elementwise is what the step and its derivative have beside them, the sums over rows that the
    gradients of vectors are, and the output's adjoint added to the state's. Values of vectors alone are computed once
    for a call and not counted.
    Bytes: the input read forward and for dW, the output written, the states that backward reads and what forward keeps
    beside them written and read, the output's adjoint read, dx written; weights read in both directions, their
    gradients written. What a step leaves in registers or hands to the next one costs nothing here.
    """
    program, _ = split(cell.program())
    derivative = derive(program)
    kept = lower(program, derivative)
    sizes = {**program.sizes(input_size, hidden_size), "B": hidden_size}
    matrices = sum(sizes[n.width] * sizes[program.nodes[n.args[0]].width] for n in program.nodes if n.op in MATRICES)
    vectors = sum(1 if q.kind == "k" else hidden_size for q in program.parameters if q.kind not in MATRICES)
    sums = {adjoint for q, adjoint, _ in derivative.parameters if q.kind not in MATRICES}
    units = _beside_products(program.nodes, sizes) + _beside_products(derivative.nodes, sizes)
    units += hidden_size * (len(sums) + 1)
    values = 3 * input_size + hidden_size * 2 * (1 + len(kept.kept_states) + kept.saved) + 2 * kept.saved_rows
    weights = (2 * BYTES[precision] + BYTES["float32"]) * (matrices + vectors)
    return Whole(3 * 2 * matrices * rows, units * rows, BYTES["float32"] * values * rows + weights)


def _beside_products(nodes: tuple[Node, ...], sizes: dict[str, int]) -> int:
    """Operations of one row. A sum of K products has one addition fewer than the 2 K FLOPs it is counted with."""
    costs = COSTS | {op: -1 for m in MATRICES for op in (m, f"{m}T")}
    return sum(costs.get(n.op, 0) * sizes[n.width] for n in nodes)
