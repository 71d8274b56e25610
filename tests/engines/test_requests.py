from __future__ import annotations

import torch

from recurra.cells.catalogue import get
from recurra.engines.request import CellWeights, Embedded, Request, gate_tensors, has_bias


def test_embedded_is_its_rows() -> None:
    table = torch.randn(7, 3, requires_grad=True)
    tokens = torch.tensor([[0, 6, 6], [1, 2, 3]])
    dense = Embedded(tokens, table).dense()
    assert torch.equal(dense, table[tokens])
    dense.sum().backward()
    assert table.grad is not None
    assert table.grad[:, 0].tolist() == [1, 1, 1, 1, 0, 0, 2]


def test_a_request_knows_its_sizes() -> None:
    cell = get("gru")
    weights = CellWeights(**{n: torch.zeros(s) for n, s in cell.shapes(3, 4).items()})
    for x in (torch.zeros(2, 5, 3), Embedded(torch.zeros(2, 5, dtype=torch.int64), torch.zeros(9, 3))):
        asked = Request(cell, weights, x, (torch.zeros(2, 4),))
        assert (asked.batch, asked.time, asked.hidden_size) == (2, 5, 4)
        assert asked.dense_x().shape == (2, 5, 3)
        assert asked.device == torch.device("cpu")


def test_only_weights_that_are_there_are_present() -> None:
    assert list(CellWeights(torch.zeros(4, 3), bias_hh=torch.zeros(4)).present()) == ["weight_ih", "bias_hh"]


def test_gates_are_rows_of_the_stored_weights() -> None:
    cell = get("peephole-lstm")
    stored = {
        n: torch.arange(s[0], dtype=torch.float32).reshape(-1, *[1] * (len(s) - 1)).expand(s)
        for n, s in cell.shapes(3, 2).items()
    }
    gates = gate_tensors(cell, stored, bias=True)
    assert gates["W", "f"][:, 0].tolist() == [2, 3]
    assert gates["p", "o"].tolist() == [4, 5]
    assert ("b", "i") in gates
    without = {n: w for n, w in stored.items() if n != "bias_ih"}
    assert ("b", "i") not in gate_tensors(cell, without, bias=False)
    assert has_bias(cell, stored)
    assert not has_bias(cell, without)
