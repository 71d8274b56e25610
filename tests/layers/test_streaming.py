"""Stack.stream: one step at a time gives what the whole sequence gives."""

from __future__ import annotations

import pytest
import torch

from recurra.cells.definition import Cell
from recurra.errors import ShapeError, UsageError
from recurra.layers.stack import Stack
from recurra.layers.stream import StackStream
from tests.laws.cells_for_tests import CELLS

TOLERANCE = {torch.float32: (1e-4, 1e-5), torch.float64: (1e-9, 1e-11)}
engines = pytest.mark.parametrize("engine", ["native", "reference"])


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(7)


def run(stream: StackStream, x: torch.Tensor) -> torch.Tensor:
    return torch.stack([stream.step(x[:, t]).clone() for t in range(x.shape[1])], 1)


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@engines
@pytest.mark.parametrize("cell", CELLS, ids=lambda c: c.name)
def test_steps_equal_the_whole_sequence(cell: Cell, engine: str, dtype: torch.dtype) -> None:
    layers = Stack(3, 5, 2, cell=cell, engine=engine, dtype=dtype)
    x = torch.randn(4, 6, 3, dtype=dtype)
    state = tuple(torch.rand(2, 4, 5, dtype=dtype) for _ in cell.states)
    with torch.no_grad():
        y, last = layers(x, state)
    stream = layers.stream(4, state)
    rtol, atol = TOLERANCE[dtype]
    torch.testing.assert_close(run(stream, x), y, rtol=rtol, atol=atol)
    torch.testing.assert_close(stream.state, last, rtol=rtol, atol=atol)


@engines
@pytest.mark.parametrize("sizes", [(1, 1, 1), (1, 33, 17), (9, 2, 40)], ids=str)
def test_at_odd_sizes_without_bias(engine: str, sizes: tuple[int, int, int]) -> None:
    batch, inputs, hidden = sizes
    layers = Stack(inputs, hidden, bias=False, engine=engine)
    x = torch.randn(batch, 3, inputs)
    with torch.no_grad():
        y, _ = layers(x)
    torch.testing.assert_close(run(layers.stream(batch), x), y, rtol=1e-4, atol=1e-5)


@engines
def test_states_are_copies_that_can_be_put_back(engine: str) -> None:
    stream = Stack(3, 5, 2, engine=engine).stream(2)
    x = torch.randn(2, 4, 3)
    run(stream, x)
    kept = stream.state
    seen = [s.clone() for s in kept]
    y = run(stream, x)
    for one, other in zip(kept, seen, strict=True):
        assert torch.equal(one, other), "a state that was read changes no more"
    assert not torch.equal(stream.state[0], kept[0])
    stream.state = kept
    assert torch.equal(run(stream, x), y)


@engines
def test_a_learned_state_is_the_start_and_no_graph_is_kept(engine: str) -> None:
    layers = Stack(3, 5, 2, cell="gru", learned_state=True, engine=engine)
    with torch.no_grad():
        layers.get_parameter("initial_h").normal_()
        expected = layers(torch.ones(2, 1, 3))[0][:, 0]
    y = layers.stream(2).step(torch.ones(2, 3))
    assert not y.requires_grad
    torch.testing.assert_close(y, expected, rtol=1e-4, atol=1e-5)


def test_input_of_any_layout_is_taken() -> None:
    layers = Stack(3, 5)
    x = torch.randn(3, 2).T
    assert torch.equal(layers.stream(2).step(x), layers.stream(2).step(x.contiguous()))


@engines
def test_wrong_shapes_are_told(engine: str) -> None:
    layers = Stack(3, 5, 2, engine=engine)
    stream = layers.stream(2)
    for wrong in (torch.zeros(1, 3), torch.zeros(2, 4), torch.zeros(2, 1, 3), torch.zeros(3)):
        with pytest.raises(ShapeError, match=r"expected x \[2, 3\]"):
            stream.step(wrong)
    good = torch.zeros(2, 2, 5)
    for states in ((good,), (good, torch.zeros(1, 2, 5)), (good, torch.zeros(2, 3, 5)), (good, torch.zeros(2, 2, 4))):
        with pytest.raises(ShapeError):
            stream.state = states
        with pytest.raises(ShapeError):
            layers.stream(2, states)
    stream.step(torch.zeros(2, 3))


@engines
def test_a_refused_state_changes_nothing(engine: str) -> None:
    stream = Stack(3, 5, 2, engine=engine).stream(2)
    stream.step(torch.ones(2, 3))
    before = stream.state
    with pytest.raises(ShapeError):
        stream.state = (torch.zeros(2, 2, 5), torch.zeros(2, 2, 4))
    for one, other in zip(stream.state, before, strict=True):
        assert torch.equal(one, other)


@engines
def test_another_type_is_told(engine: str) -> None:
    with pytest.raises(ShapeError, match="float64"):
        Stack(3, 5, engine=engine).stream(2).step(torch.zeros(2, 3, dtype=torch.float64))


def test_two_directions_cannot_stream() -> None:
    with pytest.raises(UsageError, match="bidirectional stack cannot stream"):
        Stack(3, 5, bidirectional=True).stream()


@pytest.mark.parametrize("batch", [0, -1, True, 1.5])
def test_batch_is_a_whole_number(batch: object) -> None:
    with pytest.raises(UsageError, match="batch must be a whole number from 1"):
        Stack(3, 5).stream(batch)  # type: ignore[arg-type]
