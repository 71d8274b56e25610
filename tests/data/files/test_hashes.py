"""Files as they lie there."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from recurra.data.files import sources


def test_a_large_file_is_hashed_once_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, read = tmp_path / "a.txt", list[Path]()
    path.write_bytes(b"one")
    monkeypatch.setattr(sources, "LARGE", 2)
    plain = sources._sha256

    def seen(path: Path) -> str:
        read.append(path)
        return plain(path)

    monkeypatch.setattr(sources, "_sha256", seen)
    first = sources.sha256(path)
    assert sources.sha256(path) == first == hashlib.sha256(b"one").hexdigest()
    assert len(read) == 1
    path.write_bytes(b"other")
    assert sources.sha256(path) == hashlib.sha256(b"other").hexdigest()
