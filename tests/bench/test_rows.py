"""What each kind of measurement gives. No time is asserted."""

from __future__ import annotations

import math
from importlib import import_module
from typing import Any

import pytest
import torch

from recurra.bench import keras_peer, onnx_peer
from recurra.bench.cases import GALLERY, LINEAR, PLAIN, VARIANTS
from recurra.bench.loops import LOOPS, own_cell
from recurra.bench.machine import has_bfloat16
from recurra.bench.parts import REST, SPANS
from recurra.bench.record import Document, Row
from recurra.cells import catalogue
from recurra.engines.choose import names
from recurra.layers.stack import Stack


def check(row: Row) -> None:
    """Everything is there, positive and consistent."""
    assert (row.status, row.reason) == ("measured", None)
    assert row.engine in names()
    for value in (
        row.recurra_ms,
        row.peer_ms,
        row.ratio,
        row.gflops,
        row.peer_gflops,
        row.roofline_ms,
        row.roofline_share,
    ):
        assert value is not None
        assert 0 < value < math.inf
    assert row.ratio == pytest.approx(row.peer_ms / row.recurra_ms)
    assert row.ratio == pytest.approx(row.gflops / row.peer_gflops)
    assert row.roofline_share == pytest.approx(row.roofline_ms / row.recurra_ms)
    assert row.spread[0] <= row.spread[1]
    assert row.difference >= 0


@pytest.fixture
def torch_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras_peer, "why_not", lambda: "Keras: not installed")
    monkeypatch.setattr(onnx_peer, "why_not", lambda: "ONNX Runtime: not installed")


@pytest.mark.usefixtures("torch_alone")
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("kind", ["training", "inference"])
def test_layers(kind: str, precision: str, bench) -> None:
    document = bench(kind, precision=precision)
    assert [(row.case.cell, row.peer) for row in document.rows] == [(cell, "torch.nn") for cell in PLAIN]
    for row in document.rows:
        check(row)
        assert (row.variant is None) == (precision == "float32")
    assert document.skipped[0] == "Keras: not installed"
    assert set(document.rates) == {precision if has_bfloat16() else "float32"}
    assert set(document.bandwidth) == {256 * 1024}


def test_ragged(bench) -> None:
    rows = bench("ragged", "9x4x3x5").rows
    assert [(row.case.cell, row.case.directions, row.peer) for row in rows] == [
        ("lstm", 1, "torch packed"),
        ("lstm", 1, "torch padded"),
        ("gru", 2, "torch packed"),
        ("gru", 2, "torch padded"),
    ]
    for row in rows:
        check(row)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_cells_that_torch_has_not(precision: str, bench) -> None:
    cells = VARIANTS if precision == "float32" else VARIANTS[-1:]
    rows = bench("cells", "3x3x4x6", precision=precision, cells=cells).rows
    assert [row.case.cell for row in rows] == list(cells)
    for row in rows:
        check(row)
        assert row.relative > 0


def test_the_whole_catalogue_beside_our_lstm(bench) -> None:
    rows = bench("gallery", "3x3x4x6", cells=["sru", "slstm", "lstm"]).rows
    assert [row.case.cell for row in rows] == [cell for cell in GALLERY if cell in ("sru", "slstm", "lstm")]
    for row in rows:
        assert row.peer == "our lstm"
        assert row.status == "measured"
        assert row.relative > 0
        assert row.relative_all > 0
        assert row.whole_share == pytest.approx(row.whole_ms / row.recurra_ms)
        assert row.whole_by in ("arithmetic", "memory")


def test_cells_without_a_recurrent_product(bench) -> None:
    rows = bench("linear", "5x2x4x6").rows
    assert [(row.case.cell, row.peer) for row in rows] == [
        (cell, peer) for cell in LINEAR for peer in ("torch time loop", "our gru")
    ]
    for row in rows:
        assert row.ratio > 0
    for row in rows[::2]:
        check(row)


def test_every_variant_has_a_loop_and_ours_is_in_no_catalogue() -> None:
    assert set(LOOPS) == {*VARIANTS, *LINEAR}
    assert own_cell.name not in catalogue.names()


def test_accuracy(bench) -> None:
    rows = bench("accuracy", "20x3x4x6").rows
    assert [row.case.cell for row in rows] == [*PLAIN, *VARIANTS]
    for row in rows:
        assert 0 < row.error < 2e-6
        assert row.error_of
        assert (row.peer_error is None) == (row.case.cell not in PLAIN)
        assert row.ratio is None
    for row in bench("accuracy", "20x3x4x6", precision="bfloat16", cells=["peephole-lstm"]).rows:
        assert 1e-4 < row.error < 5e-2


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_whole_training_step(precision: str, bench) -> None:
    cells = PLAIN if precision == "float32" else ("lstm",)
    rows = bench("step", precision=precision, cells=cells).rows
    assert [row.case.cell for row in rows] == list(cells)
    for row in rows:
        check(row)
        assert set(row.parts) == {*SPANS, REST}
        assert sum(row.parts.values()) == pytest.approx(1)
        assert min(row.parts.values()) >= 0


