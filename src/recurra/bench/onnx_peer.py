"""ONNX Runtime's recurrent operators, for inference."""

from __future__ import annotations

import importlib.util
from functools import cache

import torch
from torch import Tensor

from recurra.bench.cases import Case
from recurra.layers.stack import Stack

OPERATORS = {"rnn": ("RNN", (0,)), "gru": ("GRU", (1, 0, 2)), "lstm": ("LSTM", (0, 3, 1, 2))}
"""ONNX's name, and its gates by their place in torch's order."""
OPSET = 17


@cache
def why_not() -> str | None:
    """None if it can be measured, or why it cannot."""
    if importlib.util.find_spec("onnxruntime") is None:
        return "ONNX Runtime: not installed"
    if importlib.util.find_spec("onnx") is None:
        return "ONNX Runtime: the package onnx, which writes its models, is not installed"
    return None


def model_of(case: Case, stack: Stack) -> bytes:
    """The graph of one node, x [T, B, I] -> y [T, 1, B, H]."""
    import onnx

    operator, order = OPERATORS[case.cell]
    weights = stack.weights()
    assert weights.weight_hh is not None
    assert weights.bias_ih is not None
    assert weights.bias_hh is not None
    bias = torch.cat([_reordered(weights.bias_ih, order), _reordered(weights.bias_hh, order)])
    stored = {
        "w": _reordered(weights.weight_ih, order),
        "r": _reordered(weights.weight_hh, order),
        "b": bias,
    }
    extra = {"linear_before_reset": 1} if case.cell == "gru" else {}
    make, numbers = onnx.helper, onnx.TensorProto.FLOAT
    s = case.shape
    graph = make.make_graph(
        [make.make_node(operator, ["x", "w", "r", "b"], ["y"], hidden_size=s.hidden_size, **extra)],
        "layer",
        [make.make_tensor_value_info("x", numbers, [s.time, s.batch, s.input_size])],
        [make.make_tensor_value_info("y", numbers, [s.time, 1, s.batch, s.hidden_size])],
        [onnx.numpy_helper.from_array(values.unsqueeze(0).contiguous().numpy(), n) for n, values in stored.items()],
    )
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", OPSET)], ir_version=8)
    written: bytes = model.SerializeToString()
    return written


def _reordered(rows: Tensor, order: tuple[int, ...]) -> Tensor:
    gates = rows.detach().chunk(len(order))
    return torch.cat([gates[i] for i in order])
