from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch

from recurra.cells import catalogue
from recurra.cells.definition import cell
from recurra.cells.linear import rg_lru
from recurra.cells.variants import expected_zoneout
from recurra.engines.native.prologue import split
from recurra.equations.graph import Parameter
from recurra.equations.symbols import R, W, b, k, p, sigmoid, softplus, tanh
from recurra.layers.stack import Stack


def test_what_vectors_alone_make_leaves_the_step() -> None:
    program, prologue = split(rg_lru.program())
    assert "softplus" in {n.op for n in rg_lru.program().nodes}
    assert "softplus" not in {n.op for n in program.nodes}
    assert Parameter("p", "decay") not in program.parameters
    assert program.gates_of("v") == ("value 0",)
    assert prologue is not None
    assert prologue.parameters == (Parameter("p", "decay"),)
    assert program.states == rg_lru.program().states


def test_a_cell_without_such_values_stays_as_it_is() -> None:
    for name in ("lstm", "gru", "rnn", "indrnn", "peephole-lstm"):
        program = catalogue.get(name).program()
        assert split(program) == (program, None)


def test_numbers_alone_are_no_values_of_vectors() -> None:
    program = expected_zoneout(catalogue.get("rnn"), (0.1, 0.1)).program()
    assert split(program) == (program, None)


@cell(
    name="reads-twice",
    title="Weights that the steps, the prologue and both read; two of them share what flows into both",
    source="here",
    initial={"k.both": 0.5, "k.once": -1.0, "p.own": (0.5, 1.5), "p.rate": (0.5, 1.5)},
)
def reads_twice(x: Any, h: Any) -> Any:
    own, both = p.own, k.both
    rate = sigmoid(own + p.rate) * softplus(both + k.once)
    h = tanh(W.h @ x + own * h + rate * (R.h @ h) + both + b.h)
    return h


@cell(name="many-values", title="More values than the core keeps states", source="here")
def many_values(x: Any, h: Any) -> Any:
    a = W.h @ x
    for n in range(20):
        h = h + sigmoid(getattr(p, f"v{n}") + n) * tanh(a + h)
    return h


@pytest.mark.parametrize("name", ["rg-lru", "fast-grnn", "ctrnn", "reads-twice", "many-values"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_gradients_through_it_are_the_equations_own(name: str, bidirectional: bool) -> None:
    own = {"reads-twice": reads_twice, "many-values": many_values}
    torch.manual_seed(1)
    layer = Stack(3, 19, cell=own.get(name, name), bidirectional=bidirectional, dtype=torch.float64)
    assert split(layer.cell.program())[1] is not None
    x = torch.randn(2, 5, 3, dtype=torch.float64, requires_grad=True)
    found = []
    for layer.engine in ("native", "reference"):
        y, (last, *_) = layer(x)
        found.append(torch.autograd.grad(y.sin().sum() + last.cos().sum(), [x, *layer.parameters()]))
    for own_gradient, expected in zip(*found, strict=True):
        torch.testing.assert_close(own_gradient, expected)


def test_each_way_back_finds_what_forward_made() -> None:
    layer = Stack(3, 4, cell="fast-grnn")
    y, _ = layer(torch.randn(2, 5, 3))
    weights = list(layer.parameters())

    def back(scale: float) -> tuple[torch.Tensor, ...]:
        return torch.autograd.grad(y, weights, torch.full_like(y, scale), retain_graph=True)

    one, two = back(1.0), back(2.0)
    with ThreadPoolExecutor(4) as pool:
        many = list(pool.map(back, [1.0, 2.0] * 40))
    for i, found in enumerate(many):
        assert all(torch.equal(a, b) for a, b in zip(found, (one, two)[i % 2], strict=True))


def test_what_weights_become_between_forward_and_backward_is_not_seen_in_their_values() -> None:
    torch.manual_seed(1)
    layer = Stack(3, 4, cell="ctrnn")
    x = torch.randn(2, 5, 3)
    y, _ = layer(x)
    (expected,) = torch.autograd.grad(y.sum(), [layer.weight_ph_l0], retain_graph=True)
    layer.weight_ph_l0.data.fill_(float("nan"))
    (found,) = torch.autograd.grad(y.sum(), [layer.weight_ph_l0])
    assert torch.equal(found, expected)
