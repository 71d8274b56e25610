from __future__ import annotations

import dataclasses

import pytest
import torch

from recurra.cells.catalogue import BUILT_IN, get
from recurra.cells.definition import Cell
from recurra.engines.choose import ENGINES, choose, explain_choice, names
from recurra.engines.native import library
from recurra.engines.reference import Reference
from recurra.engines.request import CellWeights, Engine, Request, State
from recurra.errors import EngineError, UnknownNameError
from recurra.recurrence import stream

TORCH_HAS = {"lstm", "gru", "rnn", "rnn-relu"}


def request(cell_name: str, batch: int = 2, mask: bool = False) -> Request:
    cell = get(cell_name)
    weights = CellWeights(**{n: torch.zeros(s) for n, s in cell.shapes(3, 4).items()})
    state = tuple(torch.zeros(batch, 4) for _ in cell.states)
    return Request(
        cell, weights, torch.zeros(batch, 2, 3), state, recurrent_mask=torch.ones(batch, 4) if mask else None
    )


def test_names_are_one_list() -> None:
    assert names() == ["auto", *(e.name for e in ENGINES)]
    assert len(set(names())) == len(names())
    assert names()[-1] == "reference", "the slow one is asked last"


@pytest.fixture
def no_native(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECURRA_NATIVE", "off")
    library.read_environment_again()


def test_auto_takes_native_on_a_cpu() -> None:
    for cell in BUILT_IN:
        assert choose(request(cell.name)).name == "native"
        assert choose(request(cell.name, batch=0, mask=True)).name == "native"


@pytest.mark.usefixtures("no_native")
def test_auto_takes_the_next_that_can() -> None:
    for cell in BUILT_IN:
        chosen = choose(request(cell.name)).name
        assert chosen == ("vendor" if cell.name in TORCH_HAS else "reference")
    assert choose(request("lstm", batch=0)).name == "reference"
    assert choose(request("lstm", mask=True)).name == "reference"


def test_the_reference_can_always() -> None:
    for cell in BUILT_IN:
        assert choose(request(cell.name, batch=0, mask=True), "reference").name == "reference"


def test_an_engine_that_cannot_says_why() -> None:
    with pytest.raises(EngineError, match="engine 'vendor' cannot run gru-cho: torch has no gru-cho"):
        choose(request("gru-cho"), "vendor")
    half = request("gru")
    half = dataclasses.replace(half, weights=CellWeights(**{n: w.half() for n, w in half.weights.present().items()}))
    with pytest.raises(EngineError, match=r"engine 'native' cannot run gru: .* the weights are torch.float16"):
        choose(half, "native")
    with pytest.raises(UnknownNameError, match="did you mean 'reference'"):
        choose(request("gru"), "referense")


def test_explaining_gives_every_engine_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    every = [("native", None), ("vendor", None), ("reference", None)]
    assert explain_choice(get("lstm"), input_size=3, hidden_size=4) == every
    monkeypatch.setenv("RECURRA_NATIVE", "off")
    library.read_environment_again()
    reasons = dict(explain_choice(get("minimal-gru"), input_size=3, hidden_size=4, bias=False))
    assert reasons["reference"] is None
    assert reasons["native"] == "RECURRA_NATIVE=off"
    assert reasons["vendor"] == "torch has no minimal-gru (it has lstm, gru, rnn, rnn-relu)"


@pytest.mark.parametrize("native", [True, False])
def test_a_cell_of_another_name_keeps_its_engine(native: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not native:
        monkeypatch.setenv("RECURRA_NATIVE", "off")
        library.read_environment_again()
    for name in TORCH_HAS:
        same = get(name)
        asked = dataclasses.replace(request(name), cell=Cell("of-my-own", same.title, same.source, same.function))
        assert choose(asked).name == ("native" if native else "vendor")


class _Doubled(Engine):
    """An engine that has no stream of its own: the outputs of `reference`, doubled."""

    name = "doubled"

    def why_not(self, request: Request) -> str | None:
        return None

    def run(self, request: Request) -> tuple[torch.Tensor, State]:
        y, last = Reference().run(request)
        return 2 * y, last


def test_an_engine_without_a_stream_of_its_own_steps_through_its_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recurra.engines.choose.ENGINES", (_Doubled(),))
    asked = request("gru")
    asked = dataclasses.replace(
        asked, weights=CellWeights(**{n: torch.randn(w.shape) for n, w in asked.weights.present().items()})
    )
    x = torch.randn(2, 3, asked.weights.weight_ih.shape[1])
    state = tuple(torch.zeros(2, asked.hidden_size) for _ in asked.state)
    y, _ = Reference().run(dataclasses.replace(asked, x=x, state=state))
    steps = stream(asked.cell, asked.weights, state, engine="doubled")
    torch.testing.assert_close(torch.stack([steps.step(x[:, t]) for t in range(3)], 1), 2 * y)
