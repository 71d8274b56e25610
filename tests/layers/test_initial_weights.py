from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from recurra.cells.catalogue import BUILT_IN, get
from recurra.errors import UnknownNameError
from recurra.layers.dropins import GRU, LSTM, RNN
from recurra.layers.stack import Stack


@pytest.mark.parametrize("settings", [{}, {"bias": False}, {"num_layers": 2, "bidirectional": True}], ids=str)
@pytest.mark.parametrize(("own", "torchs"), [(LSTM, nn.LSTM), (GRU, nn.GRU), (RNN, nn.RNN)])
def test_a_seed_gives_torchs_numbers(own: type, torchs: type, settings: dict[str, object]) -> None:
    torch.manual_seed(7)
    ours = own(3, 5, **settings)
    after = torch.rand(3)
    torch.manual_seed(7)
    theirs = torchs(3, 5, **settings)
    assert torch.equal(after, torch.rand(3)), "as many random numbers were drawn"
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for name, value in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[name], value), name


@pytest.mark.parametrize("cell", BUILT_IN, ids=lambda c: c.name)
def test_torchs_way_is_uniform_within_its_bound(cell) -> None:
    layer = Stack(40, 50, cell=cell)
    bound = 1 / math.sqrt(50)
    own, drawn = [], []
    for stored, tensor in layer.weights().present().items():
        gates = cell.layout()[stored]
        for gate, rows in zip(gates, tensor.detach().chunk(len(gates)), strict=True):
            start = cell.start(stored, gate)
            (drawn if start is None else own).append((start, rows.flatten()))
    for start, rows in own:
        low, high = start if isinstance(start, tuple) else (start, start)
        assert low <= rows.min(), "the cell says what it starts from"
        assert rows.max() <= high
        assert low == high or rows.std() > 0
    everything = torch.cat([rows for _, rows in drawn])
    assert everything.abs().max() <= bound
    assert everything.abs().mean().item() == pytest.approx(bound / 2, rel=0.05)


@pytest.mark.parametrize("cell", BUILT_IN, ids=lambda c: c.name)
def test_orthogonal_is_orthogonal_gate_by_gate(cell) -> None:
    torch.manual_seed(1)
    layer = Stack(8, 6, 2, cell=cell, bidirectional=True, init="orthogonal")
    layout = cell.layout()
    for depth in (0, 1):
        for direction in (0, 1):
            stored = layer.weights(depth, direction).present()
            recurrent = layout.get("weight_hh", ())
            for rows in stored["weight_hh"].detach().chunk(len(recurrent)) if recurrent else ():
                torch.testing.assert_close(rows @ rows.T, torch.eye(6), atol=1e-5, rtol=0)
            for gate, rows in zip(layout["bias_ih"], stored["bias_ih"].chunk(len(layout["bias_ih"])), strict=True):
                assert rows.unique().tolist() == [cell.initial_bias.get(gate, 0.0)]
            for name in {"bias_hh", "weight_ph"} & stored.keys():
                for gate, rows in zip(layout[name], stored[name].chunk(len(layout[name])), strict=True):
                    assert cell.start(name, gate) is not None or not rows.any()
            width = 8 if depth == 0 else 12
            bound = math.sqrt(6 / (6 + width))
            assert stored["weight_ih"].abs().max() <= bound
            assert stored["weight_ih"].abs().max() > 0.8 * bound


@pytest.mark.parametrize("name", ["lstm", "peephole-lstm"])
def test_a_forget_gate_starts_from_one(name: str) -> None:
    layer = Stack(3, 4, cell=name, init="orthogonal")
    gates = get(name).layout()["bias_ih"]
    biases = dict(zip(gates, layer.bias_ih_l0.chunk(len(gates)), strict=True))
    total = {gate: rows.tolist() for gate, rows in biases.items()}
    assert total.pop("f") == [1.0] * 4
    assert set(map(tuple, total.values())) == {(0.0,) * 4}
    if "bias_hh_l0" in layer.state_dict():
        assert not layer.bias_hh_l0.any(), "not one in each of the two biases"


def test_orthogonal_without_bias() -> None:
    layer = Stack(3, 4, cell="lstm", bias=False, init="orthogonal")
    assert list(layer.state_dict()) == ["weight_ih_l0", "weight_hh_l0"]


def test_resetting_draws_anew_and_puts_learned_states_back() -> None:
    torch.manual_seed(0)
    layer = Stack(3, 4, learned_state=True)
    before = {n: v.clone() for n, v in layer.state_dict().items()}
    nn.init.ones_(layer.initial_h)
    torch.manual_seed(0)
    layer.reset_parameters()
    assert all(torch.equal(v, before[n]) for n, v in layer.state_dict().items())


def test_an_unknown_way() -> None:
    with pytest.raises(UnknownNameError, match="unknown initialisation 'ortogonal'; did you mean 'orthogonal'"):
        Stack(3, 4, init="ortogonal")