def test_no_hook_is_left_by_the_parts(bench) -> None:
    tables = hook_tables()
    bench("step", cells=["rnn"])
    assert hook_tables() == tables == dict.fromkeys(tables, 0)
    weight = torch.nn.Parameter(torch.ones(2))
    weight.sum().backward()
    torch.optim.SGD([weight]).step()


def hook_tables() -> dict[str, int]:
    """How many hooks torch holds for all modules and all optimizers, by table."""
    indices = (import_module("torch.nn.modules.module"), import_module("torch.optim.optimizer"))
    found = {n: v for place in indices for n, v in vars(place).items() if n.startswith("_global_") and "hooks" in n}
    assert {"_global_forward_hooks", "_global_backward_hooks", "_global_optimizer_pre_hooks"} <= found.keys()
    return {name: len(table) for name, table in found.items()}


def test_an_engine_that_cannot_says_why(bench) -> None:
    rows = bench("cells", engine="vendor", cells=["gru-cho"]).rows
    assert [row.status for row in rows] == ["not run"]
    assert "torch has no gru-cho" in rows[0].reason
    (row,) = bench("accuracy", engine="vendor", cells=["gru-cho"]).rows
    assert (row.status, row.error) == ("not run", None)


def test_the_reference_engine_can_be_asked_for(bench) -> None:
    for kind in ("inference", "ragged", "step"):
        rows = bench(kind, "2x2x3x4", engine="reference", cells=["lstm"]).rows
        assert {(row.engine, row.status) for row in rows} == {("reference", "measured")}


def test_a_document_comes_back_from_json(bench) -> None:
    for kind in ("ragged", "accuracy", "step"):
        document = bench(kind, "2x2x3x4", cells=["lstm"])
        again = Document.from_json(document.to_json())
        assert again.rows == document.rows
        assert again.to_json() == document.to_json()


class Dataset:
    """A stream as a Stack gives one, by way of its forward; with `forgets` it is wrong."""

    forgets = False

    def __init__(self, stack: Stack, batch: int) -> None:
        self.stack, self.state = stack, stack.initial_state(batch)
        self.y = torch.empty(batch, stack.hidden_size)

    def step(self, x: torch.Tensor) -> torch.Tensor:
        y, state = self.stack(x.unsqueeze(1), self.state)
        self.state = self.state if self.forgets else state
        return self.y.copy_(y[:, 0])


@pytest.fixture
def streams(monkeypatch: pytest.MonkeyPatch) -> type[Dataset]:
    def stream(self: Stack, *, batch: int = 1) -> Any:
        return Dataset(self, batch)

    monkeypatch.setattr(Stack, "stream", stream, raising=False)
    return Dataset


def test_streaming(bench, streams: type[Dataset]) -> None:
    rows = bench("stream", "6x1x3x4").rows
    assert [(row.case.cell, row.peer) for row in rows] == [(c, p) for c in PLAIN for p in ("torch cell", "torch.nn")]
    for row in rows:
        check(row)


def test_a_stream_is_compared_over_all_its_steps(bench, streams: type[Dataset], monkeypatch) -> None:
    monkeypatch.setattr(streams, "forgets", True)
    assert {row.status for row in bench("stream", "6x2x3x4").rows} == {"differs"}


def test_without_streaming_it_is_said(bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(Stack, "stream", raising=False)
    document = bench("stream")
    assert list(document.rows) == []
    assert document.skipped == ["streaming: not available"]


@pytest.mark.slow
@pytest.mark.skipif(keras_peer.why_not() is not None, reason=str(keras_peer.why_not()))
@pytest.mark.parametrize("kind", ["training", "inference"])
def test_keras(kind: str, bench) -> None:
    rows = [row for row in bench(kind, keras=True).rows if row.peer == "Keras"]
    assert [row.case.cell for row in rows] == list(PLAIN)
    for row in rows:
        check(row)


@pytest.mark.skipif(onnx_peer.why_not() is not None, reason=str(onnx_peer.why_not()))
def test_onnx_runtime(bench) -> None:
    rows = [row for row in bench("inference").rows if row.peer == "ONNX Runtime"]
    assert [row.case.cell for row in rows] == list(PLAIN)
    for row in rows:
        check(row)
