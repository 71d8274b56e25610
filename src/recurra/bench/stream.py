"""One step at a time, as text is generated and sensors are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from recurra.bench import recurra_side
from recurra.bench.cases import Case
from recurra.bench.compare import Side, compare
from recurra.bench.machine import Rates
from recurra.bench.record import Request, Row
from recurra.bench.roofline import step_work
from recurra.bench.torch_peers import module
from recurra.layers.stack import Stack

STEP_MODULES: dict[str, Callable[[int, int], nn.RNNCellBase]] = {
    "rnn": nn.RNNCell,
    "gru": nn.GRUCell,
    "lstm": nn.LSTMCell,
}
Step = Callable[[Tensor], Tensor]
"""x [B, I] -> y [B, H]; remembers its state."""


def why_not() -> str | None:
    """None if our layers can be streamed."""
    return None if hasattr(Stack, "stream") else "streaming: not available"


def stream(case: Case, asked: Request, rates: Rates) -> list[Row]:
    """A dataset state and one step after the other, beside torch's cell and its layer called with T = 1."""
    layers, given = recurra_side.stack(case, asked.engine).eval(), recurra_side.batch(case)
    engine = recurra_side.engine_that_runs(layers, given.x[:, :1], case.precision)
    work = step_work(layers.cell, case.shape.input_size, case.shape.hidden_size, batch=case.shape.batch)
    steps = list(given.x.unbind(1))
    ways = {"torch cell": _torch_cell(case, layers), "torch.nn": _torch_layer(case, layers)}
    with torch.inference_mode():
        return compare(
            case,
            engine,
            side(lambda: _ours(layers, case.shape.batch), steps),
            {name: [side(begin, steps)] for name, begin in ways.items()},
            work=work,
            rates=rates,
            repeats=asked.repeats,
            setting=torch.inference_mode,
        )


def side(begin: Callable[[], Step], steps: list[Tensor], variant: str | None = None) -> Side:
    """Timed on one step; compared over all, from no state."""
    step, x = begin(), steps[0].clone()

    def results(_: Any) -> dict[str, Tensor]:
        fresh = begin()
        return {"y": torch.stack([fresh(one).clone() for one in steps])}

    return Side(lambda: step(x), results, variant)


def _ours(layers: Stack, batch: int) -> Step:
    return layers.stream(batch=batch).step


def _torch_cell(case: Case, layers: Stack) -> Callable[[], Step]:
    peer = STEP_MODULES[case.cell](case.shape.input_size, case.shape.hidden_size)
    peer.load_state_dict(dict(layers.weights().present()))

    def begin() -> Step:
        state: Any = None

        def step(x: Tensor) -> Tensor:
            nonlocal state
            state = peer(x, state)
            y: Tensor = state[0] if isinstance(state, tuple) else state
            return y

        return step

    return begin


def _torch_layer(case: Case, layers: Stack) -> Callable[[], Step]:
    peer = module(case, layers)

    def begin() -> Step:
        state: Any = None

        def step(x: Tensor) -> Tensor:
            nonlocal state
            y: Tensor
            y, state = peer(x.unsqueeze(0), state)
            return y[0]

        return step

    return begin
