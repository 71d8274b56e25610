"""A folder as one thing."""

from __future__ import annotations

from pathlib import Path

import pytest

from recurra.data.files.trees import digest, files_below
from recurra.errors import DataError


def test_files_below_in_one_order(tmp_path: Path) -> None:
    for name in ("b/2", "b/1", "a", "c/d/e", ".hidden", ".git/x"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert [path.relative_to(tmp_path).as_posix() for path in files_below(tmp_path)] == ["a", "b/1", "b/2", "c/d/e"]
    with pytest.raises(DataError, match="none: cannot be read: No such"):
        list(files_below(tmp_path / "none"))


def test_a_digest_knows_names_and_bytes(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "a").write_text("x")
    (tmp_path / "one" / "b").write_text("yz")
    before, size = digest(tmp_path / "one")
    assert size == 3
    assert digest(tmp_path / "one" / "a")[1] == 1
    (tmp_path / "one" / "b").write_text("yy")
    assert digest(tmp_path / "one")[0] != before
    (tmp_path / "one" / "b").write_text("yz")
    assert digest(tmp_path / "one")[0] == before
    (tmp_path / "one" / "b").rename(tmp_path / "one" / "c")
    assert digest(tmp_path / "one")[0] != before
