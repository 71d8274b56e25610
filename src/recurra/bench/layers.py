"""The kinds of work that run whole layers: training, inference, ragged batches, cells that torch has not."""

from __future__ import annotations

from dataclasses import replace

import torch

from recurra.bench import keras_peer, onnx_peer, ours, torch_peers
from recurra.bench.cases import Case
from recurra.bench.duel import Side, duel
from recurra.bench.loops import LOOPS
from recurra.bench.machine import Rates
from recurra.bench.record import Request, Row
from recurra.bench.timing import interleaved
from recurra.errors import EngineError


def training(case: Case, asked: Request, rates: Rates) -> list[Row]:
    """Forward and backward, dx and dW included, beside torch.nn and Keras."""
    layers, given = ours.stack(case, asked.engine), ours.batch(case)
    engine = ours.engine_that_runs(layers, given.x, case.precision)
    work = ours.work_of(case, given, training=True)
    peers = {"torch.nn": torch_peers.training(case, layers, given)}
    try:
        mine = ours.training(layers, given, case.precision)
    except EngineError as error:
        return _cannot(case, engine, list(peers), error)
    rows = duel(case, engine, mine, peers, work=work, rates=rates, repeats=asked.repeats)
    if case.precision == "float32" and keras_peer.why_not() is None:
        theirs = {"Keras": [keras_peer.training(case, layers, given, asked.threads)]}
        rows += duel(case, engine, mine, theirs, work=work, rates=rates, repeats=asked.repeats)
    return rows


def inference(case: Case, asked: Request, rates: Rates) -> list[Row]:
    """Forward alone, beside torch.nn, Keras and ONNX Runtime."""
    layers, given = ours.stack(case, asked.engine), ours.batch(case)
    layers.eval()
    engine = ours.engine_that_runs(layers, given.x, case.precision)
    work = ours.work_of(case, given, training=False)
    mine = ours.inference(layers, given, case.precision)
    contests: list[dict[str, list[Side]]] = [{"torch.nn": torch_peers.inference(case, layers, given)}]
    if case.precision == "float32" and keras_peer.why_not() is None:
        contests.append({"Keras": [keras_peer.inference(case, layers, given, asked.threads)]})
    if case.precision == "float32" and onnx_peer.why_not() is None:
        contests.append({"ONNX Runtime": [onnx_peer.inference(case, layers, given, asked.threads)]})
    return [
        row
        for peers in contests
        for row in duel(
            case, engine, mine, peers, work=work, rates=rates, repeats=asked.repeats, setting=torch.inference_mode
        )
    ]


def ragged(case: Case, asked: Request, rates: Rates) -> list[Row]:
    """Forward and backward of rows of unequal length, beside torch's packed and padded ways."""
    layers, given = ours.stack(case, asked.engine), ours.batch(case)
    engine = ours.engine_that_runs(layers, given.x, case.precision, given.lengths)
    work = ours.work_of(case, given, training=True)
    try:
        mine = ours.training(layers, given, case.precision)
    except EngineError as error:
        return _cannot(case, engine, ["torch packed", "torch padded"], error)
    peers = {
        "torch packed": torch_peers.packed(case, layers, given),
        "torch padded": torch_peers.padded(case, layers, given),
    }
    return duel(case, engine, mine, peers, work=work, rates=rates, repeats=asked.repeats)


def cells(case: Case, asked: Request, rates: Rates) -> list[Row]:
    """A cell that torch has not, beside itself as a torch time loop, and per FLOP beside our LSTM."""
    layers, given = ours.stack(case, asked.engine), ours.batch(case)
    engine = ours.engine_that_runs(layers, given.x, case.precision)
    work = ours.work_of(case, given, training=True)
    plain = replace(case, cell="lstm")
    try:
        mine = ours.training(layers, given, case.precision)
        lstm = ours.training(ours.stack(plain, asked.engine), given, case.precision)
    except EngineError as error:
        return _cannot(case, engine, ["torch time loop"], error)
    peers = {"torch time loop": torch_peers.loop(case, LOOPS[case.cell], layers, given)}
    rows = duel(case, engine, mine, peers, work=work, rates=rates, repeats=asked.repeats)
    one, other = interleaved([mine.call, lstm.call], asked.repeats)
    per_flop = (one.median / work.flops) / (other.median / ours.work_of(plain, given, training=True).flops)
    return [replace(row, relative=per_flop) if row.status == "measured" else row for row in rows]


def _cannot(case: Case, engine: str, peers: list[str], error: EngineError) -> list[Row]:
    return [Row(case, engine, peer, status="not run", reason=str(error)) for peer in peers]
