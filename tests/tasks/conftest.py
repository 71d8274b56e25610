"""Runs without a page, which takes longer to draw than they take to train."""

from __future__ import annotations

import pytest

from recurra.api import record, training_run


@pytest.fixture
def drawn() -> None:
    """For tests of what a run's page shows."""


@pytest.fixture(autouse=True)
def _undrawn_unless_asked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "drawn" not in request.fixturenames:
        monkeypatch.setattr(training_run, "build_report", lambda record: "<html></html>")
        monkeypatch.setattr(record, "inside", lambda *given: ([], []))
