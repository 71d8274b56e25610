"""A whole stack under torch.compile: one graph, the same numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from recurra.cells.catalogue import get
from recurra.engines.request import Embedded
from recurra.layers.stack import Stack

LENGTHS = torch.tensor([5, 1, 3])


def gradients(y: Tensor, of: list[Tensor]) -> tuple[Tensor, ...]:
    return torch.autograd.grad(y.square().sum(), of)


@pytest.mark.parametrize("tokens", [False, True])
@pytest.mark.parametrize("cell", ["gru", "peephole-lstm"])
def test_one_graph_gives_the_same_numbers(cell: str, tokens: bool) -> None:
    torch._dynamo.reset()
    stack = Stack(4, 6, 2, cell=cell, bidirectional=True)
    source = torch.randn(3, 4, requires_grad=True) if tokens else torch.randn(3, 5, 4, requires_grad=True)
    ids = torch.randint(0, 3, (3, 5))
    compiled = torch.compile(stack, fullgraph=True, backend="aot_eager")

    def run(network: torch.nn.Module) -> tuple[Tensor, tuple[Tensor, ...]]:
        y, last = network(Embedded(ids, source) if tokens else source, lengths=LENGTHS)
        return torch.cat([y.flatten(), *(s.flatten() for s in last)]), last

    plain, _ = run(stack)
    found, _ = run(compiled)
    torch.testing.assert_close(found, plain, rtol=0, atol=0)
    leaves = [source, *stack.parameters()]
    for mine, theirs in zip(gradients(found, leaves), gradients(plain, leaves), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=0)


def test_numbers_out_of_range_are_refused_by_the_compiled_stack_too() -> None:
    torch._dynamo.reset()
    stack = Stack(4, 6)
    compiled = torch.compile(stack, fullgraph=True, backend="aot_eager")
    x = torch.randn(3, 5, 4)
    with pytest.raises(Exception, match="expected lengths from 1 to T = 5, got 1 to 6"):
        compiled(x, lengths=torch.tensor([6, 1, 3]))
    with pytest.raises(Exception, match="tokens reach from 0 to 3, the table has rows 0 to 2"):
        compiled(Embedded(torch.tensor([[0, 3]]), torch.randn(3, 4)))


@pytest.mark.parametrize(
    ("name", "settings"),
    [("gru", {}), ("slstm", {"zoneout": 0.5}), ("gru", {"rank": 2}), ("slstm", {}), ("gru", {"engine": "reference"})],
    ids=str,
)
def test_a_cell_that_nothing_has_asked_before_is_compiled(name: str, settings: dict[str, Any]) -> None:
    """Whatever a call reads of a cell is known when the cell is defined: a compiler that looks on finds no lock."""
    torch._dynamo.reset()
    stack = Stack(4, 6, cell=replace(get(name)), **settings)
    x = torch.randn(3, 5, 4)
    for training in (True, False):
        y, _ = torch.compile(stack.train(training), fullgraph=True, backend="eager")(x)
        assert y.shape == (3, 5, 6)
    torch.testing.assert_close(y, stack(x)[0])
