"""Stack: depth, directions, dropout, starting states."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from recurra.cells.catalogue import BUILT_IN
from recurra.cells.definition import Cell
from recurra.engines.request import Embedded
from recurra.errors import EngineError, ShapeError, UnknownNameError, UsageError
from recurra.layers.dropout import dropout
from recurra.layers.stack import Stack
from recurra.layers.states import stacked
from recurra.recurrence import unroll

LENGTHS = torch.tensor([6, 1, 4, 5])
every_cell = pytest.mark.parametrize("cell", BUILT_IN, ids=lambda c: c.name)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(11)


def test_layers_feed_each_other() -> None:
    layer, x = Stack(3, 5, 2, cell="gru", bidirectional=True), torch.randn(4, 6, 3)
    y, (h,) = layer(x, lengths=LENGTHS)
    below, last = x, []
    for depth in (0, 1):
        outputs = []
        for direction in (0, 1):
            out, (end,) = unroll(
                layer.cell, layer.weights(depth, direction), below, lengths=LENGTHS, reverse=direction == 1
            )
            outputs.append(out)
            last.append(end)
        below = torch.cat(outputs, -1)
    assert torch.equal(y, below)
    assert torch.equal(h, torch.stack(last))


@every_cell
def test_directions_summed(cell) -> None:
    both = Stack(3, 5, cell=cell, bidirectional=True)
    summed = Stack(3, 5, cell=cell, bidirectional=True, merge="sum")
    summed.load_state_dict(both.state_dict())
    x = torch.randn(4, 6, 3)
    y, last = both(x, lengths=LENGTHS)
    z, last_summed = summed(x, lengths=LENGTHS)
    assert torch.equal(z, y[..., :5] + y[..., 5:])
    assert all(torch.equal(a, b) for a, b in zip(last, last_summed, strict=True))
    assert (both.output_size, summed.output_size) == (10, 5)
    deep = Stack(3, 5, 3, cell=cell, bidirectional=True, merge="sum")
    assert deep(x)[0].shape == (4, 6, 5)


@every_cell
def test_embedded_equals_its_vectors(cell) -> None:
    layer = Stack(3, 5, 2, cell=cell, bidirectional=True)
    table, tokens = torch.randn(9, 3, requires_grad=True), torch.randint(0, 9, (4, 6))
    gradients = []
    for x in (Embedded(tokens, table), table[tokens]):
        y, last = layer(x, lengths=LENGTHS)
        total = y.square().sum() + sum(s.sum() for s in last)
        gradients.append((y, *torch.autograd.grad(total, [table, *layer.parameters()])))
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)
    unread = set(range(9)) - {int(t) for row, n in zip(tokens, LENGTHS, strict=True) for t in row[:n]}
    assert all(not gradients[0][1][token].any() for token in unread)


# dropout


def test_dropout_between_layers_is_off_in_eval_and_on_in_training() -> None:
    layer, x = Stack(3, 5, 2, dropout=0.5), torch.randn(4, 6, 3)
    plain = Stack(3, 5, 2)
    plain.load_state_dict(layer.state_dict())
    assert not torch.equal(layer(x)[0], layer(x)[0])
    assert torch.equal(layer.eval()(x)[0], plain(x)[0])


def test_dropout_does_not_touch_the_last_layer() -> None:
    layer = Stack(3, 50, 2, dropout=1.0)
    y, _ = layer(torch.randn(4, 6, 3))
    assert y.all(), "the second layer saw zeros and put out its own"


@pytest.mark.parametrize("cell", [c for c in BUILT_IN if "weight_hh" in c.layout()], ids=lambda c: c.name)
def test_recurrent_dropout_is_one_mask_for_a_sequence(cell) -> None:
    layer, x = Stack(3, 5, 2, cell=cell, recurrent_dropout=0.4, bidirectional=True), torch.randn(4, 6, 3)
    torch.manual_seed(8)
    y, _ = layer(x, lengths=LENGTHS)
    torch.manual_seed(8)
    masks = [dropout(torch.ones(4, 5), 0.4) for _ in range(4)]
    below = x
    for depth in (0, 1):
        below = torch.cat(
            [
                unroll(
                    layer.cell,
                    layer.weights(depth, d),
                    below,
                    lengths=LENGTHS,
                    reverse=d == 1,
                    recurrent_mask=masks[2 * depth + d],
                )[0]
                for d in (0, 1)
            ],
            -1,
        )
    assert torch.equal(y, below)


@every_cell
def test_recurrent_dropout_is_off_in_eval(cell) -> None:
    if "weight_hh" not in cell.layout():
        with pytest.raises(UsageError, match=f"{cell.name} has no such product; use dropout"):
            Stack(3, 5, cell=cell, recurrent_dropout=0.4)
        return
    layer, x = Stack(3, 5, cell=cell, recurrent_dropout=0.4), torch.randn(4, 6, 3)
    plain = Stack(3, 5, cell=cell)
    plain.load_state_dict(layer.state_dict())
    torch.testing.assert_close(layer.eval()(x)[0], plain(x)[0])
    assert not torch.equal(layer.train()(x)[0], layer(x)[0])


def test_recurrent_dropout_keeps_the_mean() -> None:
    """h = 1 goes through an identity: each row's output is 0 or 1 / (1 - 0.25), of which a quarter are 0."""
    layer = Stack(1, 1, cell="rnn-relu", recurrent_dropout=0.25, bias=False)
    with torch.no_grad():
        layer.weight_ih_l0.zero_()
        layer.weight_hh_l0.fill_(1)
    y, _ = layer(torch.zeros(8000, 1, 1), (torch.ones(1, 8000, 1),))
    assert {round(v, 4) for v in y.unique().tolist()} == {0.0, 1.3333}
    assert y.mean().item() == pytest.approx(1.0, abs=0.03)
    two, _ = layer(torch.zeros(500, 2, 1), (torch.ones(1, 500, 1),))
    assert {round(v, 4) for v in two[:, 1].unique().tolist()} == {0.0, round(16 / 9, 4)}, "the same mask twice"


