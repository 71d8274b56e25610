"""States that are projections, narrower than the units: every engine as the reference."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from recurra.cells.definition import Cell, cell
from recurra.cells.lstm import lstm_projected
from recurra.engines.request import CellWeights, Embedded
from recurra.equations.symbols import P, R, W, b, sigmoid, tanh
from recurra.errors import CellError, ShapeError
from recurra.layers.stack import Stack
from recurra.recurrence import stream, unroll
from tests.laws.law_cases import place_weights


@cell(source="two projections, one of them a state that nobody reads; a product with no gate of its own")
def twice_projected(x: Any, h: Any, c: Any, y: Any) -> Any:
    f = sigmoid(W.f @ x + R.f @ h + b.f)
    c = f * c + (1 - f) * tanh(W.c @ x + R.c @ h + b.c)
    h = P.h @ (c * f)
    y = P.y @ c + 0.5 * h * h
    return h, c, y


BATCH, TIME, INPUTS, HIDDEN, NARROW = 4, 6, 3, 7, 4
LENGTHS = torch.tensor([6, 1, 4, 3])
every_projected = pytest.mark.parametrize("which", [lstm_projected, twice_projected], ids=lambda c: c.name)


def drawn(which: Cell, dtype: torch.dtype = torch.float64) -> tuple[dict[str, Tensor], Tensor, tuple[Tensor, ...]]:
    """Weights, x and states, all of them leaves."""
    generator = torch.Generator().manual_seed(3)

    def normal(*shape: int) -> Tensor:
        values = 0.6 * torch.randn(shape, generator=generator, dtype=torch.float64)
        return values.to(dtype).requires_grad_()

    shapes = which.shapes(INPUTS, HIDDEN, proj_size=NARROW)
    weights = {name: normal(*shape) for name, shape in shapes.items()}
    states = tuple(normal(BATCH, width) for width in which.widths(HIDDEN, NARROW))
    return weights, normal(BATCH, TIME, INPUTS), states


def test_shapes() -> None:
    shapes = lstm_projected.shapes(3, 7, proj_size=4)
    assert shapes == {
        "weight_ih": (28, 3),
        "weight_hh": (28, 4),
        "bias_ih": (28,),
        "bias_hh": (28,),
        "weight_hr": (4, 7),
    }
    assert lstm_projected.widths(7, 4) == (4, 7)
    assert twice_projected.widths(7, 4) == (4, 7, 4)
    assert twice_projected.shapes(3, 7, proj_size=4)["weight_hr"] == (8, 7)
    assert lstm_projected.program().parameter_count(3, 7, 4) == sum(torch.empty(s).numel() for s in shapes.values())


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("tokens", [False, True])
@every_projected
def test_native_is_the_reference(which: Cell, tokens: bool, masked: bool, reverse: bool) -> None:
    weights, x, state = drawn(which)
    mask = (torch.arange(16).view(4, 4) % 3).double() if masked else None
    found = {}
    for engine in ("native", "reference"):
        given = Embedded(torch.arange(24).view(4, 6) % TIME, x[0]) if tokens else x
        y, last = unroll(
            which,
            CellWeights(**weights),
            given,
            state,
            lengths=LENGTHS,
            reverse=reverse,
            recurrent_mask=mask,
            engine=engine,
        )
        total = sum((place_weights(v) * v).sum() for v in (y, *last))
        leaves = [x, *state, *weights.values()]
        given_back = torch.autograd.grad(total, leaves, allow_unused=True)
        d = [torch.zeros_like(leaf) if g is None else g for leaf, g in zip(leaves, given_back, strict=True)]
        found[engine] = [y, *last, *d]
    for one, other in zip(found["native"], found["reference"], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize(("batch", "hidden", "narrow"), [(1, 100, 37), (1, 160, 1), (70, 40, 33), (2, 96, 96)])
@every_projected
def test_every_width(which: Cell, batch: int, hidden: int, narrow: int) -> None:
    """Units shared by threads, rows of several groups, products of whole and of broken panels."""
    generator = torch.Generator().manual_seed(batch + hidden + narrow)

    def normal(*shape: int) -> Tensor:
        return (torch.randn(shape, generator=generator, dtype=torch.float64) / 8).requires_grad_()

    weights = {name: normal(*shape) for name, shape in which.shapes(3, hidden, proj_size=narrow).items()}
    x, state = normal(batch, 4, 3), tuple(normal(batch, width) for width in which.widths(hidden, narrow))
    leaves, found = [x, *state, *weights.values()], []
    for engine in ("native", "reference"):
        y, last = unroll(which, CellWeights(**weights), x, state, engine=engine)
        total = torch.stack([(place_weights(v) * v).sum() for v in (y, *last)]).sum()
        found.append([y, *last, *torch.autograd.grad(total, leaves, allow_unused=True, materialize_grads=True)])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


@every_projected
def test_finite_differences(which: Cell) -> None:
    weights, x, state = drawn(which)

    def run(*given: Tensor) -> tuple[Tensor, ...]:
        named = dict(zip(weights, given[1 + len(state) :], strict=True))
        y, last = unroll(which, CellWeights(**named), given[0], given[1 : 1 + len(state)], lengths=LENGTHS)
        return y, *last

    assert torch.autograd.gradcheck(run, (x, *state, *weights.values()), fast_mode=True)


@every_projected
def test_a_gradient_alone_is_the_same_as_among_all(which: Cell) -> None:
    weights, x, state = drawn(which)
    y, _ = unroll(which, CellWeights(**weights), x, state)
    among = torch.autograd.grad(y.sum(), list(weights.values()), retain_graph=True, allow_unused=True)
    for number, weight in enumerate(weights.values()):
        (alone,) = torch.autograd.grad(y.sum(), [weight], retain_graph=True, allow_unused=True)
        torch.testing.assert_close(alone, among[number], rtol=0, atol=0)


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_one_step_at_a_time(engine: str) -> None:
    weights, x, state = drawn(lstm_projected)
    y, last = unroll(lstm_projected, CellWeights(**weights), x, state, engine=engine)
    steps = stream(lstm_projected, CellWeights(**weights), state, engine=engine)
    each = torch.stack([steps.step(x[:, t]).clone() for t in range(TIME)], 1)
    torch.testing.assert_close(each, y.detach())
    torch.testing.assert_close(steps.state, tuple(s.detach() for s in last))


def test_under_autocast() -> None:
    weights, x, state = drawn(lstm_projected, torch.float32)
    y, _ = unroll(lstm_projected, CellWeights(**weights), x, state)
    with torch.autocast("cpu", torch.bfloat16):
        half, last = unroll(lstm_projected, CellWeights(**weights), x, state)
    assert [s.dtype for s in last] == [torch.float32] * 2
    torch.testing.assert_close(half.float(), y, rtol=3e-2, atol=3e-2)


def test_a_stack_of_them_streams_drops_and_learns_its_states() -> None:
    stack = Stack(
        3, 7, 2, cell="lstm-projected", proj_size=4, recurrent_dropout=0.5, learned_state=True, init="orthogonal"
    )
    assert stack.output_size == 4
    assert bool((stack.weight_hr_l0 != 0).any())
    y, (h, c) = stack(torch.randn(2, 5, 3))
    assert (y.shape, h.shape, c.shape) == ((2, 5, 4), (2, 2, 4), (2, 2, 7))
    y.sum().backward()
    assert all(p.grad is not None for p in stack.parameters())
    stack.eval()
    x, steps = torch.randn(2, 5, 3), stack.stream(2)
    with torch.no_grad():
        torch.testing.assert_close(torch.stack([steps.step(x[:, t]).clone() for t in range(5)], 1), stack(x)[0])


def test_what_does_not_fit_is_said() -> None:
    weights, x, state = drawn(lstm_projected)
    with pytest.raises(ShapeError, match=r"expected state h \[B, H\] = \[4, 4\], got \[4, 7\]"):
        unroll(lstm_projected, CellWeights(**weights), x, (state[1], state[1]))
    weights["weight_hr"] = torch.zeros(8, 7, dtype=torch.float64)
    with pytest.raises(ShapeError, match=r"weight_hr \[N, 7\], N from 1 to 7, for lstm-projected, got \[8, 7\]"):
        unroll(lstm_projected, CellWeights(**weights), x, state)


def test_widths_that_do_not_go_together() -> None:
    with pytest.raises(CellError, match="one value is as wide as the projection"):

        @cell()
        def mixed(x: Any, h: Any, c: Any) -> Any:
            c = tanh(W.c @ x + R.c @ h)
            h = P.h @ c * c
            return h, c

    with pytest.raises(CellError, match=r"R\.d and R\.c map values of different width"):

        @cell()
        def two_widths(x: Any, h: Any, c: Any) -> Any:
            c = tanh(W.c @ x + R.c @ h + R.d @ c)
            h = P.h @ c
            return h, c

    with pytest.raises(CellError, match=r"P\.g maps a value as wide as the units"):

        @cell()
        def again(x: Any, h: Any, c: Any) -> Any:
            c = tanh(W.c @ x + R.c @ h)
            h = P.g @ (P.h @ c)
            return h, c


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_a_projection_without_a_recurrent_matrix(engine: str) -> None:
    @cell()
    def alone(x: Any, y: Any, c: Any) -> Any:
        c = 0.5 * c + W.c @ x
        y = P.y @ c
        return y, c

    weights = {n: torch.ones(s) for n, s in alone.shapes(2, 3, proj_size=2).items()}
    x = torch.ones(1, 2, 2)
    y, _ = unroll(alone, CellWeights(**weights), x, engine=engine)
    assert y.tolist() == [[[6.0, 6.0], [9.0, 9.0]]]
