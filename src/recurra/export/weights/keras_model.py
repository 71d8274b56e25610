"""A network as a Keras model: its weights file, and a script that builds it without Recurra."""

from __future__ import annotations

import importlib.util
import os
import runpy
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from recurra.errors import UsageError
from recurra.export.answers import read_by
from recurra.export.layer_steps import Floats, LayerStep, floats, layer_steps
from recurra.export.weights.plain import Plain, plain
from recurra.export.weights.proof import prove
from recurra.tasks.outgoing import Asked

WEIGHTS, SCRIPT = "model.weights.h5", "model.py"
KINDS: dict[str, tuple[str, tuple[str, ...], dict[str, Any]]] = {
    "lstm": ("LSTM", ("i", "f", "g", "o"), {}),
    "gru": ("GRU", ("z", "r", "n"), {"reset_after": True}),
    "rnn": ("SimpleRNN", ("h",), {"activation": "tanh"}),
    "rnn-relu": ("SimpleRNN", ("h",), {"activation": "relu"}),
}
"""Keras' layer with a cell's equations, its gates in Keras' order, and what the layer is made with."""


def need_keras() -> None:
    """Errors: UsageError, with what to install"""
    if importlib.util.find_spec("keras") is None:
        raise UsageError(
            "--to keras needs keras, which writes the file and proves it (its backend is torch here): pip install "
            "'recurra[keras]'"
        )
    os.environ.setdefault("KERAS_BACKEND", "torch")


def write_keras(place: Path, network: nn.Module) -> dict[str, Any]:
    """Write weights and script into a folder; what the script has to know, for export.json.

    Errors: UsageError for what Keras has not, or where keras is not installed
    """
    found = plain(network, "keras")
    reasons = {
        f"its cell {found.stack.cell.name} is none of {', '.join(KINDS)}": found.stack.cell.name not in KINDS,
        "its initial state is learned": found.stack.learned_state,
    }
    for reason, holds in reasons.items():
        if holds:
            raise UsageError(f"Keras runs plain layers, and {reason}; its nearest target is --to torch")
    need_keras()
    about = _about(found)
    text = resources.files(__package__).joinpath("keras_script.py").read_text("utf-8")
    (place / SCRIPT).write_text(text, encoding="utf-8")
    model = runpy.run_path(str(place / SCRIPT), run_name="exported")["build"](about)
    model.set_weights(_arrays(found))
    model.save_weights(place / WEIGHTS)
    return {"keras": about}


def prove_keras(place: Path, network: nn.Module, asked: Sequence[Asked], preprocessor: Any) -> tuple[int, float]:
    """Run the written model on what the network is asked: outputs that were compared, the largest difference.

    Errors: RecurraError if it says something else
    """
    model = runpy.run_path(str(place / SCRIPT), run_name="exported")["load"](place)

    def answer(one: Asked) -> Any:
        return model.predict_on_batch(read_by(one, preprocessor)[None])[0]

    return prove(answer, "Keras", network, asked, preprocessor)


def _about(found: Plain) -> dict[str, Any]:
    kind, _, arguments = KINDS[found.stack.cell.name]
    return {
        "kind": kind,
        "arguments": arguments | {"use_bias": found.stack.bias},
        "layers": found.stack.num_layers,
        "units_of_a_layer": found.stack.hidden_size,
        "both_ways": found.stack.bidirectional,
        "inputs": found.stack.input_size,
        "embedding": None if found.table is None else list(found.table.shape),
        "pooling": found.pooling,
        "outputs": len(found.head.weight),
    }


def _arrays(found: Plain) -> list[Floats]:
    """All weights in the order of Keras' layers."""
    arrays = [] if found.table is None else [floats(found.table * found.gain)]
    for directions in layer_steps(found.stack):
        for step in directions:
            arrays += _of_layer(found.stack.cell.name, step, bias=found.stack.bias)
    return [*arrays, floats(found.head.weight).T, floats(found.head.bias)]


def _of_layer(cell: str, step: LayerStep, *, bias: bool) -> list[Floats]:
    """Kernel [I, G*H], recurrent kernel [H, G*H], and the biases [G*H], of a GRU both apart [2, G*H]."""
    gates = KINDS[cell][1]
    of = {kind: {q.gate: w for q, w in step.weights.items() if q.kind == kind} for kind in ("W", "R", "b", "rb")}
    kernels = [np.concatenate([of[kind][gate] for gate in gates]).T for kind in ("W", "R")]
    if not bias:
        return kernels
    biases = np.stack([np.concatenate([of[kind][gate] for gate in gates]) for kind in ("b", "rb")])
    return [*kernels, biases if cell == "gru" else biases.sum(0)]
