"""What the user's data are: files, folders and names, and which task they suit."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from recurra.api.catalogue import kind
from recurra.errors import DataError, UnknownNameError
from recurra.tasks.sources import resolve
from recurra.training.defaults import Settings


def put(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_text("a\n")
    return folder


@pytest.mark.parametrize(
    ("names", "task", "kind", "keys"),
    [
        (["Arabic.txt", "Czech.txt"], "classify", "labels", ["Arabic", "Czech"]),
        (["NA.txt", "nan.txt", "None.txt"], "classify", "labels", ["NA", "None", "nan"]),
        (["input.txt"], "language", "text", ["all"]),
        (["input.txt", "notes.md", ".hidden.txt"], "language", "text", ["all"]),
        (["ptb.train.txt", "ptb.valid.txt", "ptb.test.txt"], "language", "text", ["test", "train", "validation"]),
        (["train.txt", "test.txt"], "language", "text", ["test", "train"]),
        (["train.tsv", "dev.tsv", "test.tsv"], "classify", "table", ["test", "train", "validation"]),
        (["train.csv", "val.csv", "README.txt"], "classify", "table", ["train", "validation"]),
        (["train.csv.gz", "test.csv.gz"], "classify", "table", ["test", "train"]),
        (["reviews.parquet"], "classify", "table", ["all"]),
        (["reviews.zip"], "classify", "table", ["all"]),
        (["reviews.jsonl", "about.txt"], "language", "text", ["all"]),
    ],
)
def test_folders(tmp_path: Path, names: list[str], task: str, kind: str, keys: list[str]) -> None:
    source = resolve(put(tmp_path / "data", *names))
    assert (source.task, source.kind, sorted(source.files), source.name) == (task, kind, keys, "data")
    assert source.why
    assert str(tmp_path) not in source.why


@pytest.mark.parametrize(
    ("name", "task", "kind", "called"),
    [
        ("input.txt", "language", "text", "input"),
        ("input", "language", "text", "input"),
        ("story.md", "language", "text", "story"),
        ("r.csv", "classify", "table", "r"),
        ("R.TSV", "classify", "table", "R"),
        ("r.v2.jsonl", "classify", "table", "r.v2"),
        ("r.csv.gz", "classify", "table", "r"),
        ("r.zip", "classify", "table", "r"),
        ("r.parquet", "classify", "table", "r"),
    ],
)
def test_files(tmp_path: Path, name: str, task: str, kind: str, called: str) -> None:
    put(tmp_path, name)
    source = resolve(tmp_path / name)
    assert (source.task, source.kind, source.name, list(source.files)) == (task, kind, called, ["all"])
    assert resolve(str(tmp_path / name), source.task).files == source.files


def test_names() -> None:
    source = resolve("surnames")
    assert (source.task, source.kind, source.named, len(source.files)) == ("classify", "labels", True, 18)


def test_a_folder_goes_before_a_data_set_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "surnames", "a.txt", "b.txt")
    monkeypatch.chdir(tmp_path)
    source = resolve("surnames")
    assert sorted(source.files) == ["a", "b"]
    assert not source.named


def test_files_for_the_parts(tmp_path: Path) -> None:
    put(tmp_path, "a.csv", "b.csv", "c.csv")
    source = resolve(tmp_path / "a.csv", validation=str(tmp_path / "b.csv"), test=str(tmp_path / "c.csv"))
    assert list(source.files) == ["train", "validation", "test"]
    assert [p.name for p in source.files.values()] == ["a.csv", "b.csv", "c.csv"]
    with pytest.raises(DataError, match=r"d\.csv: no such file"):
        resolve(tmp_path / "a.csv", test=str(tmp_path / "d.csv"))


def test_what_cannot_be_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"0 \.txt files and 0 tables"):
        resolve(put(tmp_path / "empty"))
    with pytest.raises(DataError, match=r"0 \.txt files and 2 tables"):
        resolve(put(tmp_path / "two", "a.csv", "b.csv"))
    with pytest.raises(DataError, match=r"2 \.txt files"):
        resolve(put(tmp_path / "labels", "a.txt", "b.txt"), "language")
    with pytest.raises(DataError, match="no labels to learn"):
        resolve(put(tmp_path / "one", "a.txt"), "classify")
    with pytest.raises(DataError, match=r"a\.abc holds tunes.*, not language"):
        resolve(put(tmp_path / "tunes", "a.abc") / "a.abc", "language")
    with pytest.raises(DataError, match="not classify"):
        resolve(put(tmp_path / "parts", "train.txt", "test.txt"), "classify")
    with pytest.raises(UnknownNameError, match="did you mean 'language'"):
        resolve(tmp_path, "languages")
    with pytest.raises(DataError, match="no such file or folder, and no data set"):
        resolve("surname")


@pytest.mark.skipif("RECURRA_DATA" not in os.environ, reason="$RECURRA_DATA is not set")
@pytest.mark.parametrize(
    ("name", "task", "kind", "count"),
    [
        ("names", "classify", "labels", 18),
        ("mr", "classify", "labels", 2),
        ("sst2", "classify", "table", 3),
        ("ptb", "language", "text", 3),
        ("tinyshakespeare", "language", "text", 1),
        ("chnsenticorp", "classify", "table", 1),
        ("online_shopping", "classify", "table", 1),
    ],
)
def test_public_data_by_name_and_by_folder(name: str, task: str, kind: str, count: int) -> None:
    found = resolve(name)
    assert (found.task, found.kind, len(found.files)) == (task, kind, count)
    if name != "mr":  # its files are named by what they hold, not as <label>.txt
        folder = resolve(Path(os.environ["RECURRA_DATA"]) / name)
        assert (folder.task, folder.kind, set(folder.files.values())) == (task, kind, set(found.files.values()))


@pytest.mark.parametrize("task", ["classify", "generate", "fill", "language"])
def test_too_little_memory_for_reading_is_told_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\nsome text,x\n", encoding="utf-8")
    source = resolve(path, task)

    def full(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("recurra.data.text.read_blocks", full)
    with pytest.raises(DataError, match=r"a\.csv: there is not enough memory to read this: 23 bytes in 1 file\n"):
        kind(task).prepare(source, Settings().changed(text="text", label="label"))
