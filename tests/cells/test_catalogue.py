"""The catalogue: torch's cells step by step, names, registration, layouts."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from recurra.cells import catalogue
from recurra.cells.definition import STORED, Cell, cell
from recurra.equations.graph import Parameter
from recurra.equations.interpret import run_program
from recurra.equations.symbols import R, W, b, sigmoid, tanh
from recurra.errors import UnknownNameError, UsageError


@pytest.fixture(autouse=True)
def _catalogue_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "_cells", dict(catalogue._cells))


def weights_of(which: Cell, stored: dict[str, Tensor]) -> dict[Parameter, Tensor]:
    """Each gate's rows of the stored weights."""
    return {
        Parameter(STORED[name], gate): rows
        for name, gates in which.layout().items()
        for gate, rows in zip(gates, stored[name].chunk(len(gates)), strict=True)
    }


TWINS = {
    "rnn": torch.nn.RNNCell(3, 5),
    "rnn-relu": torch.nn.RNNCell(3, 5, nonlinearity="relu"),
    "lstm": torch.nn.LSTMCell(3, 5),
    "gru": torch.nn.GRUCell(3, 5),
}


@pytest.mark.parametrize("name", TWINS)
def test_a_step_is_torchs_with_torchs_own_weights(name: str) -> None:
    which, twin = catalogue.get(name), TWINS[name].double()
    stored = dict(twin.named_parameters())
    assert {k: tuple(v.shape) for k, v in stored.items()} == which.shapes(3, 5)
    assert list(stored) == list(which.shapes(3, 5))
    x, states = torch.randn(2, 3).double(), tuple(torch.randn(2, 5).double() for _ in which.states)
    expected = twin(x, states if len(states) > 1 else states[0])
    program = which.program()
    values = run_program(program, x, states, weights_of(which, stored))
    for output, theirs in zip(program.outputs, expected if isinstance(expected, tuple) else (expected,), strict=True):
        torch.testing.assert_close(values[output], theirs, rtol=1e-12, atol=1e-12)


def sigma(v: float) -> float:
    return float(torch.tensor(v, dtype=torch.float64).sigmoid())


def tanh_of(v: float) -> float:
    return float(torch.tensor(v, dtype=torch.float64).tanh())


def by_hand(name: str, x: float, h: float, c: float) -> tuple[float, ...]:
    """One unit and one input, every weight 0.5, from the papers' formulas."""
    w = 0.5
    gate = sigma(w * x + w * h + w)
    candidate = tanh_of(w * x + w * h + w)
    match name:
        case "peephole-lstm":
            i = f = sigma(w * x + w * h + w * c + w)
            c = f * c + i * candidate
            return sigma(w * x + w * h + w * c + w) * tanh_of(c), c
        case "coupled-lstm":
            c = (1 - gate) * c + gate * candidate
            return gate * tanh_of(c), c
        case "gru-cho":
            return (gate * h + (1 - gate) * tanh_of(w * x + w * (gate * h) + w),)
        case "minimal-gru":
            return ((1 - gate) * h + gate * tanh_of(w * x + w * (gate * h) + w),)
    raise AssertionError(name)


@pytest.mark.parametrize("name", ["peephole-lstm", "coupled-lstm", "gru-cho", "minimal-gru"])
def test_a_step_of_the_others_by_hand(name: str) -> None:
    which = catalogue.get(name)
    stored = {k: torch.full(shape, 0.5, dtype=torch.float64) for k, shape in which.shapes(1, 1).items()}
    x, h, c = 0.3, -0.8, 1.2
    states = [torch.tensor([[v]], dtype=torch.float64) for v in (h, c)[: len(which.states)]]
    program = which.program()
    values = run_program(program, torch.tensor([[x]], dtype=torch.float64), states, weights_of(which, stored))
    assert [values[o].item() for o in program.outputs] == pytest.approx(by_hand(name, x, h, c), rel=1e-12)


def test_each_cell_cites_its_source_and_has_a_title() -> None:
    assert catalogue.names()[: len(catalogue.BUILT_IN)] == [
        "rnn", "rnn-relu", "indrnn", "lstm", "peephole-lstm", "coupled-lstm", "lstm-projected", "lstm-layernorm",
        "slstm", "janet", "gru",
        "gru-cho", "gru-layernorm", "minimal-gru", "fast-grnn", "ugrnn", "intersection-rnn", "min-gru", "min-lstm",
        "sru", "qrnn", "rg-lru", "ctrnn", "cfc",
    ]  # fmt: skip
    for which in catalogue.BUILT_IN:
        assert any(year in which.source for year in ("19", "20")), which.name
        assert which.title


def test_layouts_without_biases() -> None:
    lstm = catalogue.get("lstm")
    assert list(lstm.layout(bias=False)) == ["weight_ih", "weight_hh"]
    assert list(catalogue.get("peephole-lstm").layout(bias=False)) == ["weight_ih", "weight_hh", "weight_ph"]
    assert catalogue.get("peephole-lstm").shapes(3, 5)["weight_ph"] == (15,)


def mine(name: str = "mine", factor: float = 1.0) -> Cell:
    @cell(name=name)
    def own(x: Any, h: Any) -> Any:
        z = sigmoid(W.z @ x + R.z @ h + b.z)
        return (1 - z) * h + factor * z * tanh(W.n @ x)

    return own


def test_a_cell_of_ones_own_is_found_by_name_once_registered() -> None:
    with pytest.raises(UnknownNameError):
        catalogue.get("mine")
    own = catalogue.register(mine())
    assert catalogue.get("mine") is own
    assert catalogue.get(own) is own
    assert catalogue.names()[-1] == "mine"
    assert repr(own) == "<cell mine: states h>"


def test_the_same_equations_may_be_registered_again_others_not() -> None:
    catalogue.register(mine())
    again = catalogue.register(mine())
    assert catalogue.get("mine") is again
    with pytest.raises(UsageError, match="a cell named 'mine' is there already"):
        catalogue.register(mine(factor=2.0))


def test_a_built_in_name_is_taken() -> None:
    with pytest.raises(UsageError, match="a cell named 'lstm' is there already"):
        catalogue.register(mine("lstm"))
    assert catalogue.register(catalogue.get("lstm")) is catalogue.get("lstm")


def test_an_unknown_name_has_its_nearest() -> None:
    with pytest.raises(UnknownNameError, match="unknown cell 'peephole_lstm'; did you mean 'peephole-lstm'"):
        catalogue.get("peephole_lstm")


def test_a_functions_name_gives_the_cells() -> None:
    @cell()
    def two_words(x: Any, h: Any) -> Any:
        return tanh(W.h @ x + R.h @ h)

    assert (two_words.name, two_words.title, two_words.source) == ("two-words", "two_words", "")
