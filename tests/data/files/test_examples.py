from __future__ import annotations

from pathlib import Path

import pytest

from recurra.data.files.examples import Example, Examples, distinct, from_files, from_folder, from_table, look_alikes
from recurra.errors import DataError


def test_a_folder_has_a_file_per_class(tmp_path: Path) -> None:
    (tmp_path / "Irish.txt").write_text("  O'Neal \n\n  \nKelly\n", encoding="utf-8")
    (tmp_path / "Czech.TXT").write_bytes("Novák\r\nDvořák".encode())
    (tmp_path / "README.md").write_text("not a class", encoding="utf-8")
    (tmp_path / ".hidden.txt").write_text("not a class", encoding="utf-8")
    examples = from_folder(tmp_path)
    assert examples.items == [
        Example("Novák", "Czech", tmp_path / "Czech.TXT", 1),
        Example("Dvořák", "Czech", tmp_path / "Czech.TXT", 2),
        Example("O'Neal", "Irish", tmp_path / "Irish.txt", 1),
        Example("Kelly", "Irish", tmp_path / "Irish.txt", 4),
    ]
    assert examples.classes() == ["Czech", "Irish"]
    assert examples.texts[0] == "Novák"
    assert examples.labels == ["Czech", "Czech", "Irish", "Irish"]


def test_a_line_separator_of_unicode_does_not_end_an_example(tmp_path: Path) -> None:
    (tmp_path / "pos").write_bytes(b"one \x85 two\nthree\n")
    (tmp_path / "neg").write_text("a\u2028b\n", encoding="utf-8")
    assert from_files({"pos": tmp_path / "pos"}, encoding="latin-1").texts == ["one \x85 two", "three"]
    assert from_files({"neg": tmp_path / "neg"}).texts == ["a\u2028b"]


def test_folders_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none: no such folder"):
        from_folder(tmp_path / "none")
    with pytest.raises(DataError, match=r"has no .txt file"):
        from_folder(tmp_path)
    (tmp_path / "a.TXT").write_text("x", encoding="utf-8")
    (tmp_path / "a.txt").write_text("y", encoding="utf-8")
    if len(list(tmp_path.iterdir())) == 2:  # the file system tells upper from lower case
        with pytest.raises(DataError, match="two files are for the class 'a'"):
            from_folder(tmp_path)
        (tmp_path / "a.TXT").unlink()
    (tmp_path / "a.txt").write_text(" \n\n", encoding="utf-8")
    with pytest.raises(DataError, match="only blank lines"):
        from_folder(tmp_path)
    (tmp_path / "a.txt").write_text("ok\n" + "x" * 1_000_001, encoding="utf-8")
    with pytest.raises(DataError, match=r"a.txt:2: this line has more than 1,000,000 characters"):
        from_folder(tmp_path)


def test_rows_of_a_table_with_empty_texts_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('label,text\nNA,"two\nlines"\n null , NA \nx,\n', encoding="utf-8")
    examples = from_table(path)
    assert list(examples.items) == [Example("two\nlines", "NA", path, 2), Example("NA", "null", path, 4)]
    assert examples.skipped == 1


def test_a_column_can_say_the_part(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("part\ttext\tlabel\ntrain\ta\tx\ndev\tb\ty\ntrain\tc\ty\n", encoding="utf-8")
    parts = from_table(path, split_column="part")
    assert {name: list(part.texts) for name, part in parts.items()} == {"train": ["a", "c"], "dev": ["b"]}


def test_rows_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label,part\na,x,train\nb, ,train\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"a.csv:3: the 'label' of this row is empty"):
        from_table(path)
    with pytest.raises(
        DataError, match=r"a.csv:1: no column 'labels'; there are 'text', 'label', 'part'\ndid you mean 'label'"
    ):
        from_table(path, label="labels")
    path.write_text("text,label,part\na,x,\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"a.csv:2: the 'part' of this row is empty"):
        from_table(path, split_column="part")
    path.write_text("text,label\n,x\n,y\n", encoding="utf-8")
    with pytest.raises(DataError, match="the column 'text' is empty in all 2 rows"):
        from_table(path)


def test_distinct_keeps_the_first_of_each_text_and_label() -> None:
    items = [Example(text, label, Path("f"), line) for line, (text, label) in enumerate(["ax", "bx", "ax", "ay", "ax"])]
    kept, dropped = distinct(Examples(items, skipped=7))
    assert [item.line for item in kept] == [0, 1, 3]
    assert dropped == 2
    assert kept.skipped == 7


def test_labels_that_look_alike_are_told() -> None:
    assert look_alikes(["pos", "neg", "neutral"]) == []
    (said,) = look_alikes(["pos", "Pos", "neg", "caf\u00e9", "cafe\u0301", "neg"])
    assert said.endswith("different ones: 'Pos' and 'pos'; 'cafe\\u0301' and 'caf\\xe9'")
