"""Lowering: the code of a cell computes what its equations say, and keeps to what the core's header allows."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import torch
from run_code import OPERATIONS, SLOT_KINDS, Decoded, Machine, decode
from torch import Tensor

from recurra.cells.definition import Cell, cell
from recurra.cells.gru import gru, gru_cho
from recurra.cells.linear import indrnn, min_gru, qrnn, rg_lru, sru
from recurra.cells.lstm import lstm
from recurra.engines.native import bytecode
from recurra.engines.native.lower import Lowered, lower, masked
from recurra.equations.derivative import derive
from recurra.equations.interpret import run_program
from recurra.equations.program import Program, trace
from recurra.equations.symbols import R, W, b, p, sigmoid, tanh
from tests.equations.odd_cells import ODD, lone_vectors
from tests.laws.cells_for_tests import CELLS

BATCH, TIME, INPUT, HIDDEN = 3, 4, 2, 5


@cell()
def memory_first(x: Any, h: Any, c: Any) -> Any:
    """Adjoints that come in are gradients as they are; a product of a weight, and of a column."""
    c = c + R.c @ c + W.c @ x + b.c
    h = R.h @ (1 * p.v) + W.h @ x + R.m @ (W.k @ x)
    return h, c


@cell()
def columns_shared(x: Any, h: Any) -> Any:
    """Columns that are read twice, added to each other, and added to products of two levels."""
    u = W.u @ x
    shift = 1 * p.v
    v = W.v @ x + W.w @ x + shift
    s = tanh(u + b.s + R.s @ h)
    h = tanh(u * v + R.h @ s + R.g @ h + W.g @ x + b.g + shift) * u - (v - R.e @ s) + (s * h + h * v)
    return h


@cell()
def one_adjoint(x: Any, h: Any) -> Any:
    """Two gates of W and two of R with one adjoint; slopes as backward has them, forward."""
    a = W.a @ x + R.a @ h + b.a + W.e @ x + R.e @ (h * h)
    y = sigmoid(a)
    h = tanh(h * (y * (1 - y)) + h * (1 - y * y) - (-y) + 2 * y)
    return h


ALL = (*CELLS, *ODD, memory_first, columns_shared, one_adjoint)
PROGRAMS = [
    pytest.param(program, id=f"{c.name}{suffix}")
    for c in ALL
    for suffix, program in [
        ("", c.program()),
        ("-masked", masked(c.program())),
        *([] if c is lone_vectors else [("-plain", c.program(bias=False))]),
        *([] if c is lone_vectors else [("-plain-masked", masked(c.program(bias=False)))]),
    ]
]
every_program = pytest.mark.parametrize("program", PROGRAMS)


def lowered(program: Program) -> Lowered:
    return lower(program, derive(program))


class Sample:
    """Random numbers for a few steps of a program; all of them leaves that take a gradient."""

    def __init__(self, program: Program) -> None:
        self.random = torch.Generator().manual_seed(0)
        shapes = {"W": (HIDDEN, INPUT), "R": (HIDDEN, HIDDEN), "P": (HIDDEN, HIDDEN), "k": (1,)}
        self.weights = {q: self.draw(*shapes.get(q.kind, (HIDDEN,))) for q in program.parameters}
        self.x = [self.draw(BATCH, INPUT) for _ in range(TIME)]
        self.states = [self.draw(BATCH, HIDDEN) for _ in program.states]
        self.d_outputs = [self.draw(BATCH, HIDDEN).detach() for _ in self.x]
        self.d_last = [self.draw(BATCH, HIDDEN).detach() for _ in self.states]

    def draw(self, *shape: int) -> Tensor:
        return (0.6 * torch.randn(*shape, generator=self.random, dtype=torch.float64)).requires_grad_()

    def steps(self, program: Program) -> list[list[Tensor]]:
        states, found = self.states, []
        for x in self.x:
            values = run_program(program, x, states, self.weights)
            states = [values[o].expand(BATCH, HIDDEN) for o in program.outputs]
            found.append(states)
        return found


def close(found: Tensor, expected: Tensor | None) -> None:
    expected = torch.zeros_like(found) if expected is None else expected
    torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-12, equal_nan=True)


# what it computes


@every_program
def test_code_computes_the_program_and_its_gradients(program: Program) -> None:
    sample, made = Sample(program), lowered(program)
    expected = sample.steps(program)
    machine = Machine(program, made, sample.weights)
    with torch.no_grad():
        after, kept = machine.forward(made.train, sample.x, sample.states)
        d_x, d_states, d_weights = machine.backward(sample.x, kept, sample.d_outputs, sample.d_last)
    for found, states in zip(after, expected, strict=True):
        for one, other in zip(found, states, strict=True):
            close(one, other)
    results = [states[0] for states in expected] + expected[-1]
    leaves = [*sample.x, *sample.states, *sample.weights.values()]
    gradients = torch.autograd.grad(results, leaves, [*sample.d_outputs, *sample.d_last], allow_unused=True)
    absent = {q: torch.zeros_like(w) for q, w in sample.weights.items()}
    found = [*d_x, *d_states, *(d_weights.get(q, absent[q]) for q in sample.weights)]
    for one, other in zip(found, gradients, strict=True):
        close(one, other)


@every_program
def test_inference_computes_the_same_states_to_the_bit(program: Program) -> None:
    sample, made = Sample(program), lowered(program)
    machine = Machine(program, made, sample.weights)
    with torch.no_grad():
        train, _ = machine.forward(made.train, sample.x, sample.states)
        infer, kept = machine.forward(made.infer, sample.x, sample.states)
    assert all(torch.equal(a, b) for t, i in zip(train, infer, strict=True) for a, b in zip(t, i, strict=True))
    assert not [slot for memory in kept for slot in memory if slot[0] == "SAVED"]


@every_program
def test_inference_has_the_same_operations(program: Program) -> None:
    """Or it would round otherwise: what two operations do and what one does in their place differ in the last bit."""
    made = lowered(program)
    train, infer = (
        Counter(item.op for _, instructions in decode(code).levels for item in instructions if item.op != "COPY")
        for code in (made.train, made.infer)
    )
    assert train == infer


def test_masking_multiplies_the_operand_of_every_recurrent_product() -> None:
    program = masked(lstm.program())
    assert program.states == ("h", "c", "mask")
    sample = Sample(program)
    mask = sample.states[2]
    values = run_program(program, sample.x[0], sample.states, sample.weights)
    plain = run_program(lstm.program(), sample.x[0], [sample.states[0] * mask, sample.states[1]], sample.weights)
    for one, other in zip(program.outputs, [*lstm.program().outputs, None], strict=True):
        close(values[one], mask if other is None else plain[other])


def test_a_state_that_is_named_mask_keeps_its_name() -> None:
    def named(x: Any, mask: Any) -> Any:
        mask = tanh(W.m @ x + R.m @ mask)
        return mask

    assert masked(trace(named)).arguments == ("x", "mask", "mask_")


# how


@every_program
def test_code_is_the_same_each_time(program: Program) -> None:
    assert lowered(program) == lowered(program)


@every_program
def test_both_directions_agree_on_the_tables(program: Program) -> None:
    made = lowered(program)
    train, infer, backward = (decode(code) for code in (made.train, made.infer, made.backward))
    assert train.sizes["saved"] == backward.sizes["saved"]
    assert infer.sizes["saved"] == 0
    assert train.columns == infer.columns
    assert [block for block, _ in train.columns] == list(range(len(program.gates_of("W"))))
    for code in (train, infer, backward):
        assert code.sizes["constants"] == len(made.constants)
        assert code.sizes["vectors"] == len(made.vectors)
        assert code.sizes["states"] == len(program.states)
    assert sorted(set(backward.w_blocks)) == sorted(backward.w_blocks)
    first = backward.sizes["adjoints"] - len({column for _, column, _ in backward.recurrent})
    assert all(column >= first for _, column, _ in backward.recurrent), "the columns of R are the last ones"
    assert {number for _, number in made.reductions} == set(range(made.reduction_count))
    assert made.reduction_count == backward.sizes["reductions"]


@every_program
def test_nothing_is_computed_for_nobody(program: Program) -> None:
    made = lowered(program)
    for words_of_one in (made.train, made.infer, made.backward):
        code = decode(words_of_one)
        read, written = set(), set()
        for sums, instructions in code.levels:
            for total in sums:
                written.add(total.to)
                read |= {total.start, *(operand for _, operand in total.products)}
            for item in instructions:
                written.add(item.to)
                read |= set(item.args)
        read |= {slot for sums in code.row_sums for total in sums for slot in total.args}
        written |= {total.to for sums in code.row_sums for total in sums}
        assert not {slot for slot in written - read if slot[0] in ("TEMP", "STEP", "ROW")}
        assert all(sums or instructions for sums, instructions in code.levels)


@every_program
def test_a_recurrence_stands_alone(program: Program) -> None:
    """Where nothing reads whole rows, what comes before it needs no state, and what comes after no later step needs."""
    made = lowered(program)
    for words_of_one in (made.train, made.infer, made.backward):
        code = decode(words_of_one)
        (sums, instructions), (first, recurrent) = code.levels[0], code.phases[0]
        if len(code.levels) > 1 or sums or code.row_sums[0]:
            continue
        state, next_state = ("CARRY_IN", "CARRY_OUT") if code.direction else ("BEFORE", "AFTER")
        read = {number for item in instructions for kind, number in item.args if kind == state}
        carried = read & {item.to[1] for item in instructions if item.to[0] == next_state}
        hangs: set[Any] = set()
        for number, item in enumerate(instructions):
            reads = any((slot[0] == state and slot[1] in carried) or slot in hangs for slot in item.args)
            hangs = hangs | {item.to} if reads else hangs - {item.to}
            assert not reads or number >= first
            assert item.to[0] != next_state or item.to[1] not in carried or number < first + recurrent


@pytest.mark.parametrize("linear", [min_gru, rg_lru, qrnn, indrnn], ids=lambda c: c.name)
def test_one_instruction_leads_from_step_to_step(linear: Cell) -> None:
    made = lowered(linear.program())
    forward = {"min-gru": "MIX", "rg-lru": "PRODUCTS", "qrnn": "MIX", "indrnn": "MULADD_RELU"}[linear.name]
    found = [recurrence(code) for code in (made.train, made.infer, made.backward)]
    assert found == [[forward], [forward], ["PRODUCTS"]]


def test_a_state_that_no_step_reads_leads_nowhere() -> None:
    made = lowered(sru.program())
    assert recurrence(made.train) == ["MULADD_SIGMOID", "MIX"]
    assert decode(made.train).levels[0][1][-1].to == ("AFTER", 0)


def recurrence(words: tuple[int, ...]) -> list[str]:
    code = decode(words)
    first, recurrent = code.phases[0]
    return [item.op for item in code.levels[0][1][first : first + recurrent]]


def products(code: Decoded) -> list[int]:
    return [sum(len(total.products) for total in sums) for sums, _ in code.levels]


def test_an_lstm_is_one_level_forward_and_two_backward() -> None:
    made = lowered(lstm.program())
    train, infer, backward = (decode(code) for code in (made.train, made.infer, made.backward))
    assert products(train) == products(infer) == [4]
    assert products(backward) == [0, 4]
    assert train.sizes["saved"] == 5  # i, f, g, o, tanh(c)
    assert infer.sizes["steps"] == train.sizes["steps"] == backward.sizes["steps"] == 0
    assert max(code.sizes["temps"] for code in (train, infer, backward)) <= 6
    assert backward.levels[1][1] == [], "the products go where they belong at once"
    assert made.reduction_count == 4, "b and rb have one adjoint"
    assert [vectors for _, vectors in train.columns] == [(i, i + 4) for i in range(4)], "biases are in the columns"


def test_a_gru_is_two_levels_with_the_product_of_the_reset_state() -> None:
    made = lowered(gru_cho.program())
    assert products(decode(made.train)) == products(decode(made.infer)) == [2, 1]
    assert products(decode(made.backward)) == [0, 1, 2]


def test_the_gru_of_torch_is_one_level() -> None:
    made = lowered(gru.program())
    assert products(decode(made.train)) == [3]
    assert products(decode(made.backward)) == [0, 3]
    assert decode(made.train).sizes["saved"] == 4  # r, z, n, R.n h + rb.n; 1 - z is computed anew


def test_adjoints_of_neighbouring_products_lie_side_by_side() -> None:
    for which in (lstm, gru):
        code = decode(lowered(which.program()).backward)
        (total,) = code.levels[1][0]
        columns = [index for (_, (_, index)) in total.products]
        assert columns == list(range(columns[0], columns[0] + len(columns)))


def test_the_numbers_are_the_headers() -> None:
    assert {number: name for name, number in bytecode.SLOTS.items()} == SLOT_KINDS
    assert {number: name.upper() for name, number in bytecode.OPERATIONS.items()} == OPERATIONS
