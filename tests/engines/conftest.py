"""What every test of an engine starts from."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from recurra.engines.native import library


@pytest.fixture(autouse=True)
def the_environment_is_read_anew(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever a test sets is forgotten after it."""
    yield
    monkeypatch.undo()
    library.read_environment_again()
