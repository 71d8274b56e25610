"""What code does that asks `isinstance(layer, nn.RNNBase)`, and that none of RNNBase's own state comes with it."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import nn

import recurra

MAKERS = [
    lambda: recurra.LSTM(3, 4, 2, bidirectional=True, dropout=0.5),
    lambda: recurra.GRU(3, 4),
    lambda: recurra.RNN(3, 4, nonlinearity="relu"),
    lambda: recurra.RNN(3, 4, cell="peephole-lstm", learned_state=True),
]


@pytest.fixture(params=MAKERS, ids=["LSTM", "GRU", "RNN", "peephole"])
def layer(request: pytest.FixtureRequest) -> nn.Module:
    torch.manual_seed(0)
    made: nn.Module = request.param()
    return made


def test_weights_are_drawn_and_dropout_is_switched_off_as_scripts_do(layer: nn.Module) -> None:
    model = nn.ModuleDict({"encoder": layer, "head": nn.Linear(4, 2)})
    found = [module for module in model.modules() if isinstance(module, nn.RNNBase)]
    assert found == [layer]
    assert issubclass(type(layer), nn.RNNBase)
    for name, parameter in layer.named_parameters():
        if "weight" in name and parameter.dim() > 1:
            nn.init.orthogonal_(parameter)
        elif "bias" in name:
            nn.init.zeros_(parameter)
    layer.dropout = 0.0
    layer.flatten_parameters()
    layer._init_flat_weights()
    x = torch.randn(5, 2, layer.input_size)
    torch.testing.assert_close(layer.train()(x)[0], layer(x)[0])
    torch.testing.assert_close(layer.train()(x)[0], layer.eval()(x)[0])
    assert all(not bias.any() for name, bias in layer.named_parameters() if "bias" in name)


@pytest.mark.parametrize(
    ("ours", "twin"),
    [
        (recurra.LSTM, nn.LSTM),
        (recurra.GRU, nn.GRU),
        (recurra.RNN, nn.RNN),
        (
            lambda *a, **k: recurra.RNN(*a, nonlinearity="relu", **k),
            lambda *a, **k: nn.RNN(*a, nonlinearity="relu", **k),
        ),
    ],
)
def test_attributes_are_those_of_the_twin(ours: type, twin: type) -> None:
    mine, torchs = (
        ours(3, 4, 2, bidirectional=True, batch_first=True),
        twin(3, 4, 2, bidirectional=True, batch_first=True),
    )
    for name in (
        "mode",
        "input_size",
        "hidden_size",
        "num_layers",
        "bias",
        "batch_first",
        "dropout",
        "bidirectional",
        "proj_size",
        "_flat_weights_names",
        "_all_weights",
    ):
        assert getattr(mine, name) == getattr(torchs, name), name
    assert [w.shape for w in mine._flat_weights] == [w.shape for w in torchs._flat_weights]


def test_a_cell_that_torch_has_not_is_named_by_itself() -> None:
    assert recurra.RNN(3, 4, cell="gru-cho").mode == "gru-cho"


def test_weights_are_kept_once_whatever_is_done_to_the_layer(layer: nn.Module) -> None:
    """Of a new value every reader hears: RNNBase would keep a second list."""
    x = torch.randn(5, 2, 3)
    for made in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), copy.copy(layer)):  # noqa: S301
        assert not {"_flat_weights", "_flat_weight_refs", "_flat_weights_names", "mode"} & vars(made).keys()
        torch.testing.assert_close(made.eval()(x)[0], layer.eval()(x)[0])
    name = layer._flat_weights_names[0]
    new = nn.Parameter(torch.ones_like(getattr(layer, name)))
    setattr(layer, name, new)
    assert layer._flat_weights[0] is new
    assert layer.double()(x.double())[0].dtype == torch.float64
    assert layer.to("meta")._flat_weights[0].is_meta
