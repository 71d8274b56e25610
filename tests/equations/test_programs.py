"""Tracing: the program of a cell computes what its function does, and its derivative what autograd does."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from recurra.cells import catalogue
from recurra.cells.definition import Cell, cell
from recurra.cells.gru import gru
from recurra.cells.lstm import lstm, peephole_lstm
from recurra.equations.derivative import derive
from recurra.equations.graph import BIAS_KINDS, Parameter
from recurra.equations.interpret import run_derivative, run_program
from recurra.equations.program import Program, trace
from recurra.equations.symbols import R, W, b, bound, p, rb, sigmoid, softplus, tanh
from recurra.errors import CellError
from tests.equations.odd_cells import ODD, deep_input, kept_state, lone_vectors, shift_register, ties

CELLS = (*catalogue.BUILT_IN, *ODD)
WITHOUT_BIAS = tuple(c for c in CELLS if c is not lone_vectors)
BATCH, INPUT, HIDDEN = 3, 4, 5


class Weights:
    """Gives the parameters of the equations tensors."""

    def __init__(self, program: Program, seed: int = 0) -> None:
        self.random = torch.Generator().manual_seed(seed)
        shapes = {"W": (HIDDEN, INPUT), "R": (HIDDEN, HIDDEN), "P": (HIDDEN, HIDDEN), "k": (1,)}
        self.tensors = {q: self.draw(*shapes.get(q.kind, (HIDDEN,))) for q in program.parameters}

    def draw(self, *shape: int) -> Tensor:
        return torch.randn(*shape, generator=self.random, dtype=torch.float64).requires_grad_()

    def product(self, parameter: Parameter, operand: Tensor) -> Tensor:
        return operand @ self.tensors[parameter].T

    def vector(self, parameter: Parameter) -> Tensor | None:
        return self.tensors.get(parameter) if parameter.kind in BIAS_KINDS else self.tensors[parameter]


def step(which: Cell, program: Program, seed: int = 0) -> tuple[Weights, Tensor, list[Tensor], list[Tensor]]:
    """Weights, input and states, and the new states as the cell's function computes them on tensors."""
    weights = Weights(program, seed)
    x, states = weights.draw(BATCH, INPUT), [weights.draw(BATCH, HIDDEN) for _ in program.states]
    with bound(weights):
        new = which.function(x, *states)
    return weights, x, states, [n.expand(BATCH, HIDDEN) for n in (new if isinstance(new, tuple) else (new,))]


def close(ours: Tensor | None, theirs: Tensor | None, like: Tensor) -> None:
    zero = torch.zeros_like(like)
    torch.testing.assert_close(
        zero if ours is None else ours, zero if theirs is None else theirs, rtol=1e-12, atol=1e-12
    )


def check_against_autograd(which: Cell, program: Program) -> None:
    weights, x, states, new = step(which, program)
    values = run_program(program, x, states, weights.tensors)
    for output, expected in zip(program.outputs, new, strict=True):
        close(values[output].expand(BATCH, HIDDEN), expected, expected)
    adjoints = [weights.draw(BATCH, HIDDEN).detach() for _ in states]
    leaves = [x, *states, *weights.tensors.values()]
    expected = torch.autograd.grad(new, leaves, adjoints, allow_unused=True)
    with torch.no_grad():
        dx, dstates, dweights = run_derivative(derive(program), values, adjoints, weights.tensors)
    found = [dx, *dstates, *(dweights[q] for q in weights.tensors)]
    for ours, theirs, leaf in zip(found, expected, leaves, strict=True):
        close(ours, theirs, leaf)


@pytest.mark.parametrize("which", CELLS, ids=lambda c: c.name)
def test_a_program_and_its_derivative_are_the_function_and_autograds(which: Cell) -> None:
    check_against_autograd(which, which.program())


@pytest.mark.parametrize("which", WITHOUT_BIAS, ids=lambda c: c.name)
def test_so_are_those_without_biases(which: Cell) -> None:
    program = which.program(bias=False)
    assert not {q.kind for q in program.parameters} & set(BIAS_KINDS)
    check_against_autograd(which, program)


def test_ties_share_as_autograd_has_it() -> None:
    program = ties.program()
    weights = Weights(program)
    h = torch.tensor([[0.25, 0.0, -1.0, 2.0, 0.25]], dtype=torch.float64, requires_grad=True)
    x = torch.zeros(1, INPUT, dtype=torch.float64)
    with bound(weights):
        new = ties.function(x, h)
    adjoint = torch.arange(1.0, HIDDEN + 1, dtype=torch.float64).unsqueeze(0)
    (expected,) = torch.autograd.grad(new, h, adjoint)
    values = run_program(program, x, [h], weights.tensors)
    _, (found,), _ = run_derivative(ties.derivative(), values, [adjoint], weights.tensors)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_a_bias_that_is_more_than_added_cannot_be_left_out() -> None:
    with pytest.raises(CellError, match=r"b\.decay is not only added.*bias=False\n    decay = sigmoid\(b\.decay\)"):
        lone_vectors.program(bias=False)


# what the program says of a cell


def test_gates_are_in_the_order_of_torch() -> None:
    assert lstm.program().gates == ("i", "f", "g", "o")
    assert gru.program().gates == ("r", "z", "n")
    for kind in ("W", "R", "b", "rb"):
        assert lstm.program().gates_of(kind) == ("i", "f", "g", "o")
    assert peephole_lstm.program().gates_of("p") == ("i", "f", "o")


def test_gates_keep_their_order_without_biases() -> None:
    @cell()
    def bias_first(x: Any, h: Any) -> Any:
        late = b.late + h
        return tanh(late + b.early + W.early @ x + W.late @ x + R.early @ h)

    assert bias_first.program().gates == bias_first.program(bias=False).gates == ("late", "early")


