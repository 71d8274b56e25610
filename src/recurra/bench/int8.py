"""Layers with products of 8 bits, beside themselves in float32 and beside others' 8 bits."""

from __future__ import annotations

import copy
import logging
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from recurra.bench import onnx_peer, recurra_side, torch_peers
from recurra.bench.agreement import disagreement, worst
from recurra.bench.cases import Case
from recurra.bench.compare import Side, compare, timed
from recurra.bench.machine import Rates
from recurra.bench.onnx_process import OnnxProcess
from recurra.bench.record import Request, Row
from recurra.bench.recurra_side import Batch
from recurra.bench.roofline import step_work
from recurra.bench.stream import side
from recurra.bench.timing import SAMPLE_SECONDS, WARM_UPS, Times, no_collection, sample
from recurra.layers.stack import Stack

FLOAT32, TORCH, ONNX = "our float32", "torch int8", "ONNX Runtime int8"


def inference(case: Case, asked: Request, rates: Rates) -> list[Row]:
    """Forward alone. Each peer at its best: torch with each of its libraries, ONNX Runtime in a process of its own."""
    layers, given = recurra_side.stack(case, asked.engine).eval(), recurra_side.batch(case)
    small = copy.deepcopy(layers).quantize()
    engine = recurra_side.engine_that_runs(layers, given.x, "float32")
    work = recurra_side.work_of(case, given, training=False)
    own = recurra_side.inference(small, given, "float32")
    peers: dict[str, Sequence[Side]] = {FLOAT32: [recurra_side.inference(layers, given, "float32")]}
    if case.cell in ("lstm", "gru"):
        peers[TORCH] = _torch(case, layers, given)
    rows = compare(
        case, engine, own, peers, work=work, rates=rates, repeats=asked.repeats, setting=torch.inference_mode
    )
    if onnx_peer.why_not() is None:
        rows.append(_onnx(case, layers, given, own, asked, Row(case, engine, ONNX), rates))
    return rows


def stream(case: Case, asked: Request, rates: Rates) -> list[Row]:
    """One step after the other, beside the same in float32 and torch's layers of 8 bits called with T = 1."""
    layers, given = recurra_side.stack(case, asked.engine).eval(), recurra_side.batch(case)
    small = copy.deepcopy(layers).quantize()
    engine = recurra_side.engine_that_runs(layers, given.x[:, :1], "float32")
    s, steps = case.shape, list(given.x.unbind(1))
    work = step_work(layers.cell, s.input_size, s.hidden_size, batch=s.batch, precision="int8")
    peers: dict[str, Sequence[Side]] = {FLOAT32: [side(lambda: layers.stream(batch=s.batch).step, steps)]}
    if case.cell in ("lstm", "gru"):
        peers[TORCH] = [side(begin, steps, name) for name, begin in _torch_steps(case, layers)]
    with torch.inference_mode():
        return compare(
            case,
            engine,
            side(lambda: small.stream(batch=s.batch).step, steps),
            peers,
            work=work,
            rates=rates,
            repeats=asked.repeats,
            setting=torch.inference_mode,
        )


def _quantised(case: Case, layers: Stack) -> Iterator[tuple[str, nn.Module]]:
    """torch's dynamic quantisation of its layer with our weights, by each library that it has."""
    from torch.ao.quantization import quantize_dynamic

    for name in torch.backends.quantized.supported_engines:
        if name == "none":
            continue
        with _library(name), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it is deprecated
            whole = nn.ModuleList([torch_peers.module(case, layers)])
            try:
                made = quantize_dynamic(whole, {nn.LSTM, nn.GRU}, dtype=torch.qint8)
            except RuntimeError:  # a library that this machine lacks something for
                continue
        yield name, made[0]


@contextmanager
def _library(name: str) -> Iterator[None]:
    before = torch.backends.quantized.engine
    torch.backends.quantized.engine = name
    try:
        yield
    finally:
        torch.backends.quantized.engine = before


def _torch(case: Case, layers: Stack, given: Batch) -> list[Side]:
    x = given.x.transpose(0, 1).contiguous()

    def way(name: str, module: nn.Module) -> Side:
        def call() -> Tensor:
            with _library(name):
                y: Tensor = module(x)[0]
            return y

        return Side(call, lambda y: {"y": y.transpose(0, 1)}, name)

    return [way(name, module) for name, module in _quantised(case, layers)]


def _torch_steps(case: Case, layers: Stack) -> Iterator[tuple[str, Callable[[], Callable[[Tensor], Tensor]]]]:
    for name, module in _quantised(case, layers):

        def begin(name: str = name, module: nn.Module = module) -> Callable[[Tensor], Tensor]:
            state = None

            def step(x: Tensor) -> Tensor:
                nonlocal state
                with _library(name):
                    y, state = module(x.unsqueeze(0), state)
                one: Tensor = y[0]
                return one

            return step

        yield name, begin


def _onnx(case: Case, layers: Stack, given: Batch, own: Side, asked: Request, row: Row, rates: Rates) -> Row:
    """Beside the faster of its graphs, that of floats and what its own quantisation makes of it."""
    work, x = recurra_side.work_of(case, given, training=False), given.x.transpose(0, 1).contiguous().numpy()
    whole = onnx_peer.model_of(case, layers)
    ways = {"float32": whole} | ({"int8": _small(whole)} if case.cell == "lstm" else {})
    rows = []
    for name, model in ways.items():
        one = replace(row, variant=name)
        try:
            with OnnxProcess(model, {"x": x}, asked.threads) as process, torch.inference_mode():
                y = torch.from_numpy(process.outputs[0]).squeeze(1).transpose(0, 1)
                expected = own.once()
                if (problem := disagreement({"y": y}, expected, case.precision)) is not None:
                    rows.append(replace(one, status="differs", reason=problem))
                    continue
                own_times, peer = _alternating(own, process, asked.repeats)
                one = replace(one, difference=worst({"y": y}, expected)[1])
                rows.append(timed(one, own_times, peer, work, rates))
        except RuntimeError as error:
            rows.append(replace(one, status="not run", reason=str(error)))
    measured = [one for one in rows if one.peer_ms is not None and one.ratio is not None]
    return min(measured, key=lambda one: one.ratio or 0.0) if measured else rows[0]


def _alternating(own: Side, process: OnnxProcess, repeats: int) -> tuple[Times, Times]:
    """Samples of both in turn, after warm-ups; each after a call that is not counted, for the other one was here."""
    with no_collection():
        pairs = []
        for _ in range(WARM_UPS + repeats):
            peer = process.sample(SAMPLE_SECONDS)
            sample(own.call, 1)
            once = min(sample(own.call, 1) for _ in range(WARM_UPS))
            pairs.append((sample(own.call, max(1, round(SAMPLE_SECONDS / once))), peer))
    own_times, peer_times = zip(*pairs[WARM_UPS:], strict=True)
    return Times(own_times), Times(peer_times)


def _small(model: bytes) -> bytes:
    """What ONNX Runtime's own dynamic quantisation makes of a graph."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    level = logging.root.level
    with tempfile.TemporaryDirectory() as place:
        given, made = Path(place) / "given.onnx", Path(place) / "made.onnx"
        given.write_bytes(model)
        logging.root.setLevel(logging.ERROR)
        try:
            quantize_dynamic(given, made, op_types_to_quantize=["LSTM"], weight_type=QuantType.QInt8, per_channel=False)
        finally:
            logging.root.setLevel(level)
        return made.read_bytes()
