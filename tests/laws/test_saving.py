"""Written and read again, a layer has the same bits and gives the same bits."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from recurra.cells.definition import Cell
from recurra.layers.stack import Stack
from tests.laws.cells_for_tests import CELLS


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
@pytest.mark.parametrize("cell", CELLS, ids=lambda c: c.name)
def test_saving_and_loading_is_bit_identical(cell: Cell, dtype: torch.dtype, tmp_path: Path) -> None:
    settings = {"cell": cell, "bidirectional": True, "learned_state": True, "dtype": dtype}
    torch.manual_seed(1)
    layer, other = Stack(3, 5, 2, **settings), Stack(3, 5, 2, **settings)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(torch.randn_like(parameter) / 3)
    save_file(layer.state_dict(), tmp_path / "weights.safetensors")
    other.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    for name, value in layer.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name
    x, lengths = torch.randn(4, 6, 3, dtype=dtype), torch.tensor([6, 2, 1, 5])
    y, last = layer(x, lengths=lengths)
    again, last_again = other(x, lengths=lengths)
    assert torch.equal(y, again)
    assert all(torch.equal(a, b) for a, b in zip(last, last_again, strict=True))
