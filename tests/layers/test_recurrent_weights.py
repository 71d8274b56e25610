"""Heads, whose recurrent weights are blocks, and recurrent weights that are left out."""

from __future__ import annotations

import pickle

import pytest
import torch

import recurra
from recurra.engines.heads import block_diagonal
from recurra.engines.native import compiled
from recurra.errors import ShapeError, UsageError
from recurra.layers.dropout import dropout
from recurra.layers.initial import Init
from recurra.layers.stack import Stack

ENGINES = ["native", "reference"]


def test_blocks_stand_on_the_diagonal_of_each_gate() -> None:
    blocks = torch.arange(1.0, 17).view(8, 2)  # two gates of four units, two heads
    dense = block_diagonal(blocks, 2)
    assert dense.tolist() == [
        [1, 2, 0, 0], [3, 4, 0, 0], [0, 0, 5, 6], [0, 0, 7, 8],
        [9, 10, 0, 0], [11, 12, 0, 0], [0, 0, 13, 14], [0, 0, 15, 16],
    ]  # fmt: skip


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("cell", ["slstm", "gru", "lstm"])
def test_heads_do_not_see_each_other(cell: str, engine: str) -> None:
    layer, x = Stack(3, 8, cell=cell, heads=4, engine=engine), torch.randn(2, 5, 3)
    gates = len(layer.cell.layout()["weight_hh"])
    assert layer.weight_hh_l0.shape == (gates * 8, 2)
    state = layer.initial_state(2)
    y, _ = layer(x, state)
    other = tuple(s.clone() for s in state)
    other[0][..., :2] = 1.0  # the first head's past
    z, _ = layer(x, other)
    assert not torch.equal(y[..., :2], z[..., :2])
    torch.testing.assert_close(y[..., 2:], z[..., 2:], rtol=0, atol=1e-6)
    y.sum().backward()
    assert layer.weight_hh_l0.grad.shape == layer.weight_hh_l0.shape


def test_heads_are_a_dense_layer_with_zeros_and_stream() -> None:
    layer, dense = Stack(3, 8, 2, heads=4, init="orthogonal").double(), Stack(3, 8, 2).double()
    for depth in range(2):
        block = getattr(layer, f"weight_hh_l{depth}")[:2]
        torch.testing.assert_close((block @ block.T).float(), torch.eye(2))
        getattr(dense, f"weight_hh_l{depth}").data = layer.weights(depth).dense().weight_hh.detach()
        for name in (f"weight_ih_l{depth}", f"bias_ih_l{depth}", f"bias_hh_l{depth}"):
            getattr(dense, name).data = getattr(layer, name).detach()
    x = torch.randn(2, 5, 3).double()
    torch.testing.assert_close(layer(x), dense(x))
    steps = layer.stream(2)
    torch.testing.assert_close(torch.stack([steps.step(x[:, t]).clone() for t in range(5)], 1), layer(x)[0].detach())


@pytest.mark.parametrize("engine", ENGINES)
def test_weights_are_left_out_for_a_whole_sequence(engine: str) -> None:
    layer, x = recurra.LSTM(3, 40, batch_first=True, weight_dropout=0.5, engine=engine), torch.randn(2, 5, 3)
    plain = recurra.LSTM(3, 40, batch_first=True)
    plain.load_state_dict(layer.state_dict())
    torch.testing.assert_close(layer.eval()(x)[0], plain(x)[0])
    layer.train()
    torch.manual_seed(5)
    mask = dropout(torch.ones_like(layer.weight_hh_l0), 0.5)
    assert 0.4 < float((mask == 0).float().mean()) < 0.6
    plain.weight_hh_l0.data = layer.weight_hh_l0.detach() * mask
    torch.manual_seed(5)
    torch.testing.assert_close(layer(x)[0], plain(x)[0], rtol=1e-5, atol=1e-6)
    assert not torch.equal(layer(x)[0], layer(x)[0])


