"""What TorchScript, FX and quantisation make of layers, and what code written for torch.nn's layers finds in them."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from recurra.engines.request import Embedded
from recurra.errors import ShapeError, UsageError
from recurra.layers.dropins import GRU, LSTM, RNN
from recurra.layers.stack import Stack
from recurra.layers.steps import GRUCell, LSTMCell, RNNCell


class Model(nn.Module):
    def __init__(self, *, as_table: bool) -> None:
        super().__init__()
        self.table, self.layer, self.out = nn.Embedding(9, 5, 0), GRU(5, 7, batch_first=True), nn.Linear(7, 2)
        self.as_table = as_table

    def forward(self, tokens: Tensor, h: Tensor | None = None, lengths: Tensor | None = None) -> Any:
        x = Embedded(tokens, self.table.weight, self.table.padding_idx) if self.as_table else self.table(tokens)
        y, h = self.layer(x, h, lengths=lengths)
        return self.out(y), h


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("module", [LSTM(3, 5), nn.Sequential(Stack(3, 5)), GRUCell(3, 5), Model(as_table=False)])
def test_torchscript_is_told_what_to_do_instead(module: nn.Module) -> None:
    with pytest.raises(UsageError, match=r"torch\.jit\.script cannot compile recurra\.\w+.*use torch\.export"):
        torch.jit.script(module)


@pytest.mark.parametrize("as_table", [False, True])
def test_fx_takes_a_layer_as_one_node(as_table: bool) -> None:
    model, tokens, lengths = Model(as_table=as_table), torch.randint(0, 9, (3, 4)), torch.tensor([4, 1, 2])
    traced = torch.fx.symbolic_trace(model)
    assert [n.target for n in traced.graph.nodes if n.op == "call_module"][-2:] == ["layer", "out"]
    for other in (traced, copy.deepcopy(traced)):
        for given in ((tokens,), (tokens, torch.randn(1, 3, 7)), (tokens, None, lengths)):
            for a, b in zip(other(*given), model(*given), strict=True):
                assert torch.equal(a, b)
    with pytest.raises(UsageError, match=r"takes recurra\.Stack as one node"):
        torch.fx.symbolic_trace(Stack(3, 5))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_quantisation_says_what_it_leaves_alone() -> None:
    model = Model(as_table=False)
    with pytest.warns(UserWarning, match=r"no quantised recurra\.GRU, so this layer stays as it is.*bfloat16"):
        left = torch.ao.quantization.quantize_dynamic(model, {GRU})
    assert not hasattr(left.layer, "qconfig")
    tokens = torch.randint(0, 9, (3, 4))
    assert torch.equal(left(tokens)[0], model(tokens)[0])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.ao.quantization.quantize_dynamic(model, {nn.Linear})
    assert not [w for w in caught if "recurra" in str(w.message)]


@pytest.mark.parametrize("padding_idx", [0, 3, -1])
@pytest.mark.parametrize("engine", ["auto", "vendor", "reference"])
def test_a_padding_row_takes_no_gradient(engine: str, padding_idx: int) -> None:
    layer = Stack(5, 7, 2, cell="gru", bidirectional=True, engine=engine)
    tokens, table = torch.randint(0, 9, (3, 40)), torch.randn(9, 5, requires_grad=True)
    found = []
    for x in (
        Embedded(tokens, table, padding_idx),
        nn.functional.embedding(tokens, table, padding_idx),
        Embedded(tokens, table, padding_idx).dense(),
    ):
        y, _ = layer(x, lengths=torch.tensor([40, 1, 25]))
        found.append((y.detach(), *torch.autograd.grad(y.square().sum(), table)))
    for y, gradient in found[1:]:
        torch.testing.assert_close(found[0][0], y)
        torch.testing.assert_close(found[0][1], gradient, rtol=1e-4, atol=1e-5)
    assert not found[0][1][padding_idx].any()
    assert found[0][1].any(1).sum() == 8


def test_a_padding_row_compiled() -> None:
    model, tokens = Model(as_table=True), torch.randint(0, 9, (3, 40))
    torch.compile(model, backend="aot_eager")(tokens)[0].sum().backward()
    gradient = model.table.weight.grad.clone()
    model.zero_grad()
    model(tokens)[0].sum().backward()
    torch.testing.assert_close(gradient, model.table.weight.grad, rtol=1e-4, atol=1e-5)
    assert not gradient[0].any()


def test_tables_and_rows_that_are_none() -> None:
    layer, tokens = GRU(5, 7), torch.zeros(2, 3, dtype=torch.int64)
    for row in (9, -10, True, 1.0):
        with pytest.raises(ShapeError, match=rf"expected padding_idx from -9 to 8, got {row}"):
            layer(Embedded(tokens, torch.randn(9, 5), row))
    with pytest.raises(ShapeError, match=r"expected a table \[V, 5\], got Embedding: give its weight"):
        layer(Embedded(tokens, nn.Embedding(9, 5)))


def test_the_representation_shows_the_layout() -> None:
    assert repr(LSTM(3, 5, batch_first=True)) == "LSTM(3, 5, cell='lstm', batch_first=True)"
    assert repr(GRU(3, 5)) == "GRU(3, 5, cell='gru')"


@pytest.mark.parametrize(("own", "torchs"), [(LSTM, nn.LSTM), (GRU, nn.GRU), (RNN, nn.RNN)])
def test_weights_are_listed_as_torch_lists_them(own: Any, torchs: Any) -> None:
    for settings in ({}, {"bias": False}, {"num_layers": 2, "bidirectional": True}):
        ours, theirs = own(3, 5, **settings), torchs(3, 5, **settings)
        assert ours._all_weights == theirs._all_weights
        assert [[w.shape for w in ws] for ws in ours.all_weights] == [
            [w.shape for w in ws] for ws in theirs.all_weights
        ]
        assert ours.all_weights[0][0] is ours.weight_ih_l0
        assert ours.proj_size == theirs.proj_size


@pytest.mark.parametrize("shape", [(2, 5), (1, 1, 5), (5,)], ids=str)
def test_states_of_a_single_sequence_are_shown_as_they_were_given(shape: tuple[int, ...]) -> None:
    said = rf"expected state h \[L\*D, H\] of a single sequence = \[1, 5\], got {list(shape)}".replace(
        "got [", r"got \["
    )
    with pytest.raises(ShapeError, match=said):
        GRU(3, 5)(torch.randn(4, 3), torch.zeros(shape))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("kind", [RNNCell, LSTMCell, GRUCell])
def test_single_steps_are_modules_like_others(kind: Any) -> None:
    model, x = nn.Sequential(kind(3, 5)), torch.randn(2, 3)
    expected = model(x)
    copies = (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), torch.fx.symbolic_trace(model))  # noqa: S301
    for other in copies:
        for a, b in zip(other(x), expected, strict=True):
            assert torch.equal(a, b)
    parametrize.register_parametrization(model[0], "weight_hh", nn.Tanh())
    model[0].reset_parameters()
    (expected[0] if isinstance(expected, tuple) else expected).zero_()
    with pytest.warns(UserWarning, match=rf"no quantised recurra\.{kind.__name__}"):
        torch.ao.quantization.quantize_dynamic(copies[0], {kind})
