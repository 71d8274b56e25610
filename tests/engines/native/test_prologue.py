from __future__ import annotations

import pytest
import torch

from recurra.cells import catalogue
from recurra.cells.linear import rg_lru
from recurra.cells.variants import expected_zoneout
from recurra.engines.native.prologue import split
from recurra.equations.graph import Parameter


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


@pytest.mark.parametrize("name", ["rg-lru", "fast-grnn", "ctrnn"])
def test_values_and_gradients_are_those_of_autograd(name: str) -> None:
    _, prologue = split(catalogue.get(name).program())
    assert prologue is not None
    generator = torch.Generator().manual_seed(1)
    weights = {
        q: torch.randn(1 if q.kind == "k" else 5, generator=generator, dtype=torch.float64).requires_grad_()
        for q in prologue.parameters
    }
    nodes = prologue.nodes(weights)
    values = prologue.values(nodes, 5)
    adjoints = [torch.randn(5, generator=generator, dtype=torch.float64) for _ in values]
    expected = torch.autograd.grad(values, list(weights.values()), adjoints)
    with torch.no_grad():
        found = prologue.gradients(weights, nodes, [d.unsqueeze(0) for d in adjoints])
    for (q, weight), gradient in zip(weights.items(), expected, strict=True):
        assert found[q].shape == weight.shape
        torch.testing.assert_close(found[q], gradient)
