"""What unroll() refuses, and in which words."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from recurra.cells.catalogue import get
from recurra.cells.definition import Cell, cell
from recurra.engines.request import CellWeights, Embedded
from recurra.equations.symbols import R, W, b, p, rb, sigmoid, tanh
from recurra.errors import EngineError, ShapeError, UnknownNameError
from recurra.recurrence import unroll

LSTM = get("lstm")


def weights(made: Cell = LSTM, inputs: int = 3, hidden: int = 5, *, bias: bool = True, **other: Any) -> CellWeights:
    found: dict[str, Any] = {n: torch.ones(s) / 9 for n, s in made.shapes(inputs, hidden, bias=bias).items()}
    return CellWeights(**(found | other))


def refused(says: str, *, made: Cell = LSTM, x: Any = None, w: CellWeights | None = None, **given: Any) -> None:
    with pytest.raises(ShapeError) as caught:
        unroll(made, w or weights(made), torch.zeros(4, 6, 3) if x is None else x, **given)
    assert str(caught.value) == says


@pytest.mark.parametrize(
    ("x", "says"),
    [
        (torch.zeros(4, 6, 2), "expected x [B, T, 3], got [4, 6, 2]"),
        (torch.zeros(6, 3), "expected x [B, T, 3], got [6, 3]"),
        (torch.zeros(4, 0, 3), "expected at least one step, got x [4, 0, 3]"),
        (torch.zeros(4, 6, 3).double(), "x is torch.float64, the weights are torch.float32"),
        (torch.zeros(4, 6, 3).long(), "x is torch.int64, the weights are torch.float32"),
        (torch.zeros(4, 6, 3, device="meta"), "x is on meta, the weights are on cpu"),
        (
            Embedded(torch.zeros(4, 6), torch.zeros(9, 3)),
            "expected tokens int64 [B, T], got torch.float32 [4, 6]",
        ),
        (
            Embedded(torch.zeros(4).long(), torch.zeros(9, 3)),
            "expected tokens int64 [B, T], got torch.int64 [4]",
        ),
        (Embedded(torch.zeros(4, 6).long(), torch.zeros(9, 2)), "expected a table [V, 3], got [9, 2]"),
        (
            Embedded(torch.tensor([[0, 9]]), torch.zeros(9, 3)),
            "tokens reach from 0 to 9, the table has rows 0 to 8",
        ),
        (
            Embedded(torch.tensor([[-1, 2]]), torch.zeros(9, 3)),
            "tokens reach from -1 to 2, the table has rows 0 to 8",
        ),
    ],
)
def test_inputs_that_do_not_fit(x: Tensor | Embedded, says: str) -> None:
    refused(says, x=x)


@pytest.mark.parametrize(
    ("lengths", "says"),
    [
        (torch.tensor([6, 0, 1, 2]), "expected lengths from 1 to T = 6, got 0 to 6"),
        (torch.tensor([6, -3, 1, 2]), "expected lengths from 1 to T = 6, got -3 to 6"),
        (torch.tensor([7, 3, 1, 2]), "expected lengths from 1 to T = 6, got 1 to 7"),
        (torch.tensor([6.0, 3, 1, 2]), "expected lengths int64 [B] = [4], got torch.float32 [4]"),
        (torch.tensor([True] * 4), "expected lengths int64 [B] = [4], got torch.bool [4]"),
        (torch.tensor([6, 3]), "expected lengths int64 [B] = [4], got torch.int64 [2]"),
        (torch.tensor([[6, 3, 1, 2]]), "expected lengths int64 [B] = [4], got torch.int64 [1, 4]"),
        ([6, 3, 1, 2], "expected lengths, a tensor int64 [B] = [4], got a list"),
    ],
)
def test_lengths_that_do_not_fit(lengths: Any, says: str) -> None:
    refused(says, lengths=lengths)


@pytest.mark.parametrize("dtype", [torch.int32, torch.uint8, torch.int16])
def test_lengths_of_any_whole_type(dtype: torch.dtype) -> None:
    x, lengths = torch.ones(4, 6, 3), torch.tensor([6, 3, 1, 2])
    y, _ = unroll(LSTM, weights(), x, lengths=lengths.to(dtype))
    assert torch.equal(y, unroll(LSTM, weights(), x, lengths=lengths)[0])


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ((torch.zeros(4, 5),), "lstm has the states h, c, got 1 tensors"),
        ((torch.zeros(4, 5),) * 3, "lstm has the states h, c, got 3 tensors"),
        ((torch.zeros(4, 5), torch.zeros(4, 6)), "expected state c [B, H] = [4, 5], got [4, 6]"),
        ((torch.zeros(1, 5), torch.zeros(4, 5)), "expected state h [B, H] = [4, 5], got [1, 5]"),
        (
            (torch.zeros(4, 5), torch.zeros(4, 5).double()),
            "state c is torch.float64, the weights are torch.float32",
        ),
        ((torch.zeros(4, 5, device="meta"), torch.zeros(4, 5)), "state h is on meta, the weights are on cpu"),
    ],
)
def test_states_that_do_not_fit(state: tuple[Tensor, ...], says: str) -> None:
    refused(says, state=state)


def test_a_mask_that_does_not_fit() -> None:
    refused("expected recurrent_mask [B, H] = [4, 5], got [4, 6]", recurrent_mask=torch.ones(4, 6))


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"weight_ih": torch.zeros(19, 3)}, "expected weight_ih [4*H, I] for lstm, got [19, 3]"),
        ({"weight_ih": torch.zeros(20)}, "expected weight_ih [4*H, I] for lstm, got [20]"),
        ({"weight_hh": torch.zeros(20, 4)}, "expected weight_hh [20, 5] for lstm, got [20, 4]"),
        (
            {"weight_hh": None},
            "lstm takes the weights weight_ih, weight_hh, bias_ih, bias_hh, got weight_ih, bias_ih, bias_hh",
        ),
        (
            {"bias_hh": None},
            "lstm takes the weights weight_ih, weight_hh, bias_ih, bias_hh, got weight_ih, weight_hh, bias_ih",
        ),
        (
            {"bias_hh": torch.zeros(20).double()},
            "bias_hh is torch.float64 on cpu, weight_ih torch.float32 on cpu",
        ),
    ],
)
def test_weights_that_do_not_fit(changed: dict[str, Any], says: str) -> None:
    refused(says, w=weights(**changed))


def test_engines_by_name() -> None:
    x, peephole = torch.zeros(4, 6, 3), get("peephole-lstm")
    with pytest.raises(UnknownNameError, match=r"unknown engine 'vender'; did you mean 'vendor'\?"):
        unroll(LSTM, weights(), x, engine="vender")
    with pytest.raises(EngineError) as caught:
        unroll(peephole, weights(peephole), x, engine="vendor")
    assert str(caught.value) == (
        "engine 'vendor' cannot run peephole-lstm: torch has no peephole-lstm (it has lstm, gru, rnn, rnn-relu)"
    )
    with pytest.raises(EngineError, match="torch's kernels have no dropout inside the step"):
        unroll(LSTM, weights(), x, engine="vendor", recurrent_mask=torch.ones(4, 5))
    with pytest.raises(EngineError, match="torch's kernels take no empty batch"):
        unroll(LSTM, weights(), x[:0], engine="vendor")


# cells at the edge of what is allowed


@cell(source="its only bias is the recurrent one")
def second_bias_only(x: Any, h: Any) -> Any:
    h = tanh(W.h @ x + R.h @ h + rb.h)
    return h


@cell(source="no bias at all")
def no_bias(x: Any, h: Any) -> Any:
    h = tanh(W.h @ x + R.h @ h)
    return h


@cell(source="a state that is a parameter alone, as wide as one row")
def constant_state(x: Any, h: Any, k: Any) -> Any:
    h = tanh(W.h @ x + R.h @ h + k + b.h)
    k = sigmoid(p.k)
    return h, k


@pytest.mark.parametrize("made", [second_bias_only, no_bias], ids=lambda c: c.name)
def test_cells_with_fewer_biases(made: Cell) -> None:
    x = torch.ones(4, 6, 3)
    for bias in (True, False):
        y, _ = unroll(made, weights(made, bias=bias), x)
        assert y.shape == (4, 6, 5)
    zero = {n: torch.zeros_like(w) for n, w in weights(made).present().items() if n.startswith("bias")}
    with_zeros, _ = unroll(made, weights(made, **zero), x)
    torch.testing.assert_close(with_zeros, y)


@pytest.mark.parametrize("lengths", [None, torch.tensor([6, 2, 1, 3])], ids=["full", "ragged"])
def test_a_state_that_is_a_vector_belongs_to_every_row(lengths: Tensor | None) -> None:
    _, (h, k) = unroll(constant_state, weights(constant_state), torch.ones(4, 6, 3), lengths=lengths)
    assert h.shape == k.shape == (4, 5)
    torch.testing.assert_close(k, torch.full((4, 5), 1 / 9).sigmoid())


def test_without_gradients() -> None:
    given, x = weights(), torch.ones(4, 6, 3)
    y, _ = unroll(LSTM, given, x)
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            again, _ = unroll(LSTM, given, x, lengths=torch.tensor([6, 6, 6, 6]))
            assert not again.requires_grad
            torch.testing.assert_close(again, y)
