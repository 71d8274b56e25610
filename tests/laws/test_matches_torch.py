"""torch.nn's twin: outputs, last states and gradients."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pack_sequence

from recurra.cells.definition import Cell
from recurra.layers.dropins import GRU, LSTM, RNN
from tests.laws.law_cases import PAIRS, TOLERANCE

TWINS: dict[str, tuple[type, type, dict[str, Any]]] = {
    "lstm": (LSTM, nn.LSTM, {}),
    "gru": (GRU, nn.GRU, {}),
    "rnn": (RNN, nn.RNN, {}),
    "rnn-relu": (RNN, nn.RNN, {"nonlinearity": "relu"}),
}
TWIN_PAIRS = [(cell, engine) for cell, engine in PAIRS if cell.name in TWINS]
every_twin = pytest.mark.parametrize(("cell", "engine"), TWIN_PAIRS, ids=[f"{c.name}-{e}" for c, e in TWIN_PAIRS])
B, T, WIDE, H = 4, 5, 3, 6
LENGTHS = torch.tensor([3, 5, 1, 4])


def twins(cell: Cell, engine: str, *sizes: int, **settings: Any) -> tuple[nn.Module, nn.Module]:
    """Ours and torch's, with the same weights."""
    own, torchs, extra = TWINS[cell.name]
    torch.manual_seed(5)
    theirs = torchs(*sizes, **extra, **settings)
    ours = own(*sizes, **extra, **settings, engine=engine)
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def numbers(*shape: int, dtype: torch.dtype, seed: int) -> Tensor:
    made = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return made.to(dtype).requires_grad_()


def states_for(cell: Cell, *shape: int, dtype: torch.dtype) -> Any:
    made = tuple(numbers(*shape, dtype=dtype, seed=20 + k) for k in range(len(cell.states)))
    return made if len(made) > 1 else made[0]


def flat(results: Any) -> list[Tensor]:
    if isinstance(results, PackedSequence):
        return [results.data]
    return [results] if isinstance(results, Tensor) else [v for part in results for v in flat(part)]


def assert_alike(ours: nn.Module, theirs: nn.Module, x: Any, hx: Any, leaves: list[Tensor], **mine: Any) -> None:
    """Results of ours(x, hx, **mine) and theirs(x, hx), and the gradients of all leaves and weights."""
    found = []
    for module, extra in ((ours, mine), (theirs, {})):
        results = flat(module(x, hx, **extra))
        total = sum((v * torch.arange(v.numel(), dtype=v.dtype).cos().view_as(v)).sum() for v in results)
        wanted = leaves + [module.get_parameter(n) for n in theirs.state_dict()]
        found.append([*results, *torch.autograd.grad(total, wanted)])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, **TOLERANCE[one.dtype])


@pytest.mark.parametrize(
    ("depth", "both", "bias", "batch_first", "dtype"),
    [
        *itertools.product((1, 2), (False, True), (True, False), (False, True), (torch.float64,)),
        (1, False, True, True, torch.float32),
        (2, True, False, False, torch.float32),
    ],
    ids=str,
)
@every_twin
def test_padded(
    cell: Cell, engine: str, depth: int, both: bool, bias: bool, batch_first: bool, dtype: torch.dtype
) -> None:
    settings = {"bias": bias, "batch_first": batch_first, "bidirectional": both, "dtype": dtype}
    ours, theirs = twins(cell, engine, WIDE, H, depth, **settings)
    x = numbers(*((B, T) if batch_first else (T, B)), WIDE, dtype=dtype, seed=1)
    hx = states_for(cell, depth * (2 if both else 1), B, H, dtype=dtype)
    assert_alike(ours, theirs, x, hx, [x, *flat(hx)])
    assert_alike(ours, theirs, x, None, [x])


@pytest.mark.parametrize("both", [False, True])
@every_twin
def test_one_sequence_without_a_batch(cell: Cell, engine: str, both: bool) -> None:
    for batch_first in (False, True):
        ours, theirs = twins(cell, engine, WIDE, H, 2, bidirectional=both, batch_first=batch_first, dtype=torch.float64)
        x = numbers(T, WIDE, dtype=torch.float64, seed=1)
        hx = states_for(cell, 4 if both else 2, H, dtype=torch.float64)
        assert_alike(ours, theirs, x, hx, [x, *flat(hx)])
        assert_alike(ours, theirs, x, None, [x])


@pytest.mark.parametrize(("both", "dtype"), [(False, torch.float64), (True, torch.float32)], ids=str)
@every_twin
def test_packed(cell: Cell, engine: str, both: bool, dtype: torch.dtype) -> None:
    ours, theirs = twins(cell, engine, WIDE, H, 2, bidirectional=both, dtype=dtype)
    x = numbers(B, T, WIDE, dtype=dtype, seed=1)
    hx = states_for(cell, 4 if both else 2, B, H, dtype=dtype)
    for in_order in (False, True):
        lengths = LENGTHS.sort(descending=True)[0] if in_order else LENGTHS
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=in_order)
        leaf = packed.data.detach().requires_grad_()
        packed = packed._replace(data=leaf)
        assert_alike(ours, theirs, packed, hx, [leaf, *flat(hx)])
        assert_alike(ours, theirs, packed, None, [leaf])
        out, theirs_out = ours(packed)[0], theirs(packed)[0]
        for part in ("batch_sizes", "sorted_indices", "unsorted_indices"):
            one, other = getattr(out, part), getattr(theirs_out, part)
            assert (one is None and other is None) or torch.equal(one, other)


@pytest.mark.parametrize("both", [False, True])
@every_twin
def test_lengths_equal_packing(cell: Cell, engine: str, both: bool) -> None:
    ours, theirs = twins(cell, engine, WIDE, H, 2, bidirectional=both, batch_first=True, dtype=torch.float64)
    x = numbers(B, T, WIDE, dtype=torch.float64, seed=1)
    y, last = ours(x, lengths=LENGTHS)
    packed, last_theirs = theirs(pack_padded_sequence(x, LENGTHS, batch_first=True, enforce_sorted=False))
    again = pack_padded_sequence(y, LENGTHS, batch_first=True, enforce_sorted=False)
    for one, other in zip([again.data, *flat(last)], [packed.data, *flat(last_theirs)], strict=True):
        torch.testing.assert_close(one, other, **TOLERANCE[one.dtype])


@every_twin
def test_rows_of_one_step(cell: Cell, engine: str) -> None:
    ours, theirs = twins(cell, engine, WIDE, H, dtype=torch.float64)
    packed = pack_sequence([numbers(1, WIDE, dtype=torch.float64, seed=s) for s in range(3)])
    assert_alike(ours, theirs, packed, None, [])
