"""What records a layer, by tracing or exporting, holds its operator: other numbers, of other sizes, come out right."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx

from recurra.engines.native import library
from recurra.engines.native.compiled import by_key
from recurra.engines.request import Embedded
from recurra.errors import EngineError
from recurra.layers.stack import Stack
from tests.laws.cells_for_tests import three_state

pytestmark = [
    pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning"),
    pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning"),
]


class Model(nn.Module):
    """Takes vectors, or tokens of 5 kinds, and lengths."""

    def __init__(self, engine: str = "auto", cell: Any = "gru", *, tokens: bool = False) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.stack = Stack(3, 5, 2, cell=cell, bidirectional=True, engine=engine)
        self.table = nn.Parameter(torch.randn(5, 3)) if tokens else None

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        y, last = self.stack(x if self.table is None else Embedded(x, self.table), lengths=lengths)
        return torch.cat([y.flatten(), *(s.flatten() for s in last)])


def given(batch: int, time: int, *, tokens: bool = False) -> tuple[Tensor, Tensor]:
    torch.manual_seed(batch)
    lengths = 1 + torch.arange(batch) % time
    return (torch.randint(0, 5, (batch, time)) if tokens else torch.randn(batch, time, 3)), lengths


@pytest.mark.parametrize("gradients", [True, False], ids=["with gradients", "no_grad"])
@pytest.mark.parametrize("tokens", [False, True], ids=["vectors", "tokens"])
@pytest.mark.parametrize("engine", ["native", "vendor"])
def test_jit_trace(engine: str, tokens: bool, gradients: bool) -> None:
    model = Model(engine, tokens=tokens)
    with torch.set_grad_enabled(gradients):
        traced = torch.jit.trace(model, given(4, 6, tokens=tokens))
    for sizes in ((4, 6), (2, 9), (7, 1)):
        x, lengths = given(*sizes, tokens=tokens)
        found, expected = traced(x, lengths), model(x, lengths)
        torch.testing.assert_close(found, expected, rtol=0, atol=0)
        weights = list(model.parameters())
        for one, other in zip(
            torch.autograd.grad(found.sum(), weights), torch.autograd.grad(expected.sum(), weights), strict=True
        ):
            torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_a_trace_of_the_equations_is_of_its_number_of_steps() -> None:
    model = Model("reference")
    traced = torch.jit.trace(model, given(4, 6))
    torch.testing.assert_close(traced(*given(7, 6)), model(*given(7, 6)))
    with pytest.raises(RuntimeError, match="Expected 6 elements in a list but found 9"):
        traced(*given(2, 9))


def test_a_trace_checks_what_it_is_given() -> None:
    traced = torch.jit.trace(Model(), given(4, 6))
    x, lengths = given(4, 6)
    for wrong, says in (
        ((x[..., :2], lengths), r"expected x \[B, T, 3\], got \[4, 6, 2\]"),
        ((x.double(), lengths), "x is torch.float64, the weights are torch.float32"),
        ((x, lengths + 1), "expected lengths from 1 to T = 6, got 2 to 5|got 2 to 7"),
    ):
        if says.startswith("expected lengths"):
            wrong = (x, lengths + 6)
            says = "expected lengths from 1 to T = 6, got 7 to 10"
        with pytest.raises(RuntimeError, match=says):
            traced(*wrong)
    traced = torch.jit.trace(Model(tokens=True), given(4, 6, tokens=True))
    with pytest.raises(RuntimeError, match="tokens reach from 9 to 9, the table has rows 0 to 4"):
        traced(torch.full((4, 6), 9), lengths)


@pytest.mark.parametrize("pre_dispatch", [False, True])
def test_make_fx(pre_dispatch: bool) -> None:
    model = Model()
    graph = make_fx(model, pre_dispatch=pre_dispatch)(*given(4, 6))
    assert any("recurra.layer" in str(n.target) for n in graph.graph.nodes)
    torch.testing.assert_close(graph(*given(4, 6)), model(*given(4, 6)))
    x, lengths = given(4, 6)
    torch.testing.assert_close(graph(x * 2, lengths.flip(0)), model(x * 2, lengths.flip(0)))


@pytest.mark.parametrize("tokens", [False, True], ids=["vectors", "tokens"])
def test_export_of_any_sizes(tokens: bool) -> None:
    model, sizes = Model(tokens=tokens), {0: torch.export.Dim("batch"), 1: torch.export.Dim("time")}
    batch = {0: sizes[0]}
    program = torch.export.export(model, given(4, 6, tokens=tokens), dynamic_shapes=(sizes, batch), strict=False)
    for other in ((2, 9), (7, 3)):
        x, lengths = given(*other, tokens=tokens)
        torch.testing.assert_close(program.module()(x, lengths), model(x, lengths), rtol=0, atol=0)


@pytest.mark.parametrize("engine", ["vendor", pytest.param("reference", marks=pytest.mark.slow)])
def test_export_of_the_other_engines(engine: str) -> None:
    model = Model(engine)
    program = torch.export.export(model, given(4, 6), strict=False)
    x, lengths = given(4, 6)
    torch.testing.assert_close(program.module()(x, lengths.flip(0)), model(x, lengths.flip(0)))


OTHER_MACHINE = """
import sys, recurra, torch, tests.laws.cells_for_tests
program = torch.export.load(sys.argv[1] + ".pt2")
y = program.module()(*torch.load(sys.argv[1] + ".in"))
torch.save([y, *torch.autograd.grad(y.sum(), list(program.module().parameters()))], sys.argv[1] + ".out")
"""


@pytest.fixture(scope="module")
def exported() -> tuple[Model, torch.export.ExportedProgram]:
    model = Model(cell=three_state)
    return model, torch.export.export(model, given(4, 6), strict=False)


def assert_is_of(model: Model, found: list[Tensor]) -> None:
    y = model(*given(4, 6))
    expected = [y, *torch.autograd.grad(y.sum(), list(model.parameters()))]
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_an_exported_program_runs_in_another_process(
    exported: tuple[Model, torch.export.ExportedProgram], tmp_path: Path
) -> None:
    """That only imported recurra, and the cell; there is no compiled core."""
    model, program = exported
    torch.export.save(program, str(tmp_path / "model.pt2"))
    torch.save(given(4, 6), tmp_path / "model.in")
    here = os.environ | {"RECURRA_NATIVE": "off", "PYTHONPATH": str(Path(__file__).parents[3])}
    call = [sys.executable, "-W", "ignore", "-c", OTHER_MACHINE, str(tmp_path / "model")]
    done = subprocess.run(call, env=here, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert_is_of(model, torch.load(tmp_path / "model.out"))


@pytest.mark.parametrize("variant", ["portable", "off"])
def test_an_exported_program_runs_with_any_variant(
    variant: str, exported: tuple[Model, torch.export.ExportedProgram], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, program = exported
    monkeypatch.setenv("RECURRA_NATIVE", variant)
    library.read_environment_again()
    y = program.module()(*given(4, 6))
    found = [y, *torch.autograd.grad(y.sum(), list(program.module().parameters()))]
    monkeypatch.undo()
    library.read_environment_again()
    assert_is_of(model, found)


def test_a_cell_that_is_not_there() -> None:
    with pytest.raises(EngineError, match="made with the cell 'my-own', which is not defined here"):
        by_key("my-own-0123456789abcdef-bias-whole")
    with pytest.raises(EngineError, match="made with other equations of 'gru' than are defined here"):
        by_key("gru-0123456789abcdef-bias-whole")


@pytest.mark.parametrize("order", ["recurra, torch", pytest.param("recurra.recurrence", marks=pytest.mark.slow)])
def test_operators_are_known_once_recurra_is_imported(order: str) -> None:
    code = f"import {order}, torch; torch.ops.recurra.layer.default, torch.ops.recurra.layer_backward.default"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=100)


def test_names_in_graphs_say_nothing_of_the_machine() -> None:
    graph = make_fx(Model())(*given(4, 6))
    keys = {n.args[0] for n in graph.graph.nodes if "recurra.layer" in str(n.target)}
    assert keys
    for key in keys:
        assert not any(variant in key.split("-") for variant in library.VARIANTS)


def test_tensors_without_numbers() -> None:
    """Fake and meta tensors, with lengths and tokens: shapes come out, and nobody asks for numbers."""
    for engine in ("auto", "native", "vendor", "reference"):
        with FakeTensorMode():
            for tokens in (False, True):
                assert Model(engine, tokens=tokens)(*given(4, 6, tokens=tokens)).shape == (4 * 6 * 10 + 4 * 4 * 5,)
    with torch.device("meta"):
        for tokens in (False, True):
            model = Model(tokens=tokens)
            found = model(*given(4, 6, tokens=tokens))
            assert found.device.type == "meta"
            assert found.shape == (4 * 6 * 10 + 4 * 4 * 5,)
            x, _ = given(4, 6, tokens=tokens)
            assert model(x, torch.ones(4, dtype=torch.int64, device="cpu")).shape == found.shape


@pytest.mark.parametrize("look", [lambda f: f, torch.func.functionalize], ids=["", "functionalize"])
def test_a_mode_that_looks_on(look: Callable[[Any], Any]) -> None:
    from torch.utils.flop_counter import FlopCounterMode

    model = Model()
    with FlopCounterMode(display=False):
        found = look(model)(*given(4, 6))
    torch.testing.assert_close(found, model(*given(4, 6)))
