"""Layers with products of 8 bits, beside themselves in float32 and beside others' 8 bits."""

from __future__ import annotations

import copy
import logging
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from recurra.bench import onnx_peer, onnx_turns, recurra_side, torch_peers
from recurra.bench.cases import Case
from recurra.bench.compare import Side, compare
from recurra.bench.machine import Rates
from recurra.bench.record import Request, Row
from recurra.bench.recurra_side import Batch
from recurra.bench.roofline import step_work
from recurra.bench.stream import side
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
        whole = onnx_peer.model_of(case, layers)
        graphs = [("float32", whole), *([("int8", _small(whole))] if case.cell == "lstm" else [])]
        rows.append(onnx_turns.beside(Row(case, engine, ONNX), graphs, given, own, asked, work, rates))
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
