"""A network of frames as the JSON that RTNeural reads: Keras' layouts of LSTM, GRU and dense layers.

What is done to a frame before it is read, its mean taken off and divided by its deviation, goes into the first layer.
Source: RTNeural, python/model_utils.py; Keras' gates are i, f, g, o of the LSTM and z, r, n of the GRU, whose two
biases stand apart (reset_after)
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import nn

from recurra.errors import UsageError
from recurra.export.layer_steps import LayerStep, layer_steps
from recurra.export.weights.plain import Plain, plain
from recurra.export.weights.proof import prove
from recurra.tasks.outgoing import Asked, Scaling, ScalingFrames

MODEL = "model.json"
GATES = {"lstm": ("i", "f", "g", "o"), "gru": ("z", "r", "n")}
Doubles = npt.NDArray[np.float64]


def write_rtneural(place: Path, network: nn.Module, preprocessor: Any) -> None:
    """Errors: UsageError for what RTNeural cannot hold"""
    found = plain(network, "rtneural")
    stack = found.stack
    reasons = {
        f"its cell {stack.cell.name} is neither lstm nor gru": stack.cell.name not in GATES,
        "it reads in both directions": stack.bidirectional,
        "it reads tokens, not frames": found.table is not None,
        "it says one thing of a whole sequence": found.pooling is not None,
        "its initial state is learned": stack.learned_state,
    }
    for reason, holds in reasons.items():
        if holds:
            raise UsageError(
                f"RTNeural runs LSTM and GRU layers over frames, and {reason}; its nearest target is --to c"
            )
    scaling = preprocessor.scaling() if isinstance(preprocessor, ScalingFrames) else None
    if scaling is not None and (scaling.gaps or scaling.root):
        what = "missing values stand beside its frames" if scaling.gaps else "roots are taken of its frames"
        raise UsageError(f"RTNeural reads frames as they are, and {what}; its nearest target is --to c")
    text = json.dumps(_model(found, scaling), separators=(",", ":"))
    (place / MODEL).write_text(text + "\n", encoding="utf-8")


def _model(found: Plain, scaling: Scaling | None) -> dict[str, Any]:
    kind = found.stack.cell.name
    steps = [each[0] for each in layer_steps(found.stack)]
    layers = [_recurrent(kind, step, scaling if i == 0 else None) for i, step in enumerate(steps)]
    weight, bias = found.head.weight.detach().cpu(), found.head.bias.detach().cpu()
    shape = [None, None, len(weight)]
    layers.append({"type": "dense", "activation": "", "shape": shape, "weights": [weight.T.tolist(), bias.tolist()]})
    return {"in_shape": [None, None, found.stack.input_size], "layers": layers}


def _recurrent(kind: str, step: LayerStep, scaling: Scaling | None) -> dict[str, Any]:
    held = {(p.kind, p.gate): values.astype(np.float64) for p, values in step.weights.items()}
    hidden = step.sizes["H"]
    nothing = np.zeros(hidden)
    kernel = np.concatenate([held["W", gate] for gate in GATES[kind]])
    recurrent = np.concatenate([held["R", gate] for gate in GATES[kind]])
    first, second = (np.concatenate([held.get((k, g), nothing) for g in GATES[kind]]) for k in ("b", "rb"))
    if scaling is not None:
        kernel = kernel / scaling.deviation
        first = first - kernel @ scaling.mean
    bias: Doubles = first + second if kind == "lstm" else np.stack([first, second])
    weights = [np.float32(each).tolist() for each in (kernel.T, recurrent.T, bias)]
    return {"type": kind, "activation": "tanh", "shape": [None, None, hidden], "weights": weights}


def prove_rtneural(place: Path, network: nn.Module, asked: Sequence[Asked], preprocessor: Any) -> tuple[int, float]:
    """Run what was written by its layouts' equations: outputs that were compared, the largest difference.

    Errors: RecurraError if it says something else
    """
    model = json.loads((place / MODEL).read_text("utf-8"))

    def answer(one: Asked) -> Doubles:
        return run(model, np.asarray(one.inputs, np.float64))

    return prove(answer, "the JSON of RTNeural", network, asked, preprocessor)


def run(model: dict[str, Any], x: Doubles) -> Doubles:
    """The layers of such a JSON as Keras defines them. Shapes: [T, I] -> [T, O]"""
    for layer in model["layers"]:
        weights = [np.array(each) for each in layer["weights"]]
        if layer["type"] == "dense":
            x = x @ weights[0] + weights[1]
            continue
        kernel, recurrent, bias = weights
        hidden = len(recurrent)
        h, c, found = np.zeros(hidden), np.zeros(hidden), []
        for row in x:
            if layer["type"] == "lstm":
                i, f, g, o = np.split(row @ kernel + h @ recurrent + bias, 4)
                c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
                h = _sigmoid(o) * np.tanh(c)
            else:
                (z, r, n), (hz, hr, hn) = np.split(row @ kernel + bias[0], 3), np.split(h @ recurrent + bias[1], 3)
                z = _sigmoid(z + hz)
                h = z * h + (1 - z) * np.tanh(n + _sigmoid(r + hr) * hn)
            found.append(h)
        x = np.stack(found)
    return x


def _sigmoid(x: Doubles) -> Doubles:
    found: Doubles = 1 / (1 + np.exp(-x))
    return found
