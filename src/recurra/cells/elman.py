"""Elman's network, the basic recurrent cell, with two nonlinearities."""

from __future__ import annotations

from typing import Any

from recurra.cells.definition import cell
from recurra.equations.symbols import R, W, b, rb, relu, tanh


@cell(name="rnn", title="Elman RNN, tanh", source="Elman 1990, Finding structure in time")
def rnn(x: Any, h: Any) -> Any:
    h = tanh(W.h @ x + b.h + R.h @ h + rb.h)
    return h


@cell(
    name="rnn-relu",
    title="Elman RNN, ReLU",
    source="Le, Jaitly & Hinton 2015, A simple way to initialize recurrent networks of rectified linear units",
)
def rnn_relu(x: Any, h: Any) -> Any:
    h = relu(W.h @ x + b.h + R.h @ h + rb.h)
    return h
