"""A stack's layers as programs with their weights: what every export of recurrent layers is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from recurra.engines.request import gate_tensors
from recurra.equations.graph import Parameter
from recurra.equations.interpret import run_program
from recurra.equations.program import Program
from recurra.layers.stack import Stack

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class LayerStep:
    """The step of one layer and direction, as it is in evaluation.

    weights: of each parameter, matrices [rows, columns] with heads as blocks between zeros; heads: groups of units
    whose recurrent products are of their own group alone; fixed: values of the nodes that depend on weights alone,
    computed in double precision, a number or a vector each; starts: what each state begins with
    """

    program: Program
    sizes: Mapping[str, int]
    weights: Mapping[Parameter, Floats]
    heads: int
    fixed: Mapping[int, Floats]
    starts: tuple[Floats, ...]

    def width(self, node: int) -> int:
        """Numbers of a node's value."""
        width = self.program.nodes[node].width
        return 1 if width == "B" else self.sizes[width]

    @property
    def input_size(self) -> int:
        return self.sizes["I"]

    @property
    def outputs(self) -> int:
        """Numbers of the layer's output, the first state."""
        return self.sizes[self.program.width(self.program.states[0])]


def layer_steps(stack: Stack) -> list[list[LayerStep]]:
    """For each layer its directions' steps; the forward direction comes first."""
    return [
        [_layer_step(stack, layer, direction) for direction in range(stack.num_directions)]
        for layer in range(stack.num_layers)
    ]


@torch.no_grad()
def _layer_step(stack: Stack, layer: int, direction: int) -> LayerStep:
    cell = stack.evaluated_cell
    program = cell.program(bias=stack.bias)
    held = stack.weights(layer, direction, dropped=False).dense()
    gates = gate_tensors(cell, held.present(), bias=stack.bias)
    weights = {q: gates[q.kind, q.gate].detach().cpu().double() for q in program.parameters}
    inputs = held.weight_ih.shape[1]
    sizes = program.sizes(inputs, stack.hidden_size, stack.narrow)
    row = layer * stack.num_directions + direction
    starts = tuple(floats(s[row, 0]) for s in stack.initial_state(1))
    return LayerStep(
        program,
        sizes,
        {q: floats(w) for q, w in weights.items()},
        stack.heads,
        _fixed(program, sizes, weights),
        starts,
    )


def _fixed(program: Program, sizes: Mapping[str, int], weights: Mapping[Parameter, Tensor]) -> dict[int, Floats]:
    moving: set[int] = set()
    for i, node in enumerate(program.nodes):
        if node.op in ("state", "input") or any(a in moving for a in node.args):
            moving.add(i)
    x = torch.ones(1, sizes["I"], dtype=torch.float64)
    states = [torch.ones(1, sizes[program.width(s)], dtype=torch.float64) for s in program.states]
    values = run_program(program, x, states, weights)
    return {i: floats(values[i].reshape(-1)) for i in range(len(program.nodes)) if i not in moving}


def floats(values: Tensor) -> Floats:
    """In single precision, for an export."""
    return values.detach().cpu().float().contiguous().numpy()
