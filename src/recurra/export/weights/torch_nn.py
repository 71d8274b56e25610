"""A network as torch.nn's own modules: weights as safetensors, and a script that runs them without Recurra."""

from __future__ import annotations

import runpy
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from recurra.export.answers import read_by
from recurra.export.weights.plain import TORCH, Plain, plain
from recurra.export.weights.proof import prove
from recurra.tasks.outgoing import Asked

WEIGHTS, SCRIPT = "weights.safetensors", "run.py"


def write_torch(place: Path, network: nn.Module) -> dict[str, Any]:
    """Write weights and script into a folder; what the script has to know, for export.json.

    Errors: UsageError for layers that torch.nn has not
    """
    found = plain(network, "torch")
    stack, weights = found.stack, dict[str, Tensor]()
    for layer in range(stack.num_layers):
        for direction in range(stack.num_directions):
            held = stack.weights(layer, direction, dropped=False).present()
            weights |= {f"layers.{stack.key(stored, layer, direction)}": value for stored, value in held.items()}
    weights |= {f"head.{name}": value for name, value in found.head.named_parameters()}
    if found.table is not None:
        weights["embedding.weight"] = found.table * found.gain
    if stack.learned_state:
        weights |= {f"start.{n}": s for n, s in zip(stack.cell.states, stack.initial_state(1), strict=True)}
    save_file({name: value.detach().cpu().contiguous().clone() for name, value in weights.items()}, place / WEIGHTS)
    text = resources.files(__package__).joinpath("torch_script.py").read_text("utf-8")
    (place / SCRIPT).write_text(text, encoding="utf-8")
    return {"layers": _arguments(found), "pooling": found.pooling}


def _arguments(found: Plain) -> dict[str, Any]:
    stack = found.stack
    kind = TORCH[stack.cell.name]
    more = {"nonlinearity": "relu" if stack.cell.name == "rnn-relu" else "tanh"} if kind == "RNN" else {}
    return {
        "kind": kind,
        "input_size": stack.input_size,
        "hidden_size": stack.hidden_size,
        "num_layers": stack.num_layers,
        "bias": stack.bias,
        "bidirectional": stack.bidirectional,
        **more,
        **({"proj_size": stack.proj_size} if stack.proj_size else {}),
    }


def prove_torch(place: Path, network: nn.Module, asked: Sequence[Asked], preprocessor: Any) -> tuple[int, float]:
    """Run the script's model on what the network is asked: outputs that were compared, the largest difference.

    Errors: RecurraError if it says something else
    """
    model = runpy.run_path(str(place / SCRIPT), run_name="exported")["Model"](place)

    @torch.inference_mode()
    def answer(one: Asked) -> Any:
        return model(torch.from_numpy(read_by(one, preprocessor))[None])[0].numpy()

    return prove(answer, "torch.nn", network, asked, preprocessor)
