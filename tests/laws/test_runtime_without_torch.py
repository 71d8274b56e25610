"""Layers of `recurra.runtime` are layers of torch: every cell, both ways, padded, with states, step by step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recurra import model_folder
from recurra.cells import catalogue
from recurra.engines.native import library
from recurra.layers.stack import Stack
from recurra.runtime.layers import Layers
from recurra.runtime.weights import Weights
from tests.laws.cells_for_tests import CELLS

pytestmark = pytest.mark.skipif(library.why_missing() is not None, reason="the native core is not built")
MORE: dict[str, dict[str, Any]] = {
    "heads": {"cell": "lstm", "heads": 2},
    "rank": {"cell": "gru", "rank": 3},
    "zoneout": {"cell": "lstm", "zoneout": 0.1, "zoneout_cell": 0.3},
    "learned": {"cell": "lstm", "learned_state": True},
    "both ways": {"cell": "gru", "bidirectional": True},
    "sum": {"cell": "lstm", "bidirectional": True, "merge": "sum"},
}
LIMIT = 2e-6


def _both(given: dict[str, Any], folder: Path) -> tuple[Stack, Layers]:
    torch.manual_seed(0)
    stack = Stack(3, 6, 2, **given).eval()
    for name, weight in stack.named_parameters():
        if name.startswith("initial_"):
            torch.nn.init.normal_(weight)
    held = {f"stack.{name}": weight for name, weight in stack.state_dict().items()}
    model_folder.write(folder, config={}, preprocessing={}, weights=held, metrics={})
    weights = Weights(model_folder.read(folder))
    layers = Layers(weights, {"hidden_size": 6, "num_layers": 2} | given, 3, 1, "stack")
    weights.done()
    return stack, layers


def _given() -> dict[str, dict[str, Any]]:
    return {cell.name: {"cell": cell.name} for cell in CELLS} | MORE


@pytest.mark.parametrize("name", list(_given()))
def test_layers_without_torch_say_the_same(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "_cells", {cell.name: cell for cell in (*catalogue.BUILT_IN, *CELLS)})
    stack, layers = _both(_given()[name], tmp_path / "model")
    x = np.random.default_rng(0).standard_normal((3, 7, 3)).astype(np.float32)
    lengths = np.array([7, 1, 4])
    with torch.no_grad():
        y, state = stack(torch.from_numpy(x), lengths=torch.from_numpy(lengths))
        more, last = stack(torch.from_numpy(x), state)
    found, after = layers.run(x, lengths=lengths)
    np.testing.assert_allclose(found, y.numpy(), rtol=0, atol=LIMIT)
    for one, other in zip(after, state, strict=True):
        np.testing.assert_allclose(one, other.numpy(), rtol=1e-6, atol=LIMIT)
    again, ends = layers.run(x, after)
    np.testing.assert_allclose(again, more.numpy(), rtol=0, atol=LIMIT)
    np.testing.assert_allclose(ends[0], last[0].numpy(), rtol=0, atol=LIMIT)
    if not layers.bidirectional:
        stream = layers.stream()
        steps = np.concatenate([stream.step(x[:1, t]).copy() for t in range(7)])
        np.testing.assert_allclose(steps, y[0].numpy(), rtol=0, atol=LIMIT)
