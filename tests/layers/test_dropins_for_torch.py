"""RNN, LSTM and GRU take torch.nn's place: signatures, warnings, layouts. tests/laws compares their numbers."""

from __future__ import annotations

import inspect
import typing
import warnings
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from recurra.engines.request import Embedded
from recurra.errors import EngineError, ShapeError, UnknownNameError, UsageError
from recurra.layers.dropins import GRU, LSTM, RNN

TWINS = [(LSTM, nn.LSTM), (GRU, nn.GRU), (RNN, nn.RNN)]
every_twin = pytest.mark.parametrize(("own", "torchs"), TWINS, ids=["lstm", "gru", "rnn"])
LENGTHS = torch.tensor([3, 6, 1, 4])


@every_twin
def test_arguments_are_torchs_in_torchs_order(own: type, torchs: type) -> None:
    written_out = typing.get_overloads(torchs.__init__)[0]
    theirs = list(inspect.signature(written_out).parameters.values())[1:]
    ours = {
        n: p for n, p in inspect.signature(own).parameters.items() if p.kind is not p.KEYWORD_ONLY and n != "proj_size"
    }
    theirs = [p for p in theirs if p.name != "proj_size"]
    assert list(ours) == [p.name for p in theirs]
    for parameter in theirs:
        default = ours[parameter.name].default
        assert default == parameter.default
        assert type(default) is type(parameter.default)


@pytest.mark.parametrize(
    ("own", "torchs", "given"),
    [
        (LSTM, nn.LSTM, (5, 7, 2, True, True, 0.1, True)),
        (LSTM, nn.LSTM, (5, 7, 2, False, False, 0.0, False, 0, "cpu", torch.float64)),
        (GRU, nn.GRU, (5, 7, 2, False, True, 0.1, True)),
        (GRU, nn.GRU, (5, 7, 1, True, False, 0.0, True, 0, "cpu", torch.float64)),
        (RNN, nn.RNN, (5, 7, 2, "relu", True, True, 0.1, True)),
        (RNN, nn.RNN, (5, 7, 1, "tanh", False)),
    ],
)
def test_positional_calls_mean_the_same(own: type, torchs: type, given: tuple[Any, ...]) -> None:
    ours, theirs = own(*given), torchs(*given)
    names = "input_size hidden_size num_layers bias batch_first dropout bidirectional".split()
    assert [getattr(ours, n) for n in names] == [getattr(theirs, n) for n in names]
    shapes = {n: (p.shape, p.dtype) for n, p in theirs.named_parameters()}
    assert {n: (p.shape, p.dtype) for n, p in ours.named_parameters()} == shapes
    if own is RNN:
        assert ours.nonlinearity == theirs.nonlinearity


@every_twin
def test_weights_go_both_ways(own: type, torchs: type) -> None:
    for settings in ({}, {"bias": False, "num_layers": 2}, {"num_layers": 2, "bidirectional": True}):
        ours, theirs = own(3, 5, **settings), torchs(3, 5, **settings)
        ours.load_state_dict(theirs.state_dict(), strict=True)
        third = torchs(3, 5, **settings)
        third.load_state_dict(ours.state_dict(), strict=True)
        for name, value in theirs.state_dict().items():
            assert torch.equal(third.state_dict()[name], value)


@every_twin
def test_unused_dropout_warns_where_the_layer_is_made(own: type, torchs: type) -> None:
    for make in (own, torchs):
        with pytest.warns(UserWarning, match=r"dropout=0\.3") as caught:
            make(3, 5, dropout=0.3)
        assert caught[0].filename == __file__ or make is torchs
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        own(3, 5, 2, dropout=0.3)
        with pytest.raises(UsageError, match=r"dropout must be a number from 0 to 1, got 3"):
            own(3, 5, dropout=3)


@every_twin
def test_a_call_inside_a_model(own: type, torchs: type) -> None:
    layer = own(3, 5)
    layer.flatten_parameters()
    layer.train(False)
    assert isinstance(layer, nn.Module)
    y, _ = nn.Sequential(nn.Linear(2, 3), layer)(torch.randn(6, 4, 2))
    assert y.shape == (6, 4, 5)


@every_twin
def test_cells_of_another_kind(own: type, torchs: type) -> None:
    x = torch.randn(6, 4, 3)
    layer = own(3, 5, 2, bidirectional=True, cell="peephole-lstm")
    _, hx = layer(x)
    assert [s.shape for s in hx] == [(4, 4, 5)] * 2
    assert torch.equal(layer(x, hx)[0], layer(x, list(hx))[0])
    _, h = own(3, 5, cell="minimal-gru")(x, torch.zeros(1, 4, 5))
    assert h.shape == (1, 4, 5)


@every_twin
def test_keywords_beyond_torchs(own: type, torchs: type) -> None:
    x = torch.randn(6, 4, 3)
    layer = own(3, 5, 2, bidirectional=True, merge="sum", learned_state=True, init="orthogonal", recurrent_dropout=0.2)
    y, _ = layer(x, lengths=LENGTHS)
    assert y.shape == (6, 4, 5)
    assert not y[3:, 0].any()
    assert y[2, 0].any()


