"""Small shapes and short samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from recurra.bench import keras_peer, timing
from recurra.bench.cases import plan, shape
from recurra.bench.record import Document, Request
from recurra.bench.run import run

Bench = Callable[..., Document]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    """`bench(kind, shape, ...)`: one thread, samples of one call, a matrix rate of small matrices.

    keras: whether Keras is measured where it is installed, which takes seconds to import
    """
    monkeypatch.setattr(timing, "SAMPLE_SECONDS", 0.0)

    def measure(
        kind: str, size: str = "5x3x4x6", *, engine: str = "auto", keras: bool = False, **chosen: Any
    ) -> Document:
        if not keras:
            monkeypatch.setattr(keras_peer, "why_not", lambda: "Keras: not installed")
        cases = plan([kind], shapes=[shape(size)], **chosen)
        return run(cases, Request(engine), matrix_side=32)

    return measure