def test_all_dropped_is_no_memory() -> None:
    layer, x = Stack(3, 5, cell="rnn", recurrent_dropout=1.0), torch.randn(4, 6, 3)
    steps = torch.cat([layer(x[:, t : t + 1])[0] for t in range(6)], 1)
    torch.testing.assert_close(layer(x)[0], steps)


# where a sequence starts from


def states_that_count(cell: Cell) -> list[str]:
    """Those that a step reads and that change what comes out: not sLSTM's stabiliser."""
    nodes = cell.program().nodes
    read = {a for node in nodes for a in node.args}
    states = [node.label or "" for i, node in enumerate(nodes) if node.op == "state" and i in read]
    return [s for s in states if (cell.name, s) != ("slstm", "m")]


@every_cell
def test_a_learned_state(cell) -> None:
    layer, x = Stack(3, 5, 2, cell=cell, bidirectional=True, learned_state=True), torch.randn(4, 6, 3)
    plain = Stack(3, 5, 2, cell=cell, bidirectional=True)
    names = {f"initial_{s}" for s in cell.states}
    plain.load_state_dict({n: v for n, v in layer.state_dict().items() if n not in names})
    y, _ = layer(x, lengths=LENGTHS)
    assert torch.equal(y, plain(x, lengths=LENGTHS)[0]), "it starts at zero"
    y.square().sum().backward()
    read = [f"initial_{s}" for s in states_that_count(cell)]
    for name in read:
        start = layer.get_parameter(name)
        assert start.shape == (4, 5)
        assert start.grad is not None
        assert start.grad.abs().sum(1).all(), "every layer and direction learns its own"
    nn.init.ones_(layer.get_parameter(read[0]))
    given = tuple(torch.zeros(4, 4, 5) for _ in cell.states)
    assert torch.equal(layer(x, given, lengths=LENGTHS)[0], y), "a given state comes first"
    assert not torch.equal(layer(x, lengths=LENGTHS)[0], y)


