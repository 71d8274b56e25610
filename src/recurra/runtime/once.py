"""Values of a step that depend on weights of units alone, computed once: see engines.native.prologue."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from recurra.equations.graph import Parameter
from recurra.equations.program import Program
from recurra.runtime.predictions import Floats


def _softplus(a: Any) -> Any:
    return np.maximum(a, 0) + np.log1p(np.exp(-np.abs(a)))


def _sigmoid(a: Any) -> Any:
    small = np.exp(-np.abs(a))
    return np.where(a >= 0, 1, small) / (1 + small)


OPERATIONS: dict[str, Callable[..., Any]] = {
    "neg": np.negative, "sigmoid": _sigmoid, "tanh": np.tanh, "relu": lambda a: np.maximum(a, 0),
    "softplus": _softplus, "exp": np.exp, "log": np.log, "sqrt": np.sqrt, "abs": np.abs, "sign": np.sign,
    "sin": np.sin, "cos": np.cos, "expm1": np.expm1,
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide,
    "minimum": np.minimum, "maximum": np.maximum,
}  # fmt: skip


def values_of(program: Program, weights: Mapping[Parameter, Floats], units: int) -> Floats:
    """What a prologue's program computes, one value after the other. Shapes: weights [H] or [1] -> [values * H]"""
    found: list[Any] = []
    for node in program.nodes:
        if node.op in ("input", "state"):
            found.append(None)  # nothing of these is read
        elif node.op == "constant":
            found.append(np.float64(node.value or 0.0))
        elif node.op == "vector":
            assert node.parameter is not None
            found.append(weights[node.parameter].astype(np.float64))
        else:
            found.append(OPERATIONS[node.op](*(found[a] for a in node.args)))
    rows = [np.broadcast_to(found[o], (units,)) for o in program.outputs]
    return np.concatenate(rows).astype(np.float32)
