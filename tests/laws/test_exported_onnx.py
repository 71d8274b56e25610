"""The ONNX graphs of every cell and of every network say what the network says, with ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from recurra.cells.definition import Cell
from recurra.errors import UsageError
from recurra.export.answers import LIMIT
from recurra.export.onnx.graph import Graph
from recurra.export.onnx.layers import run_stack
from recurra.export.onnx.parts import states_in, states_out
from recurra.export.onnx.proof import graphs, heard, prove, session
from recurra.layers.stack import Stack
from tests.laws.cells_for_tests import CELLS, normalised
from tests.laws.small_generators import GENERATORS
from tests.laws.small_networks import NETWORKS, Small

MORE: dict[str, dict[str, Any]] = {
    "projection": {"cell": "lstm-projected", "proj_size": 3},
    "heads": {"cell": "lstm", "heads": 2},
    "rank": {"cell": "gru", "rank": 3},
    "zoneout": {"cell": "lstm", "zoneout": 0.1, "zoneout_cell": 0.3},
    "no bias": {"cell": "gru", "bias": False},
    "sum": {"cell": "lstm", "bidirectional": True, "merge": "sum", "learned_state": True},
}


def _made(**given: Any) -> Stack:
    torch.manual_seed(0)
    stack = Stack(3, 6, **given).eval()
    if stack.cell is normalised:  # so that nothing is divided by next to nothing
        for weight in stack.parameters():
            torch.nn.init.normal_(weight, std=0.5)
    return stack


def _session(stack: Stack) -> Any:
    graph = Graph("stack")
    x, lengths = graph.input("x", "FLOAT", ["batch", "time", 3]), graph.input("lengths", "INT64", ["batch"])
    found = run_stack(graph, stack, graph.transpose(x, 1, 0, 2), states_in(graph, stack), lengths, graph.size(x, 0))
    graph.output(graph.transpose(found.y, 1, 0, 2), "y", "FLOAT", ["batch", "time", stack.output_size])
    states_out(graph, stack, found.last)
    return session(graph.model({}))


def _check(stack: Stack, batches: tuple[int, ...] = (1, 3), times: tuple[int, ...] = (1, 7, 50)) -> None:
    made = _session(stack)
    for batch in batches:
        for time in times:
            x = torch.randn(batch, time, 3)
            lengths = torch.randint(1, time + 1, (batch,))
            lengths[0] = time
            state = tuple(s.detach() + 0.1 + 0.2 * torch.rand_like(s) for s in stack.initial_state(batch))
            with torch.no_grad():
                y, last = stack(x, state, lengths=lengths)
            given = {f"state_{n}": s.numpy() for n, s in zip(stack.cell.states, state, strict=True)}
            found = made.run(None, {"x": x.numpy(), "lengths": lengths.numpy()} | given)
            for said, expected in zip(found, (y, *last), strict=True):
                np.testing.assert_allclose(said, expected.numpy(), rtol=0, atol=LIMIT)


@pytest.mark.parametrize("cell", CELLS, ids=lambda c: c.name)
def test_every_cell_says_the_same(cell: Cell) -> None:
    """Deep and in both directions, in batches and times that the graph was not made for."""
    _check(_made(cell=cell, num_layers=2, bidirectional=True), (3,), (1, 50))


@pytest.mark.parametrize("given", MORE.values(), ids=MORE)
def test_every_option_of_layers_says_the_same(given: dict[str, Any]) -> None:
    _check(_made(num_layers=2, **given), (3,), (7,))


@pytest.mark.slow
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("cell", CELLS, ids=lambda c: c.name)
def test_the_whole_grid_says_the_same(cell: Cell, layers: int, bidirectional: bool) -> None:
    _check(_made(cell=cell, num_layers=layers, bidirectional=bidirectional))


@pytest.mark.parametrize("small", [*NETWORKS, *GENERATORS], ids=lambda s: f"{s.task} {s.name}")
def test_every_network_says_the_same(small: Small) -> None:
    network: Any = small.network()
    with torch.inference_mode(), heard(network) as calls:
        for batch, time in ((1, 1), (3, 7)):
            torch.manual_seed(batch)
            inputs, lengths = small.draw(batch, time), torch.arange(batch) % time + 1
            lengths[0] = time
            if small.task == "fill":
                f, b = network.read_sentences(inputs, lengths)
                network.output("both", f[:, 0], b[:, 0], torch.ones(batch, dtype=torch.int64))
                network.step(inputs[:, :1], network.step(inputs, None)[1])
            elif small.task in ("translate", "caption"):
                read = (inputs.source, inputs.source_lengths) if small.task == "translate" else (inputs.pictures,)
                reading, tokens = network.read(*read), torch.full((batch,), network.begin)
                for _ in range(3):
                    logits, _, reading = network.step(tokens, reading)
                    tokens = logits.argmax(-1)
            elif not small.ragged:
                network(inputs)
            else:
                network(inputs, lengths)
            if small.task in ("language", "frames", "generate", "generate-frames") and network.why_no_state() is None:
                one = small.draw(batch, 1)
                network(one, None, network(one)[1])
    made = graphs(network)
    proof = prove({name: graph.model({}) for name, graph in made.items()}, calls)
    assert {call.graph for call in calls} == set(made)
    assert proof.numbers > 0


def test_what_no_graph_holds_is_refused() -> None:
    with pytest.raises(UsageError, match="cannot be written as ONNX"):
        graphs(torch.nn.Linear(2, 2))
