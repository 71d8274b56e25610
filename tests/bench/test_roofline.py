"""Floors counted by hand."""

from __future__ import annotations

import pytest

from recurra.bench.cases import Case, shape
from recurra.bench.machine import Rates
from recurra.bench.recurra_side import batch, work_of
from recurra.bench.roofline import Work, layer_work, step_work, together
from recurra.bench.step import VOCABULARY
from recurra.bench.step import work_of as step_work_of
from recurra.cells.catalogue import get


def test_an_lstm_by_hand() -> None:
    # 2 FLOPs x 4 gates x H 5 x (I 3 + H 5) x B 2 x T 7; R is 4 x 5 x 5 numbers of 4 bytes, 7 times
    work = layer_work(get("lstm"), 3, 5, rows=14, steps=7, precision="float32", training=False)
    assert work == Work(2 * 4 * 5 * 8 * 14, 7 * 400, 400)
    trained = layer_work(get("lstm"), 3, 5, rows=14, steps=7, precision="bfloat16", training=True)
    assert trained == Work(3 * 4480, 2 * 7 * 200, 200)


@pytest.mark.parametrize(("cell", "gates"), [("rnn", 1), ("gru", 3), ("lstm", 4), ("coupled-lstm", 3), ("gru-cho", 3)])
def test_gates_are_counted_from_the_equations(cell: str, gates: int) -> None:
    work = layer_work(get(cell), 6, 6, rows=1, steps=1, precision="float32", training=False)
    assert work.flops == 2 * gates * 6 * 12


def test_the_figures_of_the_table() -> None:
    """LSTM 100x64x256x256 at 22.2 ms of inference is 302 GFLOP/s, at 101 ms of training 199."""
    for training, milliseconds, rate in ((False, 22.2, 302), (True, 101, 199)):
        work = layer_work(get("lstm"), 256, 256, rows=6400, steps=100, precision="float32", training=training)
        assert work.flops / (milliseconds * 1e-3) / 1e9 == pytest.approx(rate, abs=1)


def test_a_streaming_step_reads_every_weight() -> None:
    assert step_work(get("lstm"), 128, 256, batch=1).streamed == 4 * 256 * 384 * 4


def test_the_floor_is_the_longer_time() -> None:
    assert Work(100, 10, 10).seconds(flops_per_second=10, bytes_per_second=10) == 10
    assert Work(100, 1000, 10).seconds(flops_per_second=10, bytes_per_second=10) == 100
    assert together(Work(1, 2, 3), Work(4, 5, 1)) == Work(5, 7, 3)


def test_rows_past_their_end_are_no_work() -> None:
    case = Case("ragged", "lstm", shape("6x4x3x5"), lengths=(2, 6))
    given = batch(case)
    assert given.lengths is not None
    assert (int(given.lengths.min()), int(given.lengths.max())) == (2, 6)
    assert work_of(case, given, training=False).flops == 2 * 4 * 5 * 8 * int(given.lengths.sum())
    for row, length in enumerate(given.lengths):
        assert not given.x[row, length:].any()
        assert not given.dy[row, length:].any()


def test_both_directions_are_work() -> None:
    one = Case("training", "gru", shape("6x4x3x5"))
    both = Case("training", "gru", shape("6x4x3x5"), directions=2)
    assert work_of(both, batch(both), training=True).flops == 2 * work_of(one, batch(one), training=True).flops


def test_a_token_table_is_projected_once() -> None:
    case = Case("step", "rnn", shape("10x20x8x4"))
    indices = 200
    assert step_work_of(case).flops == 3 * 2 * (4 * 8 * VOCABULARY + 4 * 4 * indices + 4 * VOCABULARY * indices)


def test_rates_are_measured_once() -> None:
    rates = Rates(side=16)
    assert rates.matrix_rate("float32") > 0
    assert rates.matrix_rate("float32") == rates.matrix_rate("float32")
    assert rates.bandwidth_at(10) == rates.bandwidth_at(20) > 0, "both are smaller than the smallest buffer"
    assert rates.roofline(Work(1000, 0, 0), "float32") == pytest.approx(1000 / rates.matrix_rate("float32"))
