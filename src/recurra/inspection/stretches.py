"""The states of a language model over stretches of held-out text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from recurra.errors import DataError
from recurra.layers.recording import recorded
from recurra.layers.stepping import step_through
from recurra.tasks.abilities import Stretching

WARM = 50
"""Steps of a stretch before its states are looked at."""


@torch.no_grad()
def states_of(
    model: Stretching, tokens: Any, *, rows: int = 40, length: int = 500
) -> tuple[dict[str, npt.NDArray[np.float32]], list[list[str]]]:
    """The states after each step of some stretches, by layer as in `Trace.arrays`, and their tokens.

    tokens: of the text, int64 [N]; of a short one there are fewer and shorter stretches
    Shapes: -> each [B, T, H]
    Errors: DataError for a text of less than two stretches that can be looked at
    """
    length = min(length, len(tokens) // 2)
    rows = min(rows, len(tokens) // max(1, length))
    if length <= 2 * WARM or rows < 2:
        least = 2 * (2 * WARM + 1)
        raise DataError(f"probing needs a text of {least} tokens that are held out at least, got {len(tokens)}")
    starts = np.linspace(0, len(tokens) - length, rows).astype(np.int64)
    ids = np.stack([np.asarray(tokens[start : start + length], np.int64) for start in starts.tolist()])
    network = model.network.eval()
    with recorded(network) as calls:
        model.read_stretches(torch.from_numpy(ids))
    (call,) = calls
    found: dict[str, npt.NDArray[np.float32]] = {}
    for course in step_through(call.stack, call.x, call.state):
        for state, values in zip(course.cell.states, course.after, strict=True):
            reverse = "_reverse" if course.direction else ""
            found[f"{call.name}.{state}_l{course.layer}{reverse}"] = values.float().cpu().numpy()
    return found, [[model.piece(int(token)) for token in row] for row in ids]


@torch.no_grad()
def ends_of(model: Any, texts: Sequence[str]) -> dict[str, npt.NDArray[np.float32]]:
    """The last states of whole texts, by layer as in `Trace.arrays`. model: a `Traceable` one. Shapes: each [N, H]"""
    found: dict[str, list[npt.NDArray[np.float32]]] = {}
    for text in texts:
        with recorded(model.network.eval()) as calls:
            model.forward_pass(text).run()
        (call,) = (each for each in calls if each.name == "stack")
        directions = call.stack.num_directions
        for state, values in zip(call.stack.cell.states, call.last, strict=True):
            for row in range(call.stack.num_layers * directions):
                key = f"{call.name}.{state}_l{row // directions}{'_reverse' if row % directions else ''}"
                found.setdefault(key, []).append(values[row, 0].float().cpu().numpy())
    return {key: np.stack(rows) for key, rows in found.items()}
