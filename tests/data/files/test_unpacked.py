"""A .zip of several files is the folder that was packed; nothing is put outside of the cache."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from recurra.data.files import sources
from recurra.data.files.unpacked import is_packed_folder, unpacked
from recurra.errors import DataError
from recurra.tasks.sources.resolving import resolve


def packed(path: Path, *names: str, content: str = "a\n") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, content)
    return path


def test_the_folder_that_was_packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECURRA_CACHE", str(tmp_path / "cache"))
    path = packed(tmp_path / "names.zip", "names/it.txt", "names/ru.txt", "__MACOSX/names/._it.txt", "names/.hidden")
    source = resolve(path)
    assert (source.name, source.task, source.kind, sorted(source.files)) == (
        "names",
        "classify",
        "labels",
        ["it", "ru"],
    )
    assert source.files["it"].read_text() == "a\n"
    assert resolve(path).files == source.files
    parts = resolve(packed(tmp_path / "reviews.zip", "train.csv", "test.csv", "README.txt"))
    assert (parts.kind, sorted(parts.files)) == ("table", ["test", "train"])


def test_a_single_file_is_read_as_it_was(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.txt.zip", "a.txt", "_about.txt")
    assert not is_packed_folder(path)
    assert resolve(path).files == {"all": path}


@pytest.mark.parametrize("name", ["../out.txt", "/out.txt", "a/../../out.txt", "C:/out.txt", "a\\..\\..\\out.txt"])
def test_nothing_is_put_outside(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="would stand outside of its folder"):
        unpacked(packed(tmp_path / "a.zip", "a.txt", name), tmp_path / "cache")
    assert not list(tmp_path.rglob("out.txt"))
    assert not list((tmp_path / "cache" / "unpacked").iterdir())


def test_links_and_too_much_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as archive:
        archive.writestr("a.txt", "a")
        link = zipfile.ZipInfo("b.txt")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(DataError, match=r"'b\.txt' in this archive is a link"):
        unpacked(tmp_path / "link.zip", tmp_path / "cache")
    monkeypatch.setattr(sources, "FREE", 1000)
    with pytest.raises(DataError, match="a pack may hold 100 times its size"):
        unpacked(packed(tmp_path / "big.zip", "a.txt", "b.txt", content="a" * 200_000), tmp_path / "cache")
