"""The kinds of work that run whole layers: training, inference, ragged batches, cells that torch has not."""

from __future__ import annotations

from dataclasses import replace

import torch

from recurra.bench import keras_peer, onnx_peer, onnx_turns, recurra_side, torch_peers
from recurra.bench.cases import Case
from recurra.bench.compare import Side, compare, timed
from recurra.bench.loops import LOOPS
from recurra.bench.machine import Rates
from recurra.bench.record import Request, Row
from recurra.bench.timing import interleaved
from recurra.errors import EngineError


def training(case: Case, asked: Request, rates: Rates) -> list[Row]:
    """Forward and backward, dx and dW included, beside torch.nn and Keras."""
    layers, given = recurra_side.stack(case, asked.engine), recurra_side.batch(case)
    engine = recurra_side.engine_that_runs(layers, given.x, case.precision)
    work = recurra_side.work_of(case, given, training=True)
    peers = {"torch.nn": torch_peers.training(case, layers, given)}
    try:
        own = recurra_side.training(layers, given, case.precision)
    except EngineError as error:
        return _cannot(case, engine, list(peers), error)
    rows = compare(case, engine, own, peers, work=work, rates=rates, repeats=asked.repeats)
    if case.precision == "float32" and keras_peer.why_not() is None:
        peer = {"Keras": [keras_peer.training(case, layers, given, asked.threads)]}
        rows += compare(case, engine, own, peer, work=work, rates=rates, repeats=asked.repeats)
    return rows


def inference(case: Case, asked: Request, rates: Rates) -> list[Row]:
    """Forward alone, beside torch.nn, Keras and ONNX Runtime."""
    layers, given = recurra_side.stack(case, asked.engine), recurra_side.batch(case)
    layers.eval()
    engine = recurra_side.engine_that_runs(layers, given.x, case.precision)
    work = recurra_side.work_of(case, given, training=False)
    own = recurra_side.inference(layers, given, case.precision)
    contests: list[dict[str, list[Side]]] = [{"torch.nn": torch_peers.inference(case, layers, given)}]
    if case.precision == "float32" and keras_peer.why_not() is None:
        contests.append({"Keras": [keras_peer.inference(case, layers, given, asked.threads)]})
    rows = [
        row
        for peers in contests
        for row in compare(
            case, engine, own, peers, work=work, rates=rates, repeats=asked.repeats, setting=torch.inference_mode
        )
    ]
    if case.precision == "float32" and onnx_peer.why_not() is None:
        graphs = [(None, onnx_peer.model_of(case, layers))]
        rows.append(onnx_turns.beside(Row(case, engine, "ONNX Runtime"), graphs, given, own, asked, work, rates))
    return rows


def ragged(case: Case, asked: Request, rates: Rates) -> list[Row]:
    """Forward and backward of rows of unequal length, beside torch's packed and padded ways."""
    layers, given = recurra_side.stack(case, asked.engine), recurra_side.batch(case)
    engine = recurra_side.engine_that_runs(layers, given.x, case.precision, given.lengths)
    work = recurra_side.work_of(case, given, training=True)
    try:
        own = recurra_side.training(layers, given, case.precision)
    except EngineError as error:
        return _cannot(case, engine, ["torch packed", "torch padded"], error)
    peers = {
        "torch packed": torch_peers.packed(case, layers, given),
        "torch padded": torch_peers.padded(case, layers, given),
    }
    return compare(case, engine, own, peers, work=work, rates=rates, repeats=asked.repeats)


def cells(case: Case, asked: Request, rates: Rates) -> list[Row]:
    """A cell that torch has not, beside itself as a torch time loop, and per FLOP beside our LSTM."""
    layers, given = recurra_side.stack(case, asked.engine), recurra_side.batch(case)
    engine = recurra_side.engine_that_runs(layers, given.x, case.precision)
    work = recurra_side.work_of(case, given, training=True)
    plain = replace(case, cell="lstm")
    try:
        own = recurra_side.training(layers, given, case.precision)
        lstm = recurra_side.training(recurra_side.stack(plain, asked.engine), given, case.precision)
    except EngineError as error:
        return _cannot(case, engine, ["torch time loop"], error)
    peers = {"torch time loop": torch_peers.loop(case, LOOPS[case.cell], layers, given)}
    rows = compare(case, engine, own, peers, work=work, rates=rates, repeats=asked.repeats)
    one, other = interleaved([own.call, lstm.call], asked.repeats)
    per_flop = (one.median / work.flops) / (other.median / recurra_side.work_of(plain, given, training=True).flops)
    return [replace(row, relative=per_flop) if row.status == "measured" else row for row in rows]


def gallery(case: Case, asked: Request, rates: Rates) -> list[Row]:
    """Any cell, per FLOP and per operation beside our LSTM of the same size, and beside what all its work takes."""
    row = _beside(case, "lstm", asked, rates)
    if row.recurra_ms is None or row.peer_ms is None:
        return [row]
    given = recurra_side.batch(case)
    work, lstm = (recurra_side.all_work_of(c, given) for c in (case, replace(case, cell="lstm")))
    least, by = rates.whole(work, case.precision)
    per_operation = (row.recurra_ms / work.operations) / (row.peer_ms / lstm.operations)
    whole_ms = 1e3 * least
    share = whole_ms / row.recurra_ms
    return [replace(row, relative_all=per_operation, whole_ms=whole_ms, whole_share=share, whole_by=by)]


def linear(case: Case, asked: Request, rates: Rates) -> list[Row]:
    """A cell without a recurrent product, beside itself as a torch time loop, and beside our GRU."""
    layers, given = recurra_side.stack(case, asked.engine), recurra_side.batch(case)
    engine = recurra_side.engine_that_runs(layers, given.x, case.precision)
    work = recurra_side.work_of(case, given, training=True)
    own = recurra_side.training(layers, given, case.precision)
    peers = {"torch time loop": torch_peers.loop(case, LOOPS[case.cell], layers, given)}
    rows = compare(case, engine, own, peers, work=work, rates=rates, repeats=asked.repeats)
    return [*rows, replace(_beside(case, "gru", asked, rates), relative=None)]


def _beside(case: Case, other: str, asked: Request, rates: Rates) -> Row:
    """Training of a cell and of another one of Recurra's, whose results are its own: times, and per FLOP."""
    layers, given = recurra_side.stack(case, asked.engine), recurra_side.batch(case)
    engine, peer = recurra_side.engine_that_runs(layers, given.x, case.precision), f"our {other}"
    plain = replace(case, cell=other)
    try:
        own = recurra_side.training(layers, given, case.precision)
        plain_side = recurra_side.training(recurra_side.stack(plain, asked.engine), given, case.precision)
    except EngineError as error:
        return Row(case, engine, peer, status="not run", reason=str(error))
    one, two = interleaved([own.call, plain_side.call], asked.repeats)
    work, their_work = (recurra_side.work_of(c, given, training=True) for c in (case, plain))
    row = timed(Row(case, engine, peer), one, two, work, rates)
    return replace(row, relative=(one.median / work.flops) / (two.median / their_work.flops))


def _cannot(case: Case, engine: str, peers: list[str], error: EngineError) -> list[Row]:
    return [Row(case, engine, peer, status="not run", reason=str(error)) for peer in peers]
