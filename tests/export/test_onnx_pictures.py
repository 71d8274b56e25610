"""Convolutions that see a grid, as a graph: pictures of every size, drawn ones and noise."""

from __future__ import annotations

import numpy as np
import pytest
import torch

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from recurra.export.onnx.graph import Graph
from recurra.export.onnx.pictures import grid_of
from recurra.export.onnx.proof import session
from recurra.topologies.grid_encoders import SmallConvolutions


def test_a_grid_is_seen_as_by_torch() -> None:
    torch.manual_seed(0)
    encoder = SmallConvolutions().eval()
    for part in encoder.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            assert part.running_mean is not None
            assert part.running_var is not None
            part.running_mean.normal_()
            part.running_var.uniform_(0.3, 3)
            torch.nn.init.normal_(part.weight)
            torch.nn.init.normal_(part.bias)
    graph = Graph("grid")
    pictures = graph.input("pictures", "UINT8", ["batch", 3, "height", "width"])
    graph.output(grid_of(graph, encoder, pictures), "grid", "FLOAT", ["batch", "places", 64])
    made = session(graph.model({}))
    rng = np.random.default_rng(0)
    for size in (8, 16, 27, 30, 33):
        asked = rng.integers(256, size=(3, 3, size, size), dtype=np.uint8)
        asked[1], asked[2] = 40, 200  # a ground with a figure, a ground alone
        asked[1, :, 2:6, 3:7] = np.array([250, 10, 90], np.uint8)[:, None, None]
        with torch.inference_mode():
            expected = encoder(torch.from_numpy(asked)).numpy()
        found = made.run(["grid"], {"pictures": asked})[0]
        limit = 1e-5 * max(1.0, float(np.abs(expected).max()))
        np.testing.assert_allclose(found, expected, rtol=0, atol=limit, err_msg=str(size))
