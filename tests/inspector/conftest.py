"""Tiny runs behind a page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import recurra
from recurra.inspector.application import unguarded
from recurra.inspector.inspected import Inspected
from tests.laws.tasks.tiny_tasks import shared_runs


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, recurra.Run]:
    return shared_runs(tmp_path_factory)


@pytest.fixture
def inspected(
    runs: dict[str, recurra.Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Inspected]:
    """By task."""
    monkeypatch.setenv("RECURRA_CACHE", str(tmp_path / "cache"))
    return lambda task: Inspected(runs[task])


@pytest.fixture
def client(inspected: Callable[[str], Inspected]) -> Callable[..., TestClient]:
    """Who asks the page of some tasks' runs, in front of its guards."""
    return lambda *tasks: TestClient(unguarded([inspected(task) for task in tasks]))
