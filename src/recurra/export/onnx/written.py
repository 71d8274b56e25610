"""A trained network as a folder of ONNX graphs that were asked what the network was asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from recurra.errors import RecurraError
from recurra.export.layer_steps import floats
from recurra.export.onnx.proof import Proof, graphs, heard, prove
from recurra.layers.sparse_linear import SparseLinear
from recurra.layers.stack import Stack

READER = "reader.py"


def write_onnx(
    place: Path,
    network: nn.Module,
    ask: Callable[[], None],
    preprocessing: dict[str, Any],
    about: dict[str, Any],
    *,
    own: float = 0.0,
) -> Proof:
    """Write the graphs, preprocessing.json and a reader into a folder, after ONNX Runtime said what the network says.

    ask: has the network answer what was held out; about: what is known of the model, kept in every graph; own: see
    `answers.own_rounding`
    Errors: RecurraError if they differ, or nothing was asked; UsageError for what ONNX cannot hold
    """
    known = {name: json.dumps(value) if not isinstance(value, str) else value for name, value in about.items()}
    models = {name: graph.model(known) for name, graph in graphs(network).items()}
    with heard(network) as calls, torch.inference_mode():
        ask()
    if not calls:
        raise RecurraError("the network was asked nothing, so that no graph could be compared with it")
    proof = prove(models, calls, own)
    for name, model in models.items():
        (place / f"{name}.onnx").write_bytes(model)
    (place / "preprocessing.json").write_text(json.dumps(preprocessing, ensure_ascii=False) + "\n", encoding="utf-8")
    (place / READER).write_text(resources.files(__package__).joinpath(READER).read_text("utf-8"), encoding="utf-8")
    about |= {"graphs": sorted(models), "starts": _starts(network)}
    about |= _skip(place, network)
    return proof


def _starts(network: nn.Module) -> dict[str, Any]:
    """What each state begins with, [L*D, H], for networks with one stack."""
    stacks = [module for module in network.modules() if isinstance(module, Stack)]
    stack = next((s for s in (getattr(network, name, None) for name in ("stack", "forward_stack")) if s), None)
    if not isinstance(stack, Stack) or not stacks:
        return {}
    states = zip(stack.cell.states, stack.initial_state(1), strict=True)
    return {f"state_{name}": floats(value[:, 0]).tolist() for name, value in states}


def _skip(place: Path, network: nn.Module) -> dict[str, Any]:
    """What the reader needs to find n-grams."""
    skip, orders = getattr(network, "skip", None), getattr(network, "orders", None)
    if not isinstance(skip, SparseLinear) or orders is None or not float(skip.share):
        return {}
    np.savez(place / "skip.npz", keys=skip.keys.cpu().numpy(), scale=floats(skip.scale))
    after = float(network.get_buffer("skip_after"))
    return {
        "skip": {
            "orders": list(orders),
            "spelling": list(getattr(network, "spelling", ())),
            "share": float(skip.share),
            "after": after,
        }
    }
