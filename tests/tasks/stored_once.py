"""What holds for every task's store of large data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest


def check_built_again_where_damaged(
    shown: Callable[[], object],
    reader: ModuleType,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """That files are read once, and again where any file of the store is damaged, which is told.

    shown: prepares the data and gives what is in them; reader: whose `read` reads the files
    """
    first, read, times = shown(), reader.read, list[int]()
    monkeypatch.setattr(reader, "read", lambda *a, **k: times.append(1) or read(*a, **k))
    assert shown() == first
    assert not times
    for number, path in enumerate(sorted((cache / "tables").glob("*/*")), start=1):
        path.write_bytes(path.read_bytes()[:-1])
        assert shown() == first
        assert len(times) == number
        assert "the cached table" in caplog.text
        assert "is not whole; it is built again" in caplog.text
        caplog.clear()
    assert times
    assert len(list((cache / "tables").iterdir())) == 1
