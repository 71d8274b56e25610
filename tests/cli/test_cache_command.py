"""`recurra cache`: what is kept, and what becomes of it."""

from __future__ import annotations

import io
import json
import shutil
import sys
from pathlib import Path

import pytest
from command_line import TINY, Recurra

from recurra.cli import main
from recurra.locks import holding


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(scope="module")
def trained(text: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run and the cache that it left."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECURRA_CACHE", str(folder / "cache"))
        assert main(["train", str(text), "--out", str(folder / "run"), "--quiet", *TINY]) == 0
    return folder


@pytest.fixture
def kept(recurra: Recurra, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with a corpus, a data set and something of somebody else's."""
    folder = tmp_path / "cache"
    shutil.copytree(trained / "cache", folder)
    monkeypatch.setenv("RECURRA_CACHE", str(folder))
    (folder / "data" / "names").mkdir(parents=True)
    (folder / "data" / "names" / "names.zip").write_bytes(b"0" * 12_345)
    (folder / "holiday.jpg").write_bytes(b"not ours")
    return folder


def test_it_shows_what_is_kept_and_how_much(recurra: Recurra, kept: Path) -> None:
    shown = recurra("cache").out
    assert "data     names" in shown
    assert "12 kB" in shown
    assert "characters of train" in shown
    assert f"2 things, {shown.splitlines()[-1].split(', ')[1].split(' in')[0]} in {kept}" in shown
    found = json.loads(recurra("cache", "--json", "data").out)
    assert found["entries"] == [
        {"kind": "data", "name": "names", "bytes": 12_345, "path": str(kept / "data" / "names")}
    ]


def test_it_clears_what_is_named_and_leaves_the_rest(recurra: Recurra, kept: Path, trained: Path) -> None:
    result = recurra("cache", "names", "--clear", "--yes")
    assert (result.code, result.out) == (0, "")
    assert "1 thing, 12 kB removed" in result.err
    assert [path.name for path in (kept / "data").iterdir() if not path.name.startswith(".")] == []
    assert len([path for path in (kept / "corpora").iterdir() if path.is_dir()]) == 1
    assert recurra("cache", "--clear", "--yes").code == 0
    assert "nothing is cached" in recurra("cache").err
    assert (kept / "holiday.jpg").is_file()
    assert recurra("evaluate", trained / "run").code == 0


def test_it_asks_first(recurra: Recurra, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recurra("cache", "--clear").refused(2, "this would remove 2 things", "add --yes")
    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
    answered = recurra("cache", "--clear")
    assert "fetched again when they are asked for" in answered.err
    assert "nothing was removed" in answered.err
    assert (kept / "data" / "names").is_dir()
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    assert "2 things" in recurra("cache", "--clear").err
    assert not (kept / "data" / "names").exists()


def test_what_is_being_written_is_left(recurra: Recurra, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from recurra import locks

    with holding(kept / "data" / "names"):
        monkeypatch.setattr(locks, "_HELD", {})
        result = recurra("cache", "data", "--clear", "--yes")
    assert "data/names is left" in result.err
    assert (kept / "data" / "names").is_dir()


def test_near_names(recurra: Recurra, kept: Path) -> None:
    recurra("cache", "corpra").refused(2, "did you mean 'corpora'?")
