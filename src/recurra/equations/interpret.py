"""Programs and derivatives computed on tensors, node by node: what their operations mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from recurra.equations import symbols
from recurra.equations.derivative import Derivative
from recurra.equations.graph import Node, Parameter
from recurra.equations.program import Program

if TYPE_CHECKING:
    from torch import Tensor

    Weights = Mapping[Parameter, Tensor]


def run_program(
    program: Program,
    x: Tensor,
    states: Sequence[Tensor],
    weights: Weights,
    *,
    recurrent_mask: Tensor | None = None,
    given: Sequence[Tensor] = (),
) -> list[Tensor]:
    """The value of every node.

    recurrent_mask: what the operand of every product with R is multiplied by; given: see `Program.given`.
    Shapes: x [B, I], each state, the mask and what is given [B, H], W [H, I], R [H, H], vectors [H]
            -> a tensor for each node.
    """
    leaves = dict(zip((*program.arguments, *program.given), (x, *states, *given), strict=True))
    values: list[Tensor] = []
    for index, node in enumerate(program.nodes):
        known = leaves[node.label] if node.label is not None else None
        if known is None:
            known = _compute(node, values, weights, x, recurrent_mask if index in program.dropped else None)
        values.append(known)
    return values


def run_derivative(
    derivative: Derivative, forward: Sequence[Tensor], adjoints: Sequence[Tensor], weights: Weights
) -> tuple[Tensor | None, list[Tensor | None], dict[Parameter, Tensor]]:
    """Adjoints of the input, of the old states and of the weights, for one step.

    Shapes: adjoints, of the new states, each [B, H] -> ([B, I], [[B, H], ...], weights' own shapes)
    """
    values = _adjoints(derivative, forward, adjoints, weights)
    gradients = {}
    for parameter, adjoint, operand in derivative.parameters:
        d = values[adjoint]
        gradient = d.sum(0) if operand is None else d.T @ forward[operand].expand(len(d), -1)
        gradients[parameter] = gradient.sum().reshape(1) if parameter.kind == "k" else gradient
    pick = [None if i is None else values[i] for i in (derivative.input, *derivative.states)]
    return pick[0], pick[1:], gradients


def run_back(
    derivative: Derivative, forward: Sequence[Tensor], adjoints: Sequence[Tensor], weights: Weights
) -> list[Tensor | None]:
    """As `run_derivative`, of the old states alone; None for one that the step does not read."""
    values = _adjoints(derivative, forward, adjoints, weights)
    return [None if i is None else values[i] for i in derivative.states]


def _adjoints(
    derivative: Derivative, forward: Sequence[Tensor], adjoints: Sequence[Tensor], weights: Weights
) -> list[Tensor]:
    """The value of every node of the derivative."""
    incoming = dict(zip(derivative.forward.states, adjoints, strict=True))
    values: list[Tensor] = []
    for node in derivative.nodes:
        if node.op == "saved":
            assert node.source is not None
            values.append(forward[node.source])
        elif node.op == "adjoint":
            assert node.label is not None
            values.append(incoming[node.label])
        else:
            values.append(_compute(node, values, weights, adjoints[0]))
    return values


def product(operand: Tensor, weight: Tensor) -> Tensor:
    """Shapes: [B, K], [H, K] -> [B, H]"""
    return operand @ weight.T


def _compute(
    node: Node, values: Sequence[Tensor], weights: Weights, like: Tensor, recurrent_mask: Tensor | None = None
) -> Tensor:
    args = [values[a] for a in node.args]
    if recurrent_mask is not None:
        args = [args[0] * recurrent_mask]
    if node.parameter is not None:
        weight = weights[node.parameter]
        match node.op:
            case "vector":
                return weight
            case "W" | "R" | "P":
                return product(args[0], weight)
            case _:
                return args[0] @ weight
    match node.op:
        case "constant":
            assert node.value is not None
            return like.new_full((), node.value)
        case "add":
            return args[0] + args[1]
        case "sub":
            return args[0] - args[1]
        case "mul":
            return args[0] * args[1]
        case "div":
            return args[0] / args[1]
        case "neg":
            return -args[0]
        case "positive":
            return (args[0] > 0).to(args[0].dtype)
        case "sqrt_slope":
            zero = args[0] == 0
            return (0.5 / args[0].masked_fill(zero, 1)).masked_fill(zero, 0)
        case "spread":
            assert node.value is not None
            spread_of: Tensor = symbols.spread(args[0], node.value)
            return spread_of
        case "normalize":
            normal: Tensor = symbols.normal(args[0], args[1])
            return normal
        case "normalize_back":
            d, y, spread = args
            means = d.mean(-1, keepdim=True) + y * (d * y).mean(-1, keepdim=True)
            return (d - means) * spread
        case "share":
            won, even = args[0] > args[1], args[0] == args[1]
            return won.to(like.dtype) + even.to(like.dtype) / 2
        case _:
            result: Tensor = getattr(symbols, node.op)(*args)
            return result
