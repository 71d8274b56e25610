"""Graphs of bytes: what runs on whole numbers, what is stored as such, and that scores are those of the graphs."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

import onnx

from recurra.errors import UsageError
from recurra.export.onnx.proof import graphs, session
from recurra.export.onnx.small import answering, floats_left, shrink
from recurra.topologies.frames import FrameNetwork
from recurra.topologies.many_to_many import NextToken
from recurra.topologies.settings import FrameSettings, NextTokenSettings
from tests.laws.small_networks import NETWORKS

X = np.random.default_rng(0).standard_normal((2, 9, 3)).astype(np.float32)


def _network(cell: str) -> FrameNetwork:
    torch.manual_seed(0)
    return FrameNetwork(3, 4, FrameSettings(hidden_size=32, cell=cell), per_frame=True).eval()


@pytest.mark.parametrize(
    ("cell", "left", "runs"),
    [("lstm", [], "DynamicQuantizeLSTM"), ("gru", ["GRU"], "GRU"), ("ugrnn", ["Scan"], "Scan")],
)
def test_what_has_whole_numbers_runs_on_them(cell: str, left: list[str], runs: str) -> None:
    network = _network(cell)
    whole = graphs(network)["sequence"].model({"labels": json.dumps(["a"])})
    small, found = shrink(whole)
    assert found == left
    assert len(small) < (0.6 if cell == "lstm" else 0.75) * len(whole)
    made = onnx.load_from_string(small)
    assert {"DynamicQuantizeLinear", runs} <= {node.op_type for node in made.graph.node}
    assert {each.key: each.value for each in made.metadata_props}["labels"] == '["a"]'
    states = {f"state_{name}": np.zeros((1, 2, 32), np.float32) for name in network.stack.cell.states}
    asked = {"frames": X, "lengths": np.array([9, 4])} | states
    exact, rounded = (session(model).run(["logits"], asked)[0] for model in (whole, small))
    off = np.abs(exact - rounded)[0].max()
    assert 1e-5 < off < 0.03


def test_it_is_said_what_still_computes_in_floats() -> None:
    assert floats_left([]) == ""
    assert floats_left(["GRU"]).startswith("int8: ONNX Runtime runs GRU in float32")
    assert "GRU and the cell's own equations in" in floats_left(["GRU", "Scan"])


def test_scores_are_those_of_the_graphs() -> None:
    torch.manual_seed(0)
    network = NextToken(20, NextTokenSettings(hidden_size=32, embedding_size=16)).eval()
    models = {name: shrink(graph.model({}))[0] for name, graph in graphs(network).items()}
    tokens = torch.from_numpy(np.random.default_rng(0).integers(20, size=(2, 8)))

    def asked() -> tuple[Any, ...]:
        with torch.inference_mode():
            logits, state = network(tokens)
            losses, y, after = network.losses_and_outputs(tokens[:, :-1], tokens[:, 1:])
            return logits, state[0], losses, after[1], network.losses(tokens[:, :-1], tokens[:, 1:])[0], y

    exact = asked()
    with answering(network, models):
        rounded = asked()
    again = asked()
    *changed, same = [float((a - b).abs().max()) for a, b in zip(exact, rounded, strict=True)]
    assert all(1e-6 < off < 0.02 for off in changed), changed
    assert same == 0
    torch.testing.assert_close(rounded[2], rounded[4])
    losses = torch.nn.functional.cross_entropy(rounded[0][:, :-1].flatten(0, 1), tokens[:, 1:].flatten())
    assert float(rounded[2].mean()) == pytest.approx(float(losses), abs=2e-3)  # one token more is read: another scale
    assert all(torch.equal(a, b) for a, b in zip(exact, again, strict=True))


def test_what_is_searched_around_is_not_scored() -> None:
    translator = next(each for each in NETWORKS if "state alone" in each.name).make()
    searched = pytest.raises(UsageError, match=r"EncoderDecoder are searched .*\n.*--weights float32")
    with searched, answering(translator, {}):
        pass
