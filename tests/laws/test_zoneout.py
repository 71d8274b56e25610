"""Zoneout: a unit keeps an old value by a mask of each step, whatever the cell, and whoever runs it."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

import recurra
from recurra.cells.catalogue import get
from recurra.cells.definition import Cell
from recurra.cells.variants import expected_zoneout, low_rank, masked_zoneout
from recurra.engines.request import CellWeights
from recurra.errors import ShapeError, UsageError
from recurra.layers.stack import Stack
from recurra.recurrence import unroll
from tests.laws.law_cases import Answer, Sample, assert_same, draw, every_cell, every_pair, gradients

LENGTHS = [4, 2, 3]
MASKS = ("native", "reference")
"""Engines that take masks."""


def masks(cell: Cell) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(7)
    return tuple(torch.rand(3, 4, 5, generator=generator).lt(0.4).double() for _ in cell.given)


def answer(cell: Cell, engine: str, sample: Sample, given: tuple[Tensor, ...], *, reverse: bool = False) -> Answer:
    """With gradients; without, where other code runs, the states are the same."""

    def states() -> tuple[Tensor, tuple[Tensor, ...]]:
        weights, lengths = CellWeights(**sample.weights), torch.tensor(LENGTHS)
        return unroll(
            cell, weights, sample.x, sample.state, lengths=lengths, reverse=reverse, given=given, engine=engine
        )

    y, last = states()
    with torch.no_grad():
        torch.testing.assert_close(states(), (y, last))
    return gradients(sample, {"y": y} | {f"last {n}": s for n, s in zip(cell.states, last, strict=True)})


def mixed_by_hand(cell: Cell, sample: Sample, kept: list[Tensor], *, reverse: bool = False) -> Answer:
    """One step of the cell itself after the other, each new state where its mask is 0."""
    weights, rows = CellWeights(**sample.weights), []
    ends: list[list[Tensor]] = [[] for _ in cell.states]
    for b, length in enumerate(LENGTHS):
        state, outputs = tuple(s[b : b + 1] for s in sample.state), [sample.x.new_zeros(1, 5)] * 4
        for t in reversed(range(length)) if reverse else range(length):
            _, new = unroll(cell, weights, sample.x[b : b + 1, t : t + 1], state, engine="reference")
            one = [kept[min(i, 1)][b : b + 1, t] for i in range(len(state))]
            state = tuple(m * old + (1 - m) * n for m, old, n in zip(one, state, new, strict=True))
            outputs[t] = state[0]
        rows.append(torch.stack(outputs, 1))
        for end, value in zip(ends, state, strict=True):
            end.append(value)
    last = {f"last {n}": torch.cat(end) for n, end in zip(cell.states, ends, strict=True)}
    return gradients(sample, {"y": torch.cat(rows)} | last)


@every_pair
def test_every_engine_keeps_what_the_masks_say(cell: Cell, engine: str) -> None:
    if engine not in MASKS:
        pytest.skip("takes no masks")
    zoned, sample = masked_zoneout(cell, (True, True)), draw(cell, 3, 4)
    given = masks(zoned)
    assert len(given) == min(2, len(cell.states))
    expected = mixed_by_hand(cell, sample, list(given), reverse=True)
    assert_same(answer(zoned, engine, sample, given, reverse=True), expected)


@every_cell
def test_evaluation_takes_the_expectation(cell: Cell) -> None:
    sample, shares = draw(cell, 3, 4), (0.3, 0.2)
    kept = [torch.full((3, 4, 5), share, dtype=torch.float64) for share in shares]
    expected = mixed_by_hand(cell, sample, kept)
    zoned = expected_zoneout(cell, shares)
    for engine in ("native", "reference"):
        assert_same(answer(zoned, engine, sample, ()), expected)
    assert zoned.program().linear == masked_zoneout(cell, (True, True)).program().linear == cell.program().linear
    assert zoned.program().units_apart == cell.program().units_apart


@pytest.mark.parametrize("engine", MASKS)
@pytest.mark.parametrize("name", ["lstm", "min-gru"])
def test_gradients_of_kept_states(name: str, engine: str) -> None:
    cell = get(name)
    zoned, sample = masked_zoneout(cell, (True, len(cell.states) > 1)), draw(cell, 3, 4)
    given, names = masks(zoned), list(sample.weights)

    def run(x: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        weights = CellWeights(**dict(zip(names, rest[len(sample.state) :], strict=True)))
        y, last = unroll(zoned, weights, x, rest[: len(sample.state)], given=given, engine=engine)
        return y, *last

    assert torch.autograd.gradcheck(run, (sample.x, *sample.state, *sample.weights.values()))


@pytest.mark.parametrize("name", ["slstm", "gru", "sru"])
def test_a_seed_gives_the_same_masks_on_every_engine_and_number_of_threads(name: str) -> None:
    x, shares = torch.randn(5, 7, 3), {"zoneout": 0.3} | ({} if name == "gru" else {"zoneout_cell": 0.2})
    layer = Stack(3, 72, 2, cell=name, bidirectional=True, **shares)
    before, found = torch.get_num_threads(), []
    try:
        for layer.engine, threads in itertools.product(MASKS, (1, 2)):
            torch.set_num_threads(threads)
            torch.manual_seed(3)
            found.append(layer(x)[0])
    finally:
        torch.set_num_threads(before)
    for one in found[1:]:
        torch.testing.assert_close(one, found[0], rtol=1e-4, atol=1e-5)
    assert not torch.equal(layer(x)[0], found[-1])
    layer.eval()
    assert torch.equal(layer(x)[0], layer(x)[0])


def test_a_kept_unit_does_not_move_and_others_are_not_touched() -> None:
    layer, x = Stack(3, 64, zoneout=0.5, zoneout_cell=1.0), torch.randn(2, 9, 3)
    y, (_, c) = layer(x, (torch.zeros(1, 2, 64), torch.ones(1, 2, 64)))
    assert torch.equal(c, torch.ones_like(c))
    still = (y[:, 1:] == y[:, :-1]).double().mean()
    assert 0.4 < float(still) < 0.6
    layer.eval()
    steps, whole = layer.stream(2), layer(x)[0]
    one_by_one = torch.stack([steps.step(x[:, t]).clone() for t in range(9)], 1)
    torch.testing.assert_close(one_by_one, whole.detach())


@pytest.mark.parametrize("engine", MASKS)
@pytest.mark.parametrize("name", ["lstm", "gru", "slstm", "min-lstm"])
def test_a_cell_called_step_by_step_is_a_layer_of_one_step(name: str, engine: str) -> None:
    shares = {"zoneout": 0.3} | ({"zoneout_cell": 0.6} if len(get(name).states) > 1 else {})
    one = recurra.RNNCell(3, 16, cell=name, engine=engine, **shares)
    layer = Stack(3, 16, cell=name, engine=engine, **shares)
    layer.load_state_dict({f"{key}_l0": value for key, value in one.state_dict().items()})
    x, state = torch.randn(4, 3), tuple(torch.rand(4, 16) + 0.3 for _ in one.cell.states)
    found = []
    for training in (True, False):
        torch.manual_seed(3)
        step = one.train(training)(x, state if len(state) > 1 else state[0])
        torch.manual_seed(3)
        _, last = layer.train(training)(x.unsqueeze(1), tuple(s.unsqueeze(0) for s in state))
        found.append(step if isinstance(step, tuple) else (step,))
        for own, expected in zip(found[-1], last, strict=True):
            assert torch.equal(own, expected.squeeze(0))
    assert not torch.equal(found[0][0], found[1][0])
    kept = (found[0][0] == state[0]).double().mean()
    assert 0.1 < float(kept) < 0.55
    one.train()
    assert not torch.equal(one(x)[0], one(x)[0])
    single = one.eval()(x[0], state[0][0] if len(state) == 1 else tuple(s[0] for s in state))
    assert torch.allclose(single if len(state) == 1 else single[0], found[1][0][0], atol=1e-6)
    assert "zoneout=0.3" in repr(one)


def test_a_cell_says_what_zoneout_it_cannot_have() -> None:
    with pytest.raises(UsageError, match=r"zoneout_cell=0\.1 acts on the states beside the output; gru has the output"):
        recurra.GRUCell(3, 8, zoneout_cell=0.1)
    with pytest.raises(UsageError, match=r"zoneout must be a number from 0 to 1, got 2"):
        recurra.LSTMCell(3, 8, zoneout=2)


def test_masks_that_do_not_fit_are_named() -> None:
    cell = get("lstm")
    zoned, sample = masked_zoneout(cell, (True, True)), draw(cell, 3, 4)
    weights = CellWeights(**sample.weights)
    with pytest.raises(ShapeError, match=r"is given 2 masks \['z_h', 'z_c'\], got 0"):
        unroll(zoned, weights, sample.x, sample.state)
    short = torch.zeros(3, 5, 5, dtype=torch.float64)
    with pytest.raises(ShapeError, match=r"expected z_h \[B, T, H\] = \[3, 4, 5\], got \[3, 5, 5\]"):
        unroll(zoned, weights, sample.x, sample.state, given=(short, short))


@pytest.mark.parametrize("engine", ["native", "reference"])
@pytest.mark.parametrize("name", ["lstm", "gru-cho", "slstm", "fast-grnn", "lstm-layernorm"])
def test_low_rank_is_the_product_of_its_factors(name: str, engine: str) -> None:
    cell = get(name)
    factored, dense = Stack(3, 6, 2, cell=cell, rank=2, engine=engine).double(), Stack(3, 6, 2, cell=cell).double()
    gates = len(cell.layout()["weight_hh"])
    for depth in range(2):
        left, right = (getattr(factored, f"{w}_l{depth}") for w in ("weight_hh", "weight_hr"))
        assert (left.shape, right.shape) == ((gates * 6, 2), (gates * 2, 6))
        getattr(dense, f"weight_hh_l{depth}").data = (left.view(gates, 6, 2) @ right.view(gates, 2, 6)).flatten(0, 1)
        for stored in cell.layout():
            if stored != "weight_hh":
                getattr(dense, f"{stored}_l{depth}").data = getattr(factored, f"{stored}_l{depth}").data
    x = torch.randn(4, 5, 3, dtype=torch.float64).requires_grad_()
    lengths = torch.tensor([5, 2, 4, 1])
    y = factored(x, lengths=lengths)[0]
    z = dense(x, lengths=lengths)[0]
    torch.testing.assert_close(y, z)
    down = [torch.autograd.grad((v * v).sum(), x)[0] for v in (y, z)]
    torch.testing.assert_close(*down)
    steps = factored.stream(4)
    one_by_one = torch.stack([steps.step(x[:, t]).clone() for t in range(2)], 1)
    torch.testing.assert_close(one_by_one, factored(x[:, :2])[0].detach())


@pytest.mark.parametrize("engine", MASKS)
def test_low_rank_has_gradients_dropout_and_zoneout(engine: str) -> None:
    zoned = masked_zoneout(low_rank(get("gru")), (True, False))
    generator = torch.Generator().manual_seed(0)
    shapes = zoned.shapes(3, 5, proj_size=2)
    leaves = [
        torch.randn(s, generator=generator, dtype=torch.float64).mul(0.6).requires_grad_() for s in shapes.values()
    ]
    x, h = (torch.randn(s, generator=generator, dtype=torch.float64).requires_grad_() for s in ((3, 4, 3), (3, 5)))
    dropped = torch.rand(3, 5, generator=generator, dtype=torch.float64).lt(0.5).double()

    def run(x: Tensor, h: Tensor, *weights: Tensor) -> Tensor:
        held = CellWeights(**dict(zip(shapes, weights, strict=True)))
        return unroll(zoned, held, x, (h,), recurrent_mask=dropped, given=masks(zoned), engine=engine)[0]

    assert torch.autograd.gradcheck(run, (x, h, *leaves))
