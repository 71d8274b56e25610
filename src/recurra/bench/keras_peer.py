"""Keras' layers on the backend that is installed: JAX compiled, or torch."""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from recurra.bench.cases import Case
from recurra.bench.compare import Side
from recurra.bench.recurra_side import Batch, changed
from recurra.layers.stack import Stack

BACKENDS = ("jax", "torch")
"""Those that are measured, the faster first."""
GATES = {"rnn": (0,), "gru": (1, 0, 2), "lstm": (0, 1, 2, 3)}
"""Keras' gates, by their place in torch's order."""


def backend() -> str:
    """What KERAS_BACKEND asks for, or the first that is installed."""
    asked = os.environ.get("KERAS_BACKEND")
    return asked or next(name for name in BACKENDS if importlib.util.find_spec(name) is not None)


@cache
def why_not() -> str | None:
    """None if Keras can be measured, or why it cannot."""
    if importlib.util.find_spec("keras") is None:
        return "Keras: not installed"
    if backend() not in BACKENDS:
        return f"Keras: on {backend()}, which is not measured; KERAS_BACKEND can be {' or '.join(BACKENDS)}"
    if importlib.util.find_spec(backend()) is None:
        return f"Keras: its backend {backend()} is not installed"
    return None


def inference(case: Case, stack: Stack, given: Batch, threads: int) -> Side:
    """Forward alone."""
    layer = _layer(case, stack)
    x = given.x.numpy()
    if backend() == "jax":
        import jax  # type: ignore[import-not-found]

        variables, others = _values(layer)
        run = jax.jit(lambda values, x: layer.stateless_call(values, others, x)[0])
        on_device = jax.numpy.asarray(x)
        return Side(
            lambda: run(variables, on_device).block_until_ready(), lambda y: {"y": _tensor(y)}, _named("JAX", threads)
        )
    return Side(lambda: layer(given.x), lambda y: {"y": y}, "torch")


def training(case: Case, stack: Stack, given: Batch, threads: int) -> Side:
    """Forward and backward, gradients of the input and of every weight."""
    layer = _layer(case, stack)
    if backend() == "jax":
        call = _jax_training(layer, given)
        return Side(call, lambda found: _results(case.cell, [_tensor(v) for v in found]), _named("JAX", threads))
    x = given.x.clone().requires_grad_()
    weights: list[Tensor] = [v.value for v in layer.trainable_variables]

    def in_torch() -> list[Tensor]:
        changed(weights)
        y = layer(x)
        return [y, *torch.autograd.grad(y, [x, *weights], given.dy)]

    return Side(in_torch, lambda found: _results(case.cell, found), "torch")


def _jax_training(layer: Any, given: Batch) -> Callable[[], list[Any]]:
    import jax

    variables, others = _values(layer)
    x, dy = (jax.numpy.asarray(values.numpy()) for values in (given.x, given.dy))

    @jax.jit  # type: ignore[untyped-decorator]
    def run(values: list[Any], x: Any, dy: Any) -> tuple[Any, Any]:
        y, backward = jax.vjp(lambda values, x: layer.stateless_call(values, others, x)[0], values, x)
        return y, backward(dy)

    def call() -> list[Any]:
        y, (weights, dx) = jax.block_until_ready(run(variables, x, dy))
        return [y, dx, *weights]

    return call


def _values(layer: Any) -> tuple[list[Any], list[Any]]:
    """Of what is trained, and of the rest, such as the state of a random generator that nothing here draws from."""
    return [v.value for v in layer.trainable_variables], [v.value for v in layer.non_trainable_variables]


def _layer(case: Case, stack: Stack) -> Any:
    """Keras' layer with our weights."""
    os.environ["KERAS_BACKEND"] = backend()
    layers = importlib.import_module("keras").layers
    kind = {"rnn": layers.SimpleRNN, "gru": layers.GRU, "lstm": layers.LSTM}[case.cell]
    layer = kind(case.shape.hidden_size, return_sequences=True)
    layer.build((case.shape.batch, case.shape.time, case.shape.input_size))
    weights = stack.weights()
    assert weights.weight_hh is not None
    assert weights.bias_ih is not None
    assert weights.bias_hh is not None
    kernel, recurrent = (_reordered(case.cell, w).t().numpy() for w in (weights.weight_ih, weights.weight_hh))
    biases = [_reordered(case.cell, b).numpy() for b in (weights.bias_ih, weights.bias_hh)]
    bias = np.stack(biases) if case.cell == "gru" else biases[0] + biases[1]
    layer.set_weights([kernel, recurrent, bias])
    return layer


def _results(cell: str, found: list[Tensor]) -> dict[str, Tensor]:
    """By Recurra's names and in its order. One bias stands for both of Recurra's, but for the GRU's."""
    y, dx, kernel, recurrent, bias = found
    first, second = bias.unbind(0) if cell == "gru" else (bias, bias)
    named = {"weight_ih": kernel.t(), "weight_hh": recurrent.t(), "bias_ih": first, "bias_hh": second}
    return {"y": y, "dx": dx} | {f"d {n}_l0": _reordered(cell, w) for n, w in named.items()}


def _reordered(cell: str, rows: Tensor) -> Tensor:
    """Gates between torch's order and Keras'; each order is its own inverse."""
    gates = rows.detach().chunk(len(GATES[cell]))
    return torch.cat([gates[i] for i in GATES[cell]])


def _tensor(values: Any) -> Tensor:
    return torch.from_numpy(np.array(values))


def _named(name: str, threads: int) -> str:
    """JAX takes its threads from the process; they are all the cores that it may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return name if cores == threads else f"{name}, {cores} threads"
