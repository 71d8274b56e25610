"""A run as tables, for a terminal or a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from recurra.bench.cases import KINDS, Kind
from recurra.bench.parts import REST, SPANS
from recurra.bench.record import Document, Row
from recurra.bench.timing import SAMPLE_SECONDS
from recurra.bench.turns import LONG, SHORT

TITLES: dict[Kind, str] = {
    "training": "Training: forward and backward of the layer, dx and dW included",
    "inference": "Inference",
    "ragged": "Training on rows of unequal length",
    "stream": "One streaming step",
    "cells": "Training of cells that torch has not",
    "gallery": "Training of every cell of the catalogue",
    "linear": "Training of cells without a recurrent product, one row",
    "accuracy": "Largest error beside the largest value, against float64",
    "step": "Whole training step of a task's default model; of a character model, with AdamW, where none is named",
}
NAMES = {"torch cell": {"lstm": "nn.LSTMCell", "gru": "nn.GRUCell", "rnn": "nn.RNNCell"}}
"""What a peer is called for a cell."""


@dataclass(frozen=True)
class Table:
    """right: columns of numbers; command: what measures it, "" where the rows say it."""

    title: str
    head: tuple[str, ...]
    rows: list[tuple[str, ...]]
    right: tuple[int, ...]
    command: str = ""


def tables(rows: Sequence[Row]) -> list[Table]:
    """One for each kind that was measured, and one for the parts of training steps."""
    found = []
    for kind in KINDS:
        own = [row for row in rows if row.case.kind == kind]
        if own:
            found.append(_accuracy(own) if kind == "accuracy" else _speed(kind, own))
        if kind == "step" and any(row.parts for row in own):
            found.append(_parts(own))
    return found


def _command(kind: Kind) -> str:
    return "recurra bench --step" if kind == "step" else f"recurra bench --kind {kind}"


WORK = ("cell", "T x B x I x H", "type", "engine")


def _work(row: Row) -> tuple[str, ...]:
    return (row.case.cell, row.case.title, row.case.precision, row.engine)


def _peer(row: Row) -> str:
    name = NAMES.get(row.peer, {}).get(row.case.cell, row.peer)
    return f"{name} ({row.variant})" if row.variant else name


def _speed(kind: Kind, rows: Sequence[Row]) -> Table:
    relative = kind in ("cells", "gallery")
    head: tuple[str, ...] = (*WORK, "ms", "GFLOP/s", "roofline", "peer", "its ms", "ratio")
    lines = []
    for row in rows:
        if row.status != "measured":
            cells = (*_work(row), "", "", "", _peer(row), "", row.reason or row.status)
        else:
            cells = (
                *_work(row),
                _number(row.recurra_ms),
                _number(row.gflops),
                _percent(row.roofline_share),
                _peer(row),
                _number(row.peer_ms),
                _number(row.ratio),
            )
        if relative:
            cells = (*cells, _number(row.relative))
        if kind == "gallery":
            cells = (*cells, _number(row.relative_all))
        if kind in ("gallery", "step"):
            cells = (*cells, _percent(row.whole_share), row.whole_by or "")
        lines.append(cells)
    if relative:
        head = (*head, "per FLOP / lstm's")
    if kind == "gallery":
        head = (*head, "per operation / lstm's")
    numbers = len(head)
    if kind in ("gallery", "step"):
        head = (*head, "of all work's roofline", "which is of")
        numbers += 1
    return Table(TITLES[kind], head, lines, (4, 5, 6, 8, 9, *range(10, numbers)), _command(kind))


def _accuracy(rows: Sequence[Row]) -> Table:
    lines = []
    for row in rows:
        worst = row.reason or row.status if row.status != "measured" else row.error_of or ""
        lines.append((*_work(row), _error(row.error), worst, _error(row.peer_error)))
    return Table(TITLES["accuracy"], (*WORK, "error", "of", "torch's"), lines, (4, 6), _command("accuracy"))


def _parts(rows: Sequence[Row]) -> Table:
    names = (*SPANS, REST)
    lines = [(*_work(row), *(_percent(row.parts.get(name)) for name in names)) for row in rows if row.parts]
    return Table(
        "Where our step's time goes", (*WORK, *names), lines, tuple(range(4, 4 + len(names))), _command("step")
    )


def footer(document: Document) -> list[str]:
    """What the figures were held against, and what was left out."""
    m, asked = document.machine, document.request
    lines = [
        f"{m.cpu}, {m.cores} cores ({' '.join(m.flags)}), {m.threads} threads",
        ", ".join(f"{name} {version}" for name, version in m.versions.items()),
        f"medians of {asked.repeats} samples, taken in turn; ratio: the peer's time over Recurra's; FLOPs of products",
        f"layers: a sample lasts {1e3 * SAMPLE_SECONDS:.0f} ms or a call, after one of the same side that is not timed",
    ]
    if any(row.case.kind == "step" for row in document.rows):
        lines.append(
            f"training steps take turns by blocks of {SHORT.steps}, a sample is the median of a block without its "
            f"first {SHORT.refilling}, which find the other side's data in the caches; those of "
            f"{1e3 * SAMPLE_SECONDS:.0f} ms or more by blocks of {LONG.steps}, without {LONG.refilling}; one block "
            "goes before for warming up"
        )
    if any(row.peer.startswith("ONNX Runtime") for row in document.rows):
        lines.append(
            "ONNX Runtime: in a process of its own, which is stopped while Recurra is timed, for its threads spin"
        )
    if document.rates:
        rates = [f"{rate / 1e9:,.0f} GFLOP/s in {name}" for name, rate in document.rates.items()]
        lines.append(f"matrix rate of this run, its best sample (2048^3 by torch): {', '.join(rates)}")
    if document.bandwidth:
        speeds = [f"{speed / 1e9:,.0f} GB/s at {_bytes(size)}" for size, speed in sorted(document.bandwidth.items())]
        lines.append(f"weights are streamed once a step at: {', '.join(speeds)}")
        lines.append("roofline: the time for FLOPs at the matrix rate or for streaming, the longer one, over Recurra's")
    if document.elementwise is not None:
        lines.append(
            "all work: FLOPs of products at the matrix rate and elementwise operations at "
            f"{document.elementwise / 1e9:,.0f} G/s (our functions on {m.threads} threads), or all bytes of a training "
            "step at their bandwidth, the longer one, over Recurra's; of a task's step all products, but of the rest "
            "what its recurrent layers do, not the tanh of additive attention and its sum"
        )
    if any(row.case.precision == "bfloat16" for row in document.rows) and "bfloat16" not in document.rates:
        lines.append("torch has no fast bfloat16 products on this CPU: its side and the matrix rate are float32 there")
    return lines + list(document.skipped)


def _bytes(size: int) -> str:
    return f"{size / 2**20:.1f} MiB" if size >= 2**20 else f"{size / 2**10:.0f} KiB"


def _number(value: float | None) -> str:
    """Three digits, more before the point if there are more."""
    if value is None:
        return ""
    if value < 0.1:
        return f"{value:.3f}"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.0f} %"


def _error(value: float | None) -> str:
    return "" if value is None else f"{value:.1e}"