def test_what_cannot_be() -> None:
    with pytest.raises(UsageError, match="heads must be a whole number that divides hidden_size = 8, got 3"):
        recurra.LSTM(3, 8, heads=3)
    with pytest.raises(UsageError, match="heads=2 divide what a recurrent product maps; sru has no such product"):
        recurra.RNN(3, 8, cell="sru", heads=2)
    with pytest.raises(UsageError, match="heads=2: lstm-projected maps a projection"):
        recurra.LSTM(3, 8, proj_size=4, heads=2)
    with pytest.raises(UsageError, match=r"weight_dropout=0.1 acts on what a recurrent product maps; min-gru has no"):
        recurra.RNN(3, 8, cell="min-gru", weight_dropout=0.1)
    with pytest.raises(UsageError, match="weight_dropout must be a number from 0 to 1, got 2"):
        recurra.GRU(3, 8, weight_dropout=2)
    with pytest.raises(
        UsageError, match=r"rank=8 is not below hidden_size = 8: .* 128 numbers in two factors, and has 64"
    ):
        recurra.LSTM(3, 8, rank=8)
    with pytest.raises(UsageError, match="rank must be a whole number from 0"):
        recurra.LSTM(3, 8, rank=-1)
    with pytest.raises(UsageError, match="rank=2 is that of recurrent matrices; sru has none"):
        recurra.RNN(3, 8, cell="sru", rank=2)
    with pytest.raises(UsageError, match="rank=2: lstm-projected has a projection already"):
        recurra.LSTM(3, 8, proj_size=4, rank=2)
    with pytest.raises(UsageError, match="rank=2 and heads=2"):
        recurra.LSTM(3, 8, heads=2, rank=2)
    with pytest.raises(UsageError, match=r"zoneout_cell=0\.1 acts on the states beside the output; gru has the output"):
        recurra.GRU(3, 8, zoneout_cell=0.1)
    with pytest.raises(UsageError, match=r"zoneout must be a number from 0 to 1, got -0\.1"):
        recurra.GRU(3, 8, zoneout=-0.1)


def test_a_stream_leaves_no_weights_out() -> None:
    layer, x = recurra.LSTM(3, 40, batch_first=True, weight_dropout=0.5), torch.randn(2, 3)
    found = layer.stream(2).step(x).clone()
    torch.testing.assert_close(found, layer.eval()(x.unsqueeze(1))[0][:, 0].detach())


def test_a_variant_is_pickled_and_found_by_its_name() -> None:
    layer = recurra.GRU(3, 8, batch_first=True, rank=2, zoneout=0.25).eval()
    again = pickle.loads(pickle.dumps(layer))  # noqa: S301
    x = torch.randn(2, 4, 3)
    assert torch.equal(again(x)[0], layer(x)[0])
    form = compiled.form(layer.evaluated_cell, bias=True, mask=False)
    assert compiled.by_key(form.key).program.fingerprint == layer.evaluated_cell.program().fingerprint


@pytest.mark.parametrize("init", ["orthogonal", "torch"])
def test_factors_start_orthogonal(init: Init) -> None:
    layer = recurra.GRU(3, 8, rank=2, init=init)
    left, right = layer.weight_hh_l0[:8], layer.weight_hr_l0[:2]
    product = left.T @ left, right @ right.T
    for one in product:
        assert torch.allclose(one, torch.eye(2), atol=1e-5) == (init == "orthogonal")


def test_what_is_no_tensor_is_named_before_the_core_is_entered() -> None:
    layer = recurra.LSTM(3, 8, batch_first=True)
    for x in ([[[0.0] * 3]], None, torch.zeros(1, 1, 3).numpy()):
        with pytest.raises(ShapeError, match="expected input, a tensor, got a"):
            layer(x)  # type: ignore[arg-type]
        with pytest.raises(ShapeError, match="expected x, a tensor, got a"):
            Stack(3, 8)(x)  # type: ignore[arg-type]
        with pytest.raises(ShapeError, match="expected input, a tensor, got a"):
            recurra.LSTMCell(3, 8)(x)
    with pytest.raises(UsageError, match=r"dtype must be a floating-point type as torch\.float32, got torch\.int32"):
        recurra.LSTM(3, 8, dtype=torch.int32)
    with pytest.raises(UsageError, match=r"a cell is a name or a function under @recurra\.cell, got 3"):
        Stack(3, 8, cell=3)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="unknown merge 'None'"):
        Stack(3, 8, merge=None)  # type: ignore[arg-type]
