"""What is torch's alone: the rows' ends inside a padded run."""

from __future__ import annotations

import pytest
import torch

from recurra.cells.catalogue import get
from recurra.engines.request import CellWeights
from recurra.engines.vendor import HELD, KERNELS
from recurra.recurrence import unroll

LENGTHS = torch.tensor([2, 9, 4])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("name", ["lstm", "rnn-relu", "gru", "rnn"])
def test_a_state_is_held_to_the_bit(name: str, dtype: torch.dtype) -> None:
    """200 more steps of padding change no bit of the states of rows that have ended.

    Both runs are padded: between 9 and 29 steps the kernel may already sum its input product in another order.
    """
    torch.manual_seed(3)
    cell = get(name)
    weights = CellWeights(**{n: torch.randn(s).to(dtype) for n, s in cell.shapes(3, 4).items()})
    x = torch.randn(3, 9, 3).to(dtype)
    found = []
    for pads in (20, 220):
        padded = torch.cat([x, torch.full((3, pads, 3), torch.nan, dtype=dtype)], 1)
        found.append(unroll(cell, weights, padded, lengths=LENGTHS, engine="vendor")[1])
    for one, other in zip(*found, strict=True):
        assert torch.equal(one, other)


def test_kernels_are_known_by_functions() -> None:
    assert {f.__name__ for f in KERNELS} == {"lstm", "gru", "rnn", "rnn_relu"}
    assert HELD.keys() <= KERNELS.keys()


def test_training_and_inference_give_the_same() -> None:
    torch.manual_seed(3)
    cell = get("lstm")
    weights = CellWeights(**{n: torch.randn(s, requires_grad=True) for n, s in cell.shapes(3, 4).items()})
    x = torch.randn(3, 9, 3)
    y, (h, c) = unroll(cell, weights, x, lengths=LENGTHS, engine="vendor")
    with torch.inference_mode():
        y2, (h2, c2) = unroll(cell, weights, x, lengths=LENGTHS, engine="vendor")
    for one, other in ((y, y2), (h, h2), (c, c2)):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)
