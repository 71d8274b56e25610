"""What a piece of work cannot be faster than, counted."""

from __future__ import annotations

from dataclasses import dataclass

from recurra.bench.cases import Precision
from recurra.cells.definition import Cell

BYTES: dict[Precision, int] = {"float32": 4, "bfloat16": 2, "int8": 1}


@dataclass(frozen=True)
class Work:
    """flops: of the matrix products; streamed: bytes of weights that are read again at every step, of all steps;
    weights: bytes of them that are read at one step, which decides the cache that holds them.
    """

    flops: int
    streamed: int
    weights: int

    def seconds(self, flops_per_second: float, bytes_per_second: float) -> float:
        """The roofline: the longer of the two, since they can go on at the same time."""
        return max(self.flops / flops_per_second, self.streamed / bytes_per_second)


def layer_work(
    cell: Cell,
    input_size: int,
    hidden_size: int,
    *,
    rows: int,
    steps: int,
    precision: Precision,
    training: bool,
    projected: int | None = None,
) -> Work:
    """One layer and direction over a batch.

    rows: steps of all rows together, B * T for rows of one length; steps: of the longest row; projected: rows of the
    input's projection, where it is not one for each of them: a token table is projected once.
    Maths: forward 2 G H (I + H) FLOPs for a row and step, backward twice that; G H^2 recurrent weights are read once
    a step, forward and backward. G is counted from the equations, which may have fewer products of one kind.
    """
    program = cell.program()
    hoisted = len(program.input_products) * input_size * (rows if projected is None else projected)
    flops = 2 * hidden_size * (hoisted + len(_recurrent(cell)) * hidden_size * rows)
    weights = len(_recurrent(cell)) * hidden_size**2 * BYTES[precision]
    return Work(flops * (3 if training else 1), weights * steps * (2 if training else 1), weights)


def step_work(cell: Cell, input_size: int, hidden_size: int, *, batch: int, precision: Precision = "float32") -> Work:
    """One streaming step: nothing can be hoisted, so the input's weights are read too."""
    products = len(cell.program().input_products) * input_size + len(_recurrent(cell)) * hidden_size
    weights = products * hidden_size * BYTES[precision]
    return Work(2 * hidden_size * products * batch, weights, weights)


def linear_work(input_size: int, output_size: int, *, rows: int) -> Work:
    """A matrix product in training."""
    return Work(3 * 2 * input_size * output_size * rows, 0, 0)


def together(*works: Work) -> Work:
    """Several layers after each other."""
    return Work(sum(w.flops for w in works), sum(w.streamed for w in works), max(w.weights for w in works))


def _recurrent(cell: Cell) -> tuple[int, ...]:
    return cell.program().recurrent_products
