"""Measure all that was asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch

from recurra.bench import accuracy, int8, keras_peer, layers, machine, onnx_peer, step, stream
from recurra.bench.cases import Case, Kind
from recurra.bench.machine import SIDE, Rates
from recurra.bench.record import Document, Request, Row
from recurra.bench.timing import FEWEST_REPEATS
from recurra.engines.choose import names
from recurra.errors import UnknownNameError, UsageError

Measurement = Callable[[Case, Request, Rates], list[Row]]
MEASUREMENTS: dict[Kind, Measurement] = {
    "training": layers.training,
    "inference": layers.inference,
    "ragged": layers.ragged,
    "stream": stream.stream,
    "cells": layers.cells,
    "gallery": layers.gallery,
    "linear": layers.linear,
    "accuracy": accuracy.accuracy,
    "step": step.step,
}


def check(asked: Request) -> None:
    """Errors: UsageError for what cannot be measured"""
    if asked.engine not in names():
        raise UnknownNameError("engine", asked.engine, names())
    if asked.threads < 1:
        raise UsageError(f"threads must be at least 1, got {asked.threads}")
    if asked.repeats < FEWEST_REPEATS:
        raise UsageError(f"repeats must be at least {FEWEST_REPEATS}, a median of fewer is noise; got {asked.repeats}")


def run(
    cases: Sequence[Case],
    asked: Request,
    *,
    command: str = "",
    progress: Callable[[Case], None] | None = None,
    matrix_side: int = SIDE,
) -> Document:
    """All rows, and what they are held against.

    command: as it was typed; progress: called before each case; matrix_side: of the product that gives the matrix rate.
    Errors: UsageError
    """
    check(asked)
    rates = Rates(asked.repeats, matrix_side)
    rows: list[Row] = []
    skipped: list[str] = []
    with _threads(asked.threads):
        for case in cases:
            reason = stream.why_not() if case.kind == "stream" else None
            if reason is not None:
                skipped.append(reason)
                continue
            if progress is not None:
                progress(case)
            rows += _measurement(case)(case, asked, rates)
        described = machine.describe(asked.threads)
    kinds = {case.kind for case in cases}
    absent = [keras_peer.why_not()] if kinds & {"training", "inference"} else []
    absent += [onnx_peer.why_not()] if "inference" in kinds else []
    skipped += [reason for reason in absent if reason is not None]
    once = list(dict.fromkeys(skipped))
    return Document(
        command, machine.now(), described, asked, rates.flops, rates.bandwidth, rows, once, rates.elementwise
    )


def _measurement(case: Case) -> Measurement:
    if case.precision == "int8":
        return int8.stream if case.kind == "stream" else int8.inference
    return MEASUREMENTS[case.kind]


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
