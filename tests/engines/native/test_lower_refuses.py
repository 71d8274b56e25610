"""What the core has no room or no operation for is said in a sentence, and what just fits is taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

import recurra
from recurra.cells.definition import Cell
from recurra.cells.lstm import lstm
from recurra.engines.native.compiled import refusal
from recurra.engines.native.lower import lower, why_not
from recurra.equations import P, R, W, b, k, sigmoid, tanh
from recurra.equations.derivative import derive
from recurra.equations.graph import Node, Parameter
from recurra.equations.program import Program
from recurra.errors import EngineError
from tests.laws.cells_for_tests import CELLS


@pytest.mark.parametrize("which", CELLS, ids=lambda c: c.name)
def test_every_cell_can_be_lowered(which: Cell) -> None:
    assert why_not(which.program()) is None


def many_states(count: int) -> Program:
    names = [f"s{i}" for i in range(count)]
    nodes = [Node("input", width="I", label="x"), *(Node("state", label=name) for name in names)]
    nodes.append(Node("W", (0,), parameter=Parameter("W", "s")))
    return Program("shift", ("x", *names), tuple(nodes), (count + 1, *range(1, count)), (), ("s",))


def many_vectors(count: int) -> Program:
    nodes = [
        Node("input", width="I", label="x"),
        Node("state", label="h"),
        Node("W", (0,), parameter=Parameter("W", "0")),
    ]
    for i in range(count):
        total = len(nodes) - 1
        nodes.append(Node("vector", parameter=Parameter("b", str(i))))
        nodes.append(Node("add", (total, len(nodes) - 1)))
    return Program("vectors", ("x", "h"), tuple(nodes), (len(nodes) - 1,), (), tuple(map(str, range(count))))


def much_at_once(count: int) -> Program:
    nodes = [
        Node("input", width="I", label="x"),
        Node("state", label="h"),
        Node("W", (0,), parameter=Parameter("W", "0")),
    ]
    for i in range(count):
        total = len(nodes) - 1
        nodes.append(Node("R", (1,), parameter=Parameter("R", str(i))))
        nodes.append(Node("add", (total, len(nodes) - 1)))
    return Program("products", ("x", "h"), tuple(nodes), (len(nodes) - 1,), (), tuple(map(str, range(count))))


def changed(index: int, node: Node) -> Program:
    program = lstm.program()
    return replace(program, nodes=(*program.nodes[:index], node, *program.nodes[index + 1 :]))


BAD = {
    "it has 17 states, the core has room for 16": many_states(17),
    "it has 65 biases and peephole weights, the core has room for 64": many_vectors(65),
    "it works on 3 values and 129 products at once": much_at_once(129),
    "the core has no operation cosine": changed(len(lstm.program().nodes) - 1, Node("cosine", (1,))),
    "W.i maps something else than the input itself": changed(3, Node("W", (1,), parameter=Parameter("W", "i"))),
    "neg works on the input itself": changed(len(lstm.program().nodes) - 1, Node("neg", (0,), "I")),
}


@pytest.mark.parametrize("reason", BAD)
def test_what_the_core_cannot_take_is_said(reason: str) -> None:
    program = BAD[reason]
    assert (why_not(program) or "").startswith(reason)
    with pytest.raises(EngineError, match=f"the core cannot take {program.name}: {reason}"):
        lower(program, derive(lstm.program() if "cosine" in reason else program))


def test_what_just_fits_is_taken() -> None:
    for program in (many_states(16), many_vectors(64), much_at_once(128)):
        assert why_not(program) is None
        assert lower(program, derive(program)).backward


@pytest.mark.parametrize("form", [lambda number: number * 1.0, sigmoid], ids=["k", "a function of k"])
def test_a_number_of_both_widths_is_left_to_the_equations(
    form: Callable[[Any], Any],
) -> None:
    @recurra.cell(source="test")
    def shared(x: Any, h: Any, c: Any) -> Any:
        c = form(k.a) * tanh(W.c @ x + R.c @ h + b.c) + c
        h = form(k.a) * (P.h @ c)
        return h, c

    assert "one k meets values as wide as the units [H]" in (refusal(shared, True, False) or "")
    layer = recurra.RNN(3, 4, cell=shared, proj_size=2).double()
    x = torch.randn(5, 2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: layer(x)[0], (x,))
