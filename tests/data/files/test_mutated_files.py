"""A sample of what `make fuzz` tries: mutated files are read, or refused as they should be."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from tests.fuzz import readers


@pytest.mark.parametrize("seed", [1, 2])
def test_mutated_files_are_read_or_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setenv("RECURRA_CACHE", str(tmp_path / "cache"))
    failed = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number in range(80):
            folder = tmp_path / str(number)
            folder.mkdir()
            failed.append(readers.tried(number, seed, folder))
    assert failed == [None] * 80


def test_what_must_not_be_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Path) -> None:
        raise KeyError("a bug")

    def greedy(_: Path) -> None:
        assert len(b"a" * (readers.MEMORY + (40 << 20))) > readers.MEMORY

    for read, found in ((broken, "KeyError"), (greedy, "MB for")):
        monkeypatch.setattr(readers, "targets", lambda read=read: [readers.Target("one", {"a": b"b"}, read)])
        (tmp_path / found).mkdir()
        assert found in (readers.tried(1, 1, tmp_path / found) or "")
