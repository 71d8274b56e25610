"""The steps of tasks: what they have to do, counted by hand, and that both sides do the same."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from recurra.bench import task_step
from recurra.bench.arithmetic import whole
from recurra.bench.cases import Case, plan
from recurra.bench.counted import counted, counted_update
from recurra.bench.examples import EXAMPLES
from recurra.bench.record import Request, Row
from recurra.bench.run import run
from recurra.bench.table import tables
from recurra.engines.request import Embedded
from recurra.layers.stack import Stack
from recurra.topologies.attention import Attention
from recurra.training.muon import EVERY
from recurra.training.optimizer import optimizer_of
from recurra.training.settings import TrainingSettings

CASES = {case.task: case for case in plan(["step"], precision="float32") if case.task is not None}


class Reader(nn.Module):
    """A table, two layers in both directions, an output."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(7, 3))
        self.stack = Stack(3, 4, 2, cell="gru", bidirectional=True)
        self.head = nn.Linear(8, 5)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        found: Tensor = self.head(self.stack(Embedded(tokens, self.table), lengths=lengths)[0])
        return found


@pytest.mark.parametrize("engine", ["native", "vendor"])
def test_products_are_counted_whichever_engine_runs(engine: str) -> None:
    network = Reader()
    network.stack.engine = engine
    tokens, lengths = torch.randint(7, (5, 6)), torch.tensor([6, 2, 3, 6, 1])
    found, rows = counted(network, lambda: network(tokens, lengths), "float32"), 18
    first, second = 3 * (7 * 3 + rows * 4), 3 * (rows * 8 + rows * 4)  # of 7 table rows, of all outputs below
    assert found.work.flops == 3 * 2 * (4 * 2 * (first + second) + 5 * 6 * 8 * 5)
    below, above = (whole(network.stack.cell, width, 4, rows=rows, precision="float32") for width in (3, 8))
    assert found.elementwise == 2 * (below.elementwise + above.elementwise)
    assert found.moved == 2 * (below.moved - 4 * 3 * 3 * (rows - 7) + above.moved)  # a table is read once
    update = counted_update(torch.optim.SGD(network.parameters()))
    assert found.whole(update).products == found.work.flops
    assert not network.stack._forward_hooks
    assert not network.stack._forward_pre_hooks


def test_products_of_an_attention_are_counted_whatever_computes_them() -> None:
    torch.manual_seed(0)
    attention, found = Attention("additive", 4, 6), []
    queries, memory = torch.randn(3, 5, 4), attention.remember(torch.randn(3, 7, 6), torch.tensor([7, 3, 1]))
    for engine in ("auto", "vendor"):
        attention.engine = engine
        found.append(counted(attention, lambda: attention(queries, memory), "float32").work.flops)
    assert found == 2 * [3 * 2 * 3 * 5 * (4 * 4 + 7 * 6)]  # of the queries, and of what is looked at


def test_products_of_an_optimizer_are_counted_too() -> None:
    network = nn.Module()
    network.stack = Stack(3, 4, cell="gru")
    plain = optimizer_of(network, TrainingSettings(optimizer="adamw"))
    muon = optimizer_of(network, TrainingSettings(optimizer="muon"))
    for weight in network.parameters():
        weight.grad = torch.randn_like(weight)
    assert counted_update(plain).flops == 0
    square, flat = 2 * 4 * 4 * 4 * 3, 2 * (2 * 3 * 4 * 3 + 3 * 3 * 3)
    assert counted_update(muon).flops == 3 * 3 * (square + flat) // EVERY  # of three gates, three iterations


def test_every_step_of_a_task_has_an_example() -> None:
    assert set(CASES) == set(EXAMPLES) == {"classify", "tag", "translate", "forecast", "language"}
    half = {case.task for case in plan(["step"], precision="bfloat16")}
    assert half >= set(CASES)


def measured(case: Case) -> Row:
    (row,) = run([case], Request(), matrix_side=32).rows
    return row


def test_the_step_of_a_translator_is_that_of_many_pairs() -> None:
    trainee, _ = task_step.prepared(CASES["translate"], "auto")
    assert trainee.network.copying is None


@pytest.mark.parametrize(
    "task", ["classify", *(pytest.param(t, marks=pytest.mark.slow) for t in CASES if t != "classify")]
)
def test_a_task_beside_the_same_network_on_torchs_layers(task: str) -> None:
    row = measured(CASES[task])
    assert (row.status, row.reason) == ("measured", None)
    assert row.case.title.startswith(str(row.case.shape))
    assert task in row.case.title
    assert row.ratio is not None
    assert row.roofline_share is not None
    assert row.difference is not None
    assert row.difference < 1e-5
    assert row.whole_by in ("arithmetic", "memory")
    assert row.whole_share is not None
    assert row.whole_ms == pytest.approx(row.whole_share * (row.recurra_ms or 0))
    (table, *_) = tables([row])
    assert table.rows[0][-2:] == (f"{100 * row.whole_share:.0f} %", row.whole_by)
    assert len(table.rows[0]) == len(table.head)
    assert Row.from_json(row.to_json()) == row
    old = row.to_json()
    del old["task"]  # documents of before
    assert Row.from_json(old).case.task is None


def test_another_network_differs_and_has_no_times(monkeypatch: pytest.MonkeyPatch) -> None:
    step = task_step.PlainLoop.step

    def other(self: task_step.PlainLoop, index: int) -> None:
        with torch.no_grad():
            self.network.head.bias += 0.5 * torch.arange(18)
        step(self, index)

    monkeypatch.setattr(task_step.PlainLoop, "step", other)
    row = measured(CASES["classify"])
    assert (row.status, row.ratio) == ("differs", None)
    assert "the losses of the first 3 steps" in str(row.reason)


def test_what_a_task_lacks_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from recurra.errors import UsageError
    from recurra.tasks.classify.task import ClassifyTask

    def missing(*_: object, **__: object) -> None:
        raise UsageError("needs the package x")

    monkeypatch.setattr(ClassifyTask, "prepare", missing)
    row = measured(CASES["classify"])
    assert (row.status, row.reason) == ("not run", "needs the package x")