@every_twin
def test_batch_first_turns_outputs_and_not_states(own: type, torchs: type) -> None:
    one, other = own(3, 5, batch_first=True), own(3, 5)
    other.load_state_dict(one.state_dict())
    x = torch.randn(4, 6, 3)
    y, hx = one(x, lengths=LENGTHS)
    z, hz = other(x.transpose(0, 1), lengths=LENGTHS)
    assert torch.equal(y, z.transpose(0, 1))
    for a, b in zip(hx if isinstance(hx, tuple) else (hx,), hz if isinstance(hz, tuple) else (hz,), strict=True):
        assert torch.equal(a, b)


@every_twin
def test_embedded_goes_in(own: type, torchs: type) -> None:
    layer, table, tokens = own(3, 5, batch_first=True), torch.randn(9, 3), torch.randint(0, 9, (4, 6))
    assert torch.equal(layer(Embedded(tokens, table), lengths=LENGTHS)[0], layer(table[tokens], lengths=LENGTHS)[0])


@every_twin
def test_a_single_sequence_of_given_length(own: type, torchs: type) -> None:
    layer, x = own(3, 5), torch.randn(6, 3)
    y, _ = layer(x, lengths=torch.tensor([4]))
    assert y.shape == (6, 5)
    assert not y[4:].any()
    torch.testing.assert_close(y[:4], layer(x[:4])[0])


@every_twin
def test_a_packed_sequence_comes_back_packed(own: type, torchs: type) -> None:
    packed = pack_padded_sequence(torch.randn(4, 6, 3), LENGTHS, batch_first=True, enforce_sorted=False)
    y, _ = own(3, 5, bidirectional=True)(packed)
    assert isinstance(y, PackedSequence)
    assert y.data.shape == (14, 10)
    assert torch.equal(y.batch_sizes, packed.batch_sizes)


# what is refused


@pytest.mark.parametrize(("own", "name"), [(RNN, "rnn"), (GRU, "gru")])
def test_no_projection(own: type, name: str) -> None:
    with pytest.raises(UsageError) as caught:
        own(3, 5, proj_size=2)
    assert str(caught.value) == f"proj_size=2: {name} has no projection (lstm-projected has)"


def test_nonlinearities() -> None:
    with pytest.raises(UnknownNameError, match="unknown nonlinearity 'rely'; did you mean 'relu'"):
        RNN(3, 5, nonlinearity="rely")
    with pytest.raises(UnknownNameError, match="unknown nonlinearity 'True'"):
        RNN(3, 5, 1, True)
    with pytest.raises(UsageError, match="cell='gru' has its own nonlinearities; leave nonlinearity out"):
        RNN(3, 5, nonlinearity="relu", cell="gru")


@every_twin
def test_arguments_of_a_wrong_type(own: type, torchs: type) -> None:
    with pytest.raises(UsageError, match="batch_first must be True or False, got 1"):
        own(3, 5, batch_first=1)
    with pytest.raises(UsageError, match=r"bias must be True or False, got 0\.5"):
        own(3, 5, bias=0.5)
    with pytest.raises(UnknownNameError, match="unknown cell 'gruu'; did you mean 'gru'"):
        own(3, 5, cell="gruu")


@every_twin
def test_inputs_that_do_not_fit(own: type, torchs: type) -> None:
    layer, packed = own(3, 5), pack_padded_sequence(torch.randn(4, 6, 3), LENGTHS, True, False)
    with pytest.raises(UsageError, match="a PackedSequence has its own lengths; give lengths with padded input only"):
        layer(packed, lengths=LENGTHS)
    with pytest.raises(ShapeError, match=r"expected input of 2 or 3 axes, got \[4, 6, 3, 1\]"):
        layer(torch.zeros(4, 6, 3, 1))
    with pytest.raises(ShapeError, match=r"expected x \[B, T, 3\], got \[4, 6, 2\]"):
        layer(torch.zeros(6, 4, 2))
    with pytest.raises(ShapeError, match=r"expected state h \[L\*D, B, H\] = \[1, 4, 5\], got \[2, 4, 5\]"):
        layer(torch.zeros(6, 4, 3), (torch.zeros(2, 4, 5),) * len(layer.cell.states))
    with pytest.raises(ShapeError, match=r"expected lengths from 1 to T = 6, got 1 to 9"):
        layer(torch.zeros(6, 4, 3), lengths=torch.tensor([9, 1, 1, 1]))


def test_a_lone_state_where_two_are_needed() -> None:
    with pytest.raises(ShapeError, match="lstm has the states h, c, got 1"):
        LSTM(3, 5)(torch.zeros(6, 4, 3), torch.zeros(1, 4, 5))


def test_an_engine_that_cannot() -> None:
    with pytest.raises(EngineError, match="engine 'vendor' cannot run peephole-lstm"):
        LSTM(3, 5, cell="peephole-lstm", engine="vendor")(torch.zeros(6, 4, 3))
