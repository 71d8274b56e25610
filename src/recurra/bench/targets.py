"""What is required of the native engine, in one place. All ratios are the peer's time over Recurra's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from recurra.bench.cases import VARIANTS, Case, Kind, Precision, shape
from recurra.bench.record import Row

Measure = Literal["ratio", "relative", "error", "rate_share"]


def everywhere(case: Case) -> bool:
    return True


def batch_one(case: Case) -> bool:
    return case.shape.batch == 1


def small(case: Case) -> bool:
    """Batch 1, and the small layer of MEASURE's table: where a call's overhead counts."""
    return batch_one(case) or case.shape == shape("50x16x64x64")


def large(case: Case) -> bool:
    """Where products should be all that counts."""
    return case.shape.batch >= 32 and case.shape.hidden_size >= 256


def stated(case: Case) -> bool:
    """The shape for which a time loop's figure was stated; in larger ones its products weigh more than its calls."""
    return case.shape == shape("50x32x128x128")


def deep(case: Case) -> bool:
    return case.layers == 2 and case.shape.hidden_size == 256


@dataclass(frozen=True)
class Target:
    """One figure to reach.

    work: for people; cells: none for all; peer: none for every one; measure: which figure of a row; bound: at least
    this, for `relative` and `error` at most; goal: wished for, not required.
    """

    work: str
    kind: Kind
    bound: float
    cells: tuple[str, ...] = ()
    where: Callable[[Case], bool] = everywhere
    peer: str | None = None
    precision: Precision = "float32"
    measure: Measure = "ratio"
    goal: bool = False

    @property
    def at_most(self) -> bool:
        return self.measure in ("relative", "error")

    @property
    def required(self) -> str:
        """`>= 1.15`"""
        return f"{'<=' if self.at_most else '>='} {shown(self.bound, self.measure)}"

    @property
    def command(self) -> str:
        """What measures it."""
        kind = "--step" if self.kind == "step" else f"--kind {self.kind}"
        cells = f" --cells {','.join(self.cells)}" if self.cells and self.cells != VARIANTS else ""
        precision = " --precision bfloat16" if self.precision == "bfloat16" else ""
        return f"recurra bench {kind}{cells}{precision}"

    def rows(self, rows: Iterable[Row]) -> list[Row]:
        """Those that it speaks of."""
        return [
            row
            for row in rows
            if row.case.kind == self.kind
            and row.case.precision == self.precision
            and (not self.cells or row.case.cell in self.cells)
            and (self.peer is None or row.peer == self.peer)
            and self.where(row.case)
        ]

    def value(self, row: Row) -> float | None:
        found: float | None = getattr(row, self.measure)
        return found


@dataclass(frozen=True)
class Verdict:
    """A target and the worst row; value None where nothing was measured or a row has no figure."""

    target: Target
    value: float | None
    row: Row | None
    count: int

    @property
    def reached(self) -> bool:
        if self.value is None:
            return False
        return self.value <= self.target.bound if self.target.at_most else self.value >= self.target.bound


def shown(value: float, measure: Measure) -> str:
    """A figure as it is printed."""
    match measure:
        case "error":
            return f"{value:.1e}"
        case "rate_share":
            return f"{100 * value:.0f} %"
        case _:
            return f"{value:.2f}"


def check(target: Target, rows: Iterable[Row]) -> Verdict:
    """The worst over all shapes and cells; a row without a figure is worse than any."""
    found = target.rows(rows)
    missing = [row for row in found if target.value(row) is None]
    if not found or missing:
        return Verdict(target, None, missing[0] if missing else None, len(found))
    worst = max if target.at_most else min
    row = worst(found, key=lambda row: target.value(row) or 0.0)
    return Verdict(target, target.value(row), row, len(found))


TORCH = "torch.nn"
UNNORMALISED = tuple(cell for cell in VARIANTS if cell != "lstm-layernorm")
TARGETS: tuple[Target, ...] = (
    Target("training, LSTM, every shape", "training", 1.15, ("lstm",), peer=TORCH),
    Target("training, LSTM, batch 1 and 50x16x64x64", "training", 2, ("lstm",), small, TORCH),
    Target("training, GRU, every shape", "training", 1.5, ("gru",), peer=TORCH),
    Target("training, GRU, batch 1 and 50x16x64x64", "training", 4, ("gru",), small, TORCH),
    Target("training, RNN, every shape", "training", 1.3, ("rnn",), peer=TORCH),
    Target("training, RNN, batch 1", "training", 4, ("rnn",), batch_one, TORCH),
    Target("inference, every shape", "inference", 1.0, peer=TORCH),
    Target("inference, batch 1", "inference", 1.4, where=batch_one, peer=TORCH),
    Target("inference, GRU and RNN", "inference", 1.3, ("gru", "rnn"), peer=TORCH),
    Target("training in bfloat16, LSTM", "training", 2, ("lstm",), peer=TORCH, precision="bfloat16"),
    Target("ragged training over packed", "ragged", 5, peer="torch packed"),
    Target("ragged training over padded", "ragged", 1.5, peer="torch padded"),
    Target("one streaming step over nn.LSTMCell", "stream", 3, ("lstm",), peer="torch cell"),
    Target("cells that torch has not: time per FLOP over our LSTM's", "cells", 1.25, VARIANTS, measure="relative"),
    Target("the same at 50x32x128x128, over a torch time loop", "cells", 6, UNNORMALISED, stated),
    Target("the LSTM with layer normalisation there, over a torch time loop", "cells", 4, ("lstm-layernorm",), stated),
    Target("the whole catalogue: time per FLOP over our LSTM's", "gallery", 1.25, measure="relative"),
    Target("one row of 4096 steps, no recurrent product, over a torch time loop", "linear", 10, peer="torch time loop"),
    Target("the same over our GRU", "linear", 2, peer="our gru"),
    Target("the same: share of the matrix rate", "linear", 0.8, peer="torch time loop", measure="rate_share"),
    Target("training step of the character model, LSTM H256 L2", "step", 1.6, ("lstm",), deep),
    Target("the same in bfloat16, over autocast", "step", 2.5, ("lstm",), deep, precision="bfloat16"),
    Target("error against float64, T = 100", "accuracy", 2e-6, measure="error"),
    Target("the same in bfloat16", "accuracy", 1e-2, precision="bfloat16", measure="error"),
    Target("training at B >= 32, H >= 256: share of the matrix rate", "training", 0.8, where=large, peer=TORCH,
           measure="rate_share", goal=True),
    Target("the same in bfloat16", "training", 0.5, where=large, peer=TORCH, precision="bfloat16",
           measure="rate_share", goal=True),
)  # fmt: skip
