"""Layers, streams and networks in pickles and copies: the same bits again; cells by the place where they are found."""

from __future__ import annotations

import copy
import io
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from recurra.cells import catalogue
from recurra.cells.definition import Cell, cell
from recurra.cells.lstm import lstm
from recurra.engines.choose import explain_choice, names
from recurra.equations.symbols import R, W, b, sigmoid, tanh
from recurra.errors import CellError
from recurra.layers.dropins import GRU, LSTM, RNN
from recurra.layers.stack import Stack
from recurra.topologies.encoder_decoder import EncoderDecoder
from recurra.topologies.many_to_many import NextToken
from recurra.topologies.many_to_one import SequenceClassifier
from recurra.topologies.settings import ClassifierSettings, EncoderDecoderSettings, NextTokenSettings
from tests.laws.cells_for_tests import CELLS


def plain_function(x: Any, h: Any) -> Any:
    return tanh(W.h @ x + R.h @ h + b.h)


def made_here(slope: float) -> Cell:
    @cell(source="made in a function")
    def leaky_here(x: Any, h: Any) -> Any:
        h = slope * h + (1 - slope) * tanh(W.h @ x + R.h @ h + b.h)
        return h

    return leaky_here


of_a_function = cell(source="beside its function", name="own-name")(plain_function)
by_another_name = made_here(0.5)
renamed = Cell("renamed-lstm", "An LSTM", "elsewhere", lstm.function, {"f": 2.0})


class Holder:
    @cell(source="in a class")
    def inside(x: Any, h: Any) -> Any:
        h = sigmoid(W.h @ x + R.h @ h + b.h)
        return h


def through_torch(module: nn.Module) -> nn.Module:
    file = io.BytesIO()
    torch.save(module, file)
    file.seek(0)
    loaded: nn.Module = torch.load(file, weights_only=False)
    return loaded


def read(written: bytes) -> Any:
    return pickle.loads(written)  # noqa: S301


def again(thing: Any) -> list[Any]:
    """Copies by every way there is."""
    protocols = range(pickle.HIGHEST_PROTOCOL + 1)
    return [copy.copy(thing), copy.deepcopy(thing), *(read(pickle.dumps(thing, p)) for p in protocols)]


def engines_for(a_cell: Cell) -> list[str]:
    can = dict(explain_choice(a_cell, input_size=3, hidden_size=5))
    return [name for name in names() if can.get(name) is None]


@pytest.mark.parametrize(
    "a_cell", [*CELLS, of_a_function, by_another_name, renamed, Holder.inside], ids=lambda c: c.name
)
def test_a_layer_comes_back_with_its_bits(a_cell: Cell) -> None:
    for engine in engines_for(a_cell):
        torch.manual_seed(0)
        layer = Stack(3, 5, 2, cell=a_cell, engine=engine, bidirectional=True, learned_state=True, dropout=0.5).eval()
        x, lengths = torch.randn(4, 3, 3), torch.tensor([3, 2, 1, 3])
        y, last = layer(x, lengths=lengths)  # used before
        for other in [*again(layer), through_torch(layer)]:
            assert other.cell.function is a_cell.function
            assert (other.cell.name, other.cell.initial_bias) == (a_cell.name, a_cell.initial_bias)
            assert repr(other) == repr(layer)
            z, end = other(x, lengths=lengths)
            assert torch.equal(y, z)
            assert all(torch.equal(s, e) for s, e in zip(last, end, strict=True))


@pytest.mark.parametrize("kind", [RNN, LSTM, GRU])
def test_drop_ins_come_back(kind: Any) -> None:
    layer, x = nn.Sequential(nn.Linear(2, 3), kind(3, 5, 2, batch_first=True)), torch.randn(4, 6, 2)
    y, _ = layer(x)
    y.sum().backward()
    for other in [copy.deepcopy(layer), through_torch(layer)]:
        assert torch.equal(other(x)[0], y)
        other(x)[0].sum().backward()
        assert not any(p is q for p, q in zip(layer.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("engine", ["native", "vendor", "reference"])
def test_a_stream_goes_on_from_where_it_is(engine: str, dtype: torch.dtype) -> None:
    layer = Stack(3, 5, 2, engine=engine, dtype=dtype, learned_state=True)
    stream, steps = layer.stream(2), torch.randn(4, 2, 3, dtype=dtype)
    stream.step(steps[0])
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(1)  # which streams do not see
    copies = again(stream)
    for step in steps[1:]:
        y = stream.step(step).clone()
        for other in copies:
            assert torch.equal(other.step(step), y)
    for other in copies:
        assert all(torch.equal(a, c) for a, c in zip(stream.state, other.state, strict=True))


@pytest.mark.parametrize(
    "make",
    [
        lambda given: SequenceClassifier(11, 3, ClassifierSettings(**given)),
        lambda given: NextToken(11, NextTokenSettings(**given)),
        lambda given: EncoderDecoder(7, 7, EncoderDecoderSettings(**given)),
    ],
)
def test_networks_come_back(make: Any) -> None:
    network = make({"hidden_size": 6, "embedding_size": 6, "learned_state": True}).eval()
    for other in [copy.deepcopy(network), through_torch(network)]:
        for (name, value), (same, found) in zip(network.named_parameters(), other.named_parameters(), strict=True):
            assert name == same
            assert torch.equal(value, found)


def test_a_cell_is_not_copied() -> None:
    before = made_here(0.1).number
    for _ in range(3):
        assert copy.deepcopy(lstm) is lstm
        assert copy.deepcopy(Stack(3, 5, cell=renamed)).cell is renamed
        assert read(pickle.dumps(Stack(3, 5, cell=of_a_function))).cell is of_a_function
    assert made_here(0.1).number == before + 1


def test_a_cell_without_a_name_anywhere_is_refused() -> None:
    layer = Stack(3, 5, cell=made_here(0.25))
    with pytest.raises(CellError, match=r"'leaky-here' cannot be pickled.*\n.*top of a module, or give it to recurra"):
        pickle.dumps(layer)
    copy.deepcopy(layer)


def test_a_registered_cell_is_found_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "_cells", dict(catalogue._cells))
    written = pickle.dumps(Stack(3, 5, cell=catalogue.register(made_here(0.75))))
    assert read(written).cell is catalogue.get("leaky-here")
    catalogue._cells["leaky-here"] = made_here(0.7)
    with pytest.raises(CellError, match="other equations than the catalogue has now"):
        read(written)
    del catalogue._cells["leaky-here"]
    with pytest.raises(CellError, match="not registered here: unknown cell 'leaky-here'"):
        read(written)


def test_a_cell_that_changed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    here = sys.modules[__name__]
    written = pickle.dumps(Stack(3, 5, cell=by_another_name))
    monkeypatch.setattr(here, "by_another_name", made_here(0.4))
    with pytest.raises(CellError, match=r"pickled with other equations than .*by_another_name has now"):
        read(written)
    monkeypatch.delattr(here, "by_another_name")
    with pytest.raises(CellError, match=r"by_another_name, is not there"):
        read(written)


def test_another_process_reads_it(tmp_path: Path) -> None:
    layer, x = LSTM(3, 5, 2), torch.randn(6, 4, 3)
    torch.save((layer, x, layer(x)[0].detach()), tmp_path / "layer.pt")
    code = "import sys, torch; l, x, y = torch.load(sys.argv[1], weights_only=False); print(torch.equal(l(x)[0], y))"
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "layer.pt"], capture_output=True, text=True)
    assert done.stdout.strip() == "True", done.stderr
