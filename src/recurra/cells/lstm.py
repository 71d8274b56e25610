"""Long short-term memory and its variants."""

from __future__ import annotations

from typing import Any

from recurra.cells.definition import cell
from recurra.equations.symbols import P, R, W, b, p, rb, sigmoid, tanh


@cell(
    name="lstm",
    title="LSTM",
    source="Hochreiter & Schmidhuber 1997, Long short-term memory; forget gate: Gers, Schmidhuber & Cummins 2000, "
    "Learning to forget",
    initial_bias={"f": 1.0},
)
def lstm(x: Any, h: Any, c: Any) -> Any:
    i = sigmoid(W.i @ x + b.i + R.i @ h + rb.i)
    f = sigmoid(W.f @ x + b.f + R.f @ h + rb.f)
    g = tanh(W.g @ x + b.g + R.g @ h + rb.g)
    o = sigmoid(W.o @ x + b.o + R.o @ h + rb.o)
    c = f * c + i * g
    h = o * tanh(c)
    return h, c


@cell(
    name="peephole-lstm",
    title="LSTM with peepholes",
    source="Gers & Schmidhuber 2000, Recurrent nets that time and count",
    initial_bias={"f": 1.0},
)
def peephole_lstm(x: Any, h: Any, c: Any) -> Any:
    i = sigmoid(W.i @ x + R.i @ h + p.i * c + b.i)
    f = sigmoid(W.f @ x + R.f @ h + p.f * c + b.f)
    g = tanh(W.g @ x + R.g @ h + b.g)
    c = f * c + i * g
    o = sigmoid(W.o @ x + R.o @ h + p.o * c + b.o)
    h = o * tanh(c)
    return h, c


@cell(
    name="lstm-projected",
    title="LSTM with a projection, which the next step reads",
    source="Sak, Senior & Beaufays 2014, Long short-term memory based recurrent neural network architectures for large "
    "vocabulary speech recognition, arXiv:1402.1128; as torch.nn.LSTM with proj_size",
    initial_bias={"f": 1.0},
)
def lstm_projected(x: Any, h: Any, c: Any) -> Any:
    i = sigmoid(W.i @ x + b.i + R.i @ h + rb.i)
    f = sigmoid(W.f @ x + b.f + R.f @ h + rb.f)
    g = tanh(W.g @ x + b.g + R.g @ h + rb.g)
    o = sigmoid(W.o @ x + b.o + R.o @ h + rb.o)
    c = f * c + i * g
    h = P.h @ (o * tanh(c))
    return h, c


@cell(
    name="coupled-lstm",
    title="LSTM with coupled gates, f = 1 - i",
    source="Greff et al. 2017, LSTM: a search space odyssey (CIFG)",
    initial_bias={"i": -1.0},
)
def coupled_lstm(x: Any, h: Any, c: Any) -> Any:
    i = sigmoid(W.i @ x + R.i @ h + b.i)
    f = 1 - i
    g = tanh(W.g @ x + R.g @ h + b.g)
    o = sigmoid(W.o @ x + R.o @ h + b.o)
    c = f * c + i * g
    h = o * tanh(c)
    return h, c