def test_state_in_is_state_out() -> None:
    layer, x = Stack(3, 5, 2, cell="lstm"), torch.randn(4, 6, 3)
    whole, last = layer(x)
    first, state = layer(x[:, :2])
    second, end = layer(x[:, 2:], state)
    torch.testing.assert_close(torch.cat([first, second], 1), whole, rtol=1e-5, atol=1e-6)
    for one, other in zip(last, end, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)
    assert [s.shape for s in end] == [(2, 4, 5)] * 2


# what is refused


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"hidden_size": 0}, "hidden_size must be a whole number from 1, got 0"),
        ({"hidden_size": 2.0}, "hidden_size must be a whole number from 1, got 2.0"),
        ({"input_size": -1}, "input_size must be a whole number from 1, got -1"),
        ({"num_layers": True}, "num_layers must be a whole number from 1, got True"),
        ({"dropout": 1.5}, "dropout must be a number from 0 to 1, got 1.5"),
        ({"dropout": float("nan")}, "dropout must be a number from 0 to 1, got nan"),
        ({"dropout": "0.5"}, "dropout must be a number from 0 to 1, got '0.5'"),
        ({"recurrent_dropout": -0.1}, "recurrent_dropout must be a number from 0 to 1, got -0.1"),
        ({"bias": 0.5}, "bias must be True or False, got 0.5"),
        ({"bidirectional": "yes"}, "bidirectional must be True or False, got 'yes'"),
        ({"learned_state": None}, "learned_state must be True or False, got None"),
        ({"merge": "summ"}, "unknown merge 'summ'; did you mean 'sum'?"),
        ({"cell": "lstn"}, "unknown cell 'lstn'; did you mean 'lstm'?"),
        ({"cell": "pephole-lstm"}, "unknown cell 'pephole-lstm'; did you mean 'peephole-lstm'?"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        Stack(**({"input_size": 3, "hidden_size": 5} | settings))
    assert str(caught.value) == says


@pytest.mark.parametrize(
    ("x", "state", "says"),
    [
        (torch.zeros(4, 6, 2), None, "expected x [B, T, 3], got [4, 6, 2]"),
        (torch.tensor(1.0), None, "expected x [B, T, 3] or tokens [B, T], got a single number"),
        (torch.zeros(4, 6, 3), (torch.zeros(2, 4, 5),), "lstm has the states h, c, got 1"),
        (
            torch.zeros(4, 6, 3),
            (torch.zeros(2, 4, 5), torch.zeros(1, 4, 5)),
            "expected state c [L*D, B, H] = [2, 4, 5], got [1, 4, 5]",
        ),
    ],
)
def test_inputs_that_do_not_fit(x: torch.Tensor, state: Any, says: str) -> None:
    with pytest.raises(ShapeError) as caught:
        Stack(3, 5, 2)(x, state)
    assert str(caught.value) == says


def test_an_engine_by_name_that_cannot() -> None:
    layer = Stack(3, 5, cell="peephole-lstm", engine="vendor")
    with pytest.raises(EngineError, match="torch has no peephole-lstm"):
        layer(torch.zeros(4, 6, 3))
    with pytest.raises(UnknownNameError, match="unknown engine 'cuda'"):
        Stack(3, 5, engine="cuda")(torch.zeros(4, 6, 3))


# a Stack is an nn.Module like any other


def test_a_deep_copy_is_its_own_and_runs_on_the_same_engine() -> None:
    layer, x = Stack(3, 5, engine="vendor"), torch.randn(4, 6, 3)
    other = copy.deepcopy(layer)
    assert torch.equal(other(x, lengths=LENGTHS)[0], layer(x, lengths=LENGTHS)[0])
    nn.init.zeros_(other.weight_ih_l0)
    assert layer.weight_ih_l0.any()


def test_hooks_run() -> None:
    layer, seen = Stack(3, 5), []
    layer.register_forward_pre_hook(lambda module, given: seen.append(given[0].shape))
    layer.register_forward_hook(lambda module, given, result: seen.append(result[0].shape))
    layer(torch.zeros(4, 6, 3))
    assert seen == [(4, 6, 3), (4, 6, 5)]


@every_cell
def test_frozen_weights(cell) -> None:
    layer, x = Stack(3, 5, cell=cell).requires_grad_(False), torch.randn(4, 6, 3)
    y, _ = layer(x)
    assert not y.requires_grad
    alone = next(getattr(layer, n) for n in ("weight_hh_l0", "bias_ih_l0") if hasattr(layer, n))
    alone.requires_grad_()
    layer(x)[0].sum().backward()
    assert alone.grad is not None
    assert layer.weight_ih_l0.grad is None
    x.requires_grad_()
    layer.requires_grad_(False)(x)[0].sum().backward()
    assert x.grad is not None


def test_a_weight_behind_a_parametrisation() -> None:
    class Halved(nn.Module):
        def forward(self, weight: torch.Tensor) -> torch.Tensor:
            return weight / 2

    layer, plain, x = Stack(3, 5, cell="gru"), Stack(3, 5, cell="gru"), torch.randn(4, 6, 3)
    plain.load_state_dict(layer.state_dict())
    with torch.no_grad():
        plain.weight_hh_l0.div_(2)
    parametrize.register_parametrization(layer, "weight_hh_l0", Halved())
    assert torch.equal(layer(x)[0], plain(x)[0])


def test_a_functional_call() -> None:
    layer, x = Stack(3, 5), torch.randn(4, 6, 3)
    zeros = {n: torch.zeros_like(p) for n, p in layer.named_parameters()}
    y, _ = torch.func.functional_call(layer, zeros, (x,))
    assert not y.any()
    assert layer(x)[0].any()


def test_what_is_shown() -> None:
    assert repr(Stack(3, 5)) == "Stack(3, 5, cell='lstm')"
    shown = repr(Stack(3, 5, 2, cell="gru", bidirectional=True, merge="sum", dropout=0.1, engine="reference"))
    assert shown == (
        "Stack(3, 5, cell='gru', num_layers=2, dropout=0.1, bidirectional=True, merge='sum', engine='reference')"
    )


@pytest.mark.parametrize("merge", ["concat", "sum"])
@pytest.mark.parametrize(("layers", "bidirectional"), [(1, False), (1, True), (2, False), (2, True)])
def test_states_apart_are_those_of_a_call(layers: int, bidirectional: bool, merge: Any) -> None:
    """Without stacking them, with a hook that wants a call, and of weights in 8 bits."""
    stack = Stack(3, 5, layers, cell="lstm", bidirectional=bidirectional, merge=merge, dropout=0.5, learned_state=True)
    x, start = torch.randn(4, 6, 3), tuple(torch.randn(2, len(stack.stored_keys), 4, 5).unbind(0))
    heard: list[int] = []

    def compare() -> None:
        for state in (None, start):
            torch.manual_seed(3)
            y, last = stack(x, state, lengths=LENGTHS)
            calls = len(heard)
            torch.manual_seed(3)
            apart, ends = stack.apart(x, state, lengths=LENGTHS)
            assert torch.equal(y, apart)
            assert all(map(torch.equal, last, stacked(ends)))
            assert len(heard) == calls + (1 if stack._forward_hooks else 0)

    compare()
    handle = stack.register_forward_hook(lambda *_: heard.append(1))
    compare()
    assert len(heard) == 4
    handle.remove()
    stack.eval().quantize()
    compare()
