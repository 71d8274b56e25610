"""Small shapes and short samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from recurra.bench import timing
from recurra.bench.cases import plan, shape
from recurra.bench.record import Document, Request
from recurra.bench.run import run

Bench = Callable[..., Document]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    """`bench(kind, shape, ...)`: one thread, samples of one call, a matrix rate of small matrices."""
    monkeypatch.setattr(timing, "SAMPLE_SECONDS", 0.0)

    def measure(kind: str, size: str = "5x3x4x6", *, engine: str = "auto", **chosen: Any) -> Document:
        cases = plan([kind], shapes=[shape(size)], **chosen)
        return run(cases, Request(engine), matrix_side=32)

    return measure
