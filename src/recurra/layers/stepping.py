"""A stack of layers one step at a time over whole sequences: every state of every step, from any engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from recurra.cells.definition import Cell
from recurra.engines.request import CellWeights, Embedded, State, Stream, gate_tensors, has_bias
from recurra.equations.interpret import run_program
from recurra.equations.render import named
from recurra.layers.stack import Stack
from recurra.recurrence import stream, unroll

KeptStreams = dict[Any, Stream]
"""Streams of layers, kept between calls of `step_through` for as long as the stacks are there."""
Kept = tuple[KeptStreams, tuple[int, ...]]
"""With which layer of which stack is asked for, and for how many rows."""


@dataclass(frozen=True)
class Course:
    """One layer in one direction over a batch, in the order of its input.

    before, after: each state before and after each step, as an engine computed it; lengths: each row's steps
    Shapes: x [B, T, I]; before, after each [B, T, H]; lengths int64 [B] on the CPU
    """

    layer: int
    direction: int
    cell: Cell
    weights: CellWeights
    x: Tensor
    before: State
    after: State
    lengths: Tensor

    def values(self) -> dict[str, Tensor]:
        """Every named value of the step's equations, the states among them, zero past each row's length.

        The states are the engine's own; what lies between them follows from these by the equations.
        Shapes: each [B, T, H], or as wide as it is
        """
        stored = self.weights.dense().present()
        bias = has_bias(self.cell, stored)
        program, gates = self.cell.program(bias=bias), gate_tensors(self.cell, stored, bias=bias)
        weights = {q: gates[q.kind, q.gate] for q in program.parameters}
        batch, time = self.x.shape[:2]
        found = run_program(program, self.x.flatten(0, 1), tuple(s.flatten(0, 1) for s in self.before), weights)
        after = dict(zip(program.states, self.after, strict=True))
        inside = _inside(self.lengths, time, self.x.device)
        made: dict[str, Tensor] = {}
        for index, name in sorted(named(program).items()):
            if name not in after:
                value = found[index]
                value = value.expand(batch * time, -1) if value.dim() else value.expand(batch * time, 1)
                made[name] = torch.where(inside, value.reshape(batch, time, -1), value.new_zeros(()))
        return made | {name: torch.where(inside, value, value.new_zeros(())) for name, value in after.items()}


def step_through(
    stack: Stack,
    x: Tensor | Embedded,
    state: Sequence[Tensor] | None = None,
    *,
    lengths: Tensor | None = None,
    engine: str | None = None,
    prepared: KeptStreams | None = None,
) -> list[Course]:
    """All layers and directions as in evaluation, each step a call of the engine of its own.

    Gradients flow through every state. engine: the stack's own if None; prepared: keeps the weights as engines prepare
    them between calls, where no gradients are asked for and the weights stay as they are
    Shapes: as Stack.forward
    Errors: as `unroll`
    """
    if isinstance(x, Embedded):
        x = x.without_padding().dense()
    batch, time = x.shape[:2]
    start = stack.initial_state(batch) if state is None else tuple(state)
    stack.check_state(start, batch)
    ends = torch.full((batch,), time) if lengths is None else lengths.cpu()
    inside = _inside(ends, time, x.device)
    courses: list[Course] = []
    for layer in range(stack.num_layers):
        outputs = []
        for direction in range(stack.num_directions):
            weights = stack.weights(layer, direction, dropped=False)
            begun = tuple(s[layer * stack.num_directions + direction] for s in start)
            order = _mirrored(ends, time, x.device) if direction else None
            kept = None if prepared is None else (prepared, (id(stack), layer, direction, batch))
            before, after = _over(stack, weights, _ordered(x, order), begun, engine or stack.engine, kept)
            before, after = (tuple(_ordered(s, order) for s in states) for states in (before, after))
            courses.append(Course(layer, direction, stack.evaluated_cell, weights, x, before, after, ends))
            outputs.append(torch.where(inside, after[0], after[0].new_zeros(())))
        x = stack.merged(outputs)
    return courses


@contextmanager
def stepping(network: nn.Module, prepared: KeptStreams | None = None) -> Iterator[dict[str, list[Course]]]:
    """For as long as the block runs the stacks of a network go step by step, once: by name what they did, in the end.

    Of networks that read forward alone, over rows without padding, each stack once. prepared: as `step_through`
    Errors: as `unroll`
    """
    found: dict[str, list[Course]] = {}

    def instead(name: str, stack: Stack) -> Callable[..., tuple[Tensor, State]]:
        def forward(
            x: Tensor | Embedded, state: Sequence[Tensor] | None = None, *, lengths: Tensor | None = None
        ) -> tuple[Tensor, State]:
            assert lengths is None
            assert stack.num_directions == 1
            courses = found[name] = step_through(stack, x, state, prepared=prepared)
            last = zip(*([state[:, -1] for state in course.after] for course in courses), strict=True)
            return courses[-1].after[0], tuple(torch.stack(rows) for rows in last)

        return forward

    stacks = [(name, module) for name, module in network.named_modules() if isinstance(module, Stack)]
    try:
        for name, stack in stacks:
            stack.__dict__["forward"] = instead(name, stack)
        yield found
    finally:
        for _, stack in stacks:
            stack.__dict__.pop("forward", None)


def _over(
    stack: Stack, weights: CellWeights, x: Tensor, state: State, engine: str, kept: Kept | None
) -> tuple[State, State]:
    states = [state]
    steps = None if torch.is_grad_enabled() else _stream(stack, weights, state, engine, kept)
    for now in x.unbind(1):
        if steps is not None:  # prepares the weights once
            steps.step(now)
            states.append(steps.state)
            continue
        _, state = unroll(stack.evaluated_cell, weights, now.unsqueeze(1), state, engine=engine)
        states.append(state)
    whole = tuple(torch.stack(rows, 1) for rows in zip(*states, strict=True))
    return tuple(state[:, :-1] for state in whole), tuple(state[:, 1:] for state in whole)


def _stream(stack: Stack, weights: CellWeights, state: State, engine: str, kept: Kept | None) -> Stream:
    """A new one, or the one that was kept for these weights."""
    if kept is None:
        return stream(stack.evaluated_cell, weights, state, engine=engine)
    prepared, layer = kept
    key = (*layer, engine)
    if key in prepared:
        prepared[key].state = state
    else:
        prepared[key] = stream(stack.evaluated_cell, weights, state, engine=engine)
    return prepared[key]


def _inside(lengths: Tensor, time: int, device: torch.device) -> Tensor:
    """Shapes: [B] -> bool [B, T, 1]"""
    return (torch.arange(time, device=device) < lengths.to(device).unsqueeze(1)).unsqueeze(2)


def _mirrored(lengths: Tensor, time: int, device: torch.device) -> Tensor:
    """Which step comes when, from each row's last to its first, past its end as they are: its own inverse. [B, T]"""
    steps = torch.arange(time, device=device)
    back = lengths.to(device).unsqueeze(1) - 1 - steps
    return torch.where(back >= 0, back, steps)


def _ordered(values: Tensor, order: Tensor | None) -> Tensor:
    return values if order is None else values.gather(1, order.unsqueeze(2).expand_as(values))
