"""Graphs of bytes: LSTM and products of matrices run on them, other matrices are floats again when they are used."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from recurra.errors import UsageError
from recurra.export.c.arrays import quantised
from recurra.export.onnx.graph import Array, need_onnx
from recurra.export.onnx.proof import kind_of, session
from recurra.topologies.many_to_many import NextToken

RUN_ON_BYTES = ("LSTM", "MatMul")
"""Operators that ONNX Runtime has for whole numbers too; of GRU and RNN it has none."""
SMALLEST = 256
"""Numbers of a matrix that is worth bytes."""


def shrink(model: bytes) -> tuple[bytes, list[str]]:
    """The graph with its matrices as bytes, and which recurrent operators still compute in float32.

    LSTM and products by matrices are ONNX Runtime's dynamic quantisation: whole numbers of 7 bits, since sums of
    products of 8 overflow on processors without VNNI; their activations are rounded to 8 bits as they come. All other
    matrices, of GRU, RNN, Scan and tables, are stored as bytes with a scale for each row or column, and are floats in
    memory.
    """
    onnx = need_onnx()
    from onnxruntime.quantization import QuantType, quantize_dynamic

    level = logging.root.level
    with tempfile.TemporaryDirectory() as place:
        given, made = Path(place) / "given.onnx", Path(place) / "made.onnx"
        given.write_bytes(model)
        logging.root.setLevel(logging.ERROR)  # it advises another tool to every graph
        try:
            quantize_dynamic(
                given, made, op_types_to_quantize=list(RUN_ON_BYTES), weight_type=QuantType.QInt8, reduce_range=True
            )
        finally:
            logging.root.setLevel(level)
        found = onnx.load(str(made))
    _store_as_bytes(onnx, found.graph)
    left = sorted({node.op_type for node in found.graph.node} & {"GRU", "RNN", "Scan"})
    written: bytes = found.SerializeToString()
    return written, left


def _store_as_bytes(onnx: Any, graph: Any) -> None:
    """Every large matrix that is still of floats becomes bytes times a scale, under its old name."""
    helper, first = onnx.numpy_helper, list[Any]()
    for held in [each for each in graph.initializer if each.data_type == onnx.TensorProto.FLOAT]:
        values = helper.to_array(held)
        if values.ndim < 2 or values.size < SMALLEST:
            continue
        whole, scale = _nearest(values)
        name, number = held.name, f"{held.name}_float"
        graph.initializer.remove(held)
        graph.initializer.append(helper.from_array(whole, f"{name}_bytes"))
        graph.initializer.append(helper.from_array(scale, f"{name}_scale"))
        first.append(onnx.helper.make_node("Cast", [f"{name}_bytes"], [number], to=onnx.TensorProto.FLOAT))
        first.append(onnx.helper.make_node("Mul", [number, f"{name}_scale"], [name]))
    nodes = [*first, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def _nearest(values: Array) -> tuple[Array, Array]:
    """As bytes with a scale for each row, or for each column where that is nearer. Shapes: [..., R, C]"""
    flat = values.reshape(-1, values.shape[-1])
    rows, of_rows = quantised(flat)
    by_rows = rows.reshape(values.shape), of_rows.reshape(*values.shape[:-1], 1)
    turned = np.swapaxes(values, -1, -2)
    columns, of_columns = quantised(turned.reshape(-1, values.shape[-2]))
    by_columns = (
        np.ascontiguousarray(np.swapaxes(columns.reshape(turned.shape), -1, -2)),
        np.swapaxes(of_columns.reshape(*turned.shape[:-1], 1), -1, -2),
    )
    return min(by_rows, by_columns, key=lambda each: float(np.square(each[0] * each[1] - values).sum()))


def check_measurable(network: nn.Module) -> None:
    """Errors: UsageError for a network that answers by more than one call, whose scores `answering` does not change"""
    if set(kind_of(network).calls) != {"forward"}:
        raise UsageError(
            f"the answers of this {type(network).__name__} are searched or drawn around several graphs, so that what "
            "int8 costs it is not measured before it is written\nuse --weights float32"
        )


@contextmanager
def answering(network: nn.Module, models: Mapping[str, bytes]) -> Iterator[None]:
    """The network answers meanwhile what ONNX Runtime says of these graphs, its states too. Errors: UsageError"""
    check_measurable(network)
    kind = kind_of(network)
    sessions = {name: session(model) for name, model in models.items()}
    method, described = network.forward, kind.calls["forward"]

    def forward(*args: Any, **given: Any) -> Any:
        result = method(*args, **given)
        call = described(network, args, given, result)
        if call is None:
            return result
        names = list(call.outputs)
        said = dict(zip(names, sessions[call.graph].run(names, call.inputs), strict=True))
        after = [torch.from_numpy(said[name]) for name in names if name.startswith("next_") and name != "next_before"]
        states = tuple(after) + tuple(result[1][len(after) :]) if after else result[1]
        return torch.from_numpy(said[names[0]]).view_as(result[0]), states

    own: dict[str, Callable[..., Any]] = {"forward": forward}
    if isinstance(network, NextToken):
        own |= {"losses": _losses(network), "losses_and_outputs": _losses_and_outputs(network)}
    for name, value in own.items():
        object.__setattr__(network, name, value)
    try:
        yield
    finally:
        for name in own:
            object.__delattr__(network, name)


def _losses_and_outputs(network: NextToken) -> Callable[..., Any]:
    """Of the logits that `forward` gives, for the network's own are of its weights."""

    def found(tokens: Tensor, targets: Tensor, lengths: Any = None, state: Any = None) -> Any:
        y, _ = network.hidden(tokens, lengths, state)
        logits, after = network.forward(tokens, lengths, state)
        losses = nn.functional.cross_entropy(logits.flatten(0, 1), targets.reshape(-1), reduction="none")
        return losses.view_as(targets), y, after

    return found


def _losses(network: NextToken) -> Callable[..., Any]:
    def found(*args: Any, **given: Any) -> Any:
        losses, _, after = _losses_and_outputs(network)(*args, **given)
        return losses, after

    return found


def floats_left(left: Sequence[str]) -> str:
    """What of a graph still computes in float32, for people; empty where nothing does."""
    if not left:
        return ""
    what = " and ".join({"Scan": "the cell's own equations"}.get(name, name) for name in left)
    return f"int8: ONNX Runtime runs {what} in float32; those matrices are bytes in the file alone"