@pytest.mark.parametrize(
    ("which", "twin"),
    [("lstm", torch.nn.LSTM), ("gru", torch.nn.GRU), ("rnn", torch.nn.RNN), ("rnn-relu", torch.nn.RNN)],
)
@pytest.mark.parametrize("bias", [True, False])
def test_parameters_are_as_many_as_torchs(which: str, twin: type[torch.nn.Module], bias: bool) -> None:
    theirs = sum(q.numel() for q in twin(7, 11, bias=bias).parameters())
    assert catalogue.get(which).program(bias=bias).parameter_count(7, 11) == theirs


def test_flops_of_an_elman_cell_by_hand() -> None:
    # W 2*7*11, R 2*11*11, three additions and a tanh of 11 each
    assert catalogue.get("rnn").program().flops(7, 11) == 2 * 7 * 11 + 2 * 11 * 11 + 4 * 11


def products(program: Program, indices: tuple[int, ...]) -> set[str]:
    return {str(program.nodes[i].parameter) for i in indices if program.nodes[i].op in ("W", "R")}


def test_what_needs_no_state_hoists_out_of_time() -> None:
    program = gru.program()
    assert products(program, program.hoisted) == {"W.r", "W.z", "W.n"}
    assert products(program, program.recurrent_products) == {"R.r", "R.z", "R.n"}
    deep = deep_input.program()
    assert products(deep, deep.hoisted) == {"W.u", "R.v", "R.w"}
    assert products(deep, deep.recurrent_products) == {"R.h"}
    lone = lone_vectors.program()
    assert "R.mixed" in products(lone, lone.hoisted)
    assert not {"input", "state"} & {lone.nodes[i].op for i in lone.hoisted}


@pytest.mark.parametrize("which", CELLS, ids=lambda c: c.name)
def test_nodes_can_be_computed_in_their_order_and_all_are_needed(which: Cell) -> None:
    program, derivative = which.program(), which.derivative()
    for nodes in (program.nodes, derivative.nodes):
        assert all(a < i for i, node in enumerate(nodes) for a in node.args)
    used = {a for node in program.nodes for a in node.args} | set(program.outputs)
    assert all(i in used or node.label for i, node in enumerate(program.nodes))
    assert [n.label for n in program.nodes[: len(program.arguments)]] == list(program.arguments)
    read = {n.source for n in derivative.nodes if n.op == "saved"}
    assert read <= set(derivative.saved)


def test_an_elman_cell_keeps_its_operands_and_its_output() -> None:
    program = catalogue.get("rnn").program()
    kept = [program.nodes[i].label or program.nodes[i].op for i in catalogue.get("rnn").derivative().saved]
    assert kept == ["x", "h", "tanh"]


def test_a_state_passed_on_passes_its_adjoint() -> None:
    derivative = shift_register.derivative()
    assert all(s is not None for s in derivative.states)
    kept = kept_state.program()
    assert kept.nodes[kept.outputs[1]].label == "k"


def test_dead_arithmetic_and_numbers_leave_no_trace() -> None:
    def plain(x: Any, h: Any) -> Any:
        return tanh(W.h @ x + R.h @ h)

    def busy(x: Any, state: Any) -> Any:
        unused = state * state + 3
        inner = 0 + W.h @ x * 1 + R.h @ state
        assert unused is not inner
        return tanh(inner)

    assert trace(plain).nodes[2:] == trace(busy).nodes[2:]
    assert trace(plain).fingerprint == trace(busy).fingerprint


def test_the_fingerprint_is_of_the_mathematics() -> None:
    def variant(x: Any, state: Any, memory: Any) -> Any:
        forget = sigmoid(W.f @ x + R.f @ state + p.f * memory)
        memory = forget * memory
        return softplus(memory), memory

    def same(u: Any, h: Any, c: Any) -> Any:
        c = sigmoid(W.f @ u + R.f @ h + p.f * c) * c
        h = softplus(c)
        return h, c

    def other_gate_name(u: Any, h: Any, c: Any) -> Any:
        c = sigmoid(W.g @ u + R.g @ h + p.g * c) * c
        return softplus(c), c

    def other_maths(u: Any, h: Any, c: Any) -> Any:
        c = sigmoid(W.f @ u + R.f @ h + p.f * c) * c
        return tanh(c), c

    def other_number(u: Any, h: Any, c: Any) -> Any:
        c = sigmoid(W.f @ u + R.f @ h + p.f * c) * c * 0.5
        return softplus(c), c

    prints = [trace(f).fingerprint for f in (variant, same, other_gate_name, other_maths, other_number)]
    assert prints[0] == prints[1]
    assert len(set(prints)) == 4
    assert len({c.program().fingerprint for c in CELLS}) == len(CELLS)


def test_both_biases_may_stand_together() -> None:
    @cell()
    def paired(x: Any, h: Any) -> Any:
        return tanh(W.h @ x + (b.h + rb.h) + R.h @ h)

    check_against_autograd(paired, paired.program())
    check_against_autograd(paired, paired.program(bias=False))


def test_every_operation_is_in_these_cells() -> None:
    from recurra.equations.graph import BINARY, OVER_UNITS, UNARY

    backward_only = {"positive", "share", "sqrt_slope", "normalize_back"}
    forward = {n.op for c in CELLS for n in c.program().nodes}
    assert forward >= set(UNARY + BINARY + OVER_UNITS) - backward_only
    assert {n.op for c in CELLS for n in c.derivative().nodes} >= backward_only
