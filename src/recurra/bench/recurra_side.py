"""Our side of a piece of work, and the tensors that both sides get."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from recurra.bench.arithmetic import Whole, whole
from recurra.bench.cases import OWN_CELL, Case, Precision
from recurra.bench.compare import Results, Side
from recurra.bench.loops import own_cell
from recurra.bench.roofline import Work, layer_work, together
from recurra.cells.catalogue import get
from recurra.cells.definition import Cell
from recurra.engines.choose import choose
from recurra.engines.request import Request
from recurra.layers.stack import Stack

SEED = 1


def cell_of(name: str) -> Cell:
    """A cell of the catalogue or the benchmark's own."""
    return own_cell if name == OWN_CELL else get(name)


def autocast(precision: Precision) -> AbstractContextManager[Any]:
    """bfloat16 products with weights in float32; nothing for float32."""
    return torch.autocast("cpu", torch.bfloat16) if precision == "bfloat16" else nullcontext()


@dataclass(frozen=True)
class Batch:
    """What both sides get.

    Shapes: x [B, T, I] and the gradient of the outputs dy [B, T, D*H], zero past each row's length; lengths int64 [B]
    or None
    """

    x: Tensor
    dy: Tensor
    lengths: Tensor | None

    @property
    def rows(self) -> int:
        """Steps of all rows together."""
        return self.x.shape[0] * self.x.shape[1] if self.lengths is None else int(self.lengths.sum())


def batch(case: Case) -> Batch:
    """The same numbers each time; a ragged batch has a shortest and a longest row."""
    random = torch.Generator().manual_seed(SEED)
    s = case.shape
    x = torch.randn(s.batch, s.time, s.input_size, generator=random)
    dy = torch.randn(s.batch, s.time, case.directions * s.hidden_size, generator=random)
    if case.lengths is None:
        return Batch(x, dy, None)
    shortest, longest = case.lengths
    lengths = torch.randint(shortest, longest + 1, (s.batch,), generator=random)
    lengths[0], lengths[-1] = shortest, longest
    alive = torch.arange(s.time) < lengths[:, None]
    return Batch(x * alive.unsqueeze(-1), dy * alive.unsqueeze(-1), lengths)


def stack(case: Case, engine: str) -> Stack:
    """Our layers, the same weights each time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        return Stack(
            case.shape.input_size,
            case.shape.hidden_size,
            case.layers,
            cell=cell_of(case.cell),
            bidirectional=case.directions == 2,
            engine=engine,
        )


def engine_that_runs(layers: Stack, x: Tensor, precision: Precision, lengths: Tensor | None = None) -> str:
    """The name of the engine that "auto" picks; of one asked for, that name."""
    if layers.engine != "auto":
        return layers.engine
    state = tuple(x.new_zeros(x.shape[0], layers.hidden_size) for _ in layers.cell.states)
    with autocast(precision):
        return choose(Request(layers.cell, layers.weights(), x, state, lengths)).name


def work_of(case: Case, given: Batch, *, training: bool) -> Work:
    """The roofline of all layers and directions of a case."""
    s, cell = case.shape, cell_of(case.cell)
    widths = [s.input_size] + [s.hidden_size * case.directions] * (case.layers - 1)
    return together(
        *(
            layer_work(
                cell, width, s.hidden_size, rows=given.rows, steps=s.time, precision=case.precision, training=training
            )
            for width in widths
            for _ in range(case.directions)
        )
    )


def all_work_of(case: Case, given: Batch) -> Whole:
    """Of one layer in one direction."""
    s = case.shape
    return whole(cell_of(case.cell), s.input_size, s.hidden_size, rows=given.rows, precision=case.precision)


def changed(parameters: list[Tensor]) -> None:
    """Mark the weights as an optimizer's step does, so that what is packed of them is packed anew."""
    torch.autograd.graph.increment_version(parameters)


def inference(layers: Stack, given: Batch, precision: Precision) -> Side:
    """Forward alone; called in inference mode."""

    def call() -> Tensor:
        with autocast(precision):
            y: Tensor = layers(given.x, lengths=given.lengths)[0]
        return y

    return Side(call, lambda y: {"y": y})


def training(layers: Stack, given: Batch, precision: Precision) -> Side:
    """Forward and backward: the outputs and the gradients of the input and of every weight."""
    x = given.x.clone().requires_grad_()
    named = dict(layers.named_parameters())
    weights: list[Tensor] = list(named.values())
    with autocast(precision):
        dy = given.dy.to(layers(x, lengths=given.lengths)[0].dtype)

    def call() -> tuple[Tensor, ...]:
        changed(weights)
        with autocast(precision):
            y = layers(x, lengths=given.lengths)[0]
        return (y, *torch.autograd.grad(y, [x, *weights], dy))

    return Side(call, lambda found: gradients(found, list(named)))


def gradients(found: tuple[Tensor, ...], names: list[str]) -> Results:
    """By name: outputs, the input's gradient, the weights' gradients."""
    return dict(zip(["y", "dx", *(f"d {name}" for name in names)], found, strict=True))
