from __future__ import annotations

from pathlib import Path

import pytest

from recurra.data.conditioned import describe_left_out, from_classes, from_table, from_tunes
from recurra.data.files.examples import Example, Examples
from recurra.errors import DataError, UsageError

CSV = "name,land,sex,part\nAnna,it,f,train\n Ugo ,it,m,train\n,it,m,train\nOlga,ru,f,test\n"


def table(folder: Path, text: str = CSV) -> Path:
    path = folder / "names.csv"
    path.write_text(text, encoding="utf-8")
    return path


def write(folder: Path, name: str, *metres: str, extra: str = "") -> Path:
    path = folder / f"{name}.abc"
    tunes = (f"X:{i}\nM:{metre}\n{extra}K:G\nGABc|\n" for i, metre in enumerate(metres))
    path.write_text("\n".join(tunes), encoding="utf-8")
    return path


def test_each_label_column_is_an_attribute(tmp_path: Path) -> None:
    found = from_table(table(tmp_path), text="name", labels=["land", "sex"])
    (part,) = found.parts.values()
    assert [(item.text, found.values[item.label], item.line) for item in part.items] == [
        ("Anna", ("it", "f"), 2),
        ("Ugo", ("it", "m"), 3),
        ("Olga", ("ru", "f"), 5),
    ]
    assert part.labels[0] == "land=it,sex=f"
    assert part.skipped == 1


def test_a_column_divides_the_rows(tmp_path: Path) -> None:
    found = from_table(table(tmp_path), text="name", labels=["land"], split_column="part")
    assert {name: part.texts for name, part in found.parts.items()} == {"train": ["Anna", "Ugo"], "test": ["Olga"]}


@pytest.mark.parametrize(
    ("text", "labels", "piece", "line"),
    [
        (CSV + "Ivo,,m,train\n", ["land"], "'land' of this row is empty", 6),
        (CSV, ["land", "age"], "no column 'age'", 1),
        ("name,land\n,it\n", ["land"], "empty in all 1 rows", None),
    ],
)
def test_tables_that_cannot_be_used(text: str, labels: list[str], piece: str, line: int | None, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=piece) as refused:
        from_table(table(tmp_path, text), text="name", labels=labels)
    assert refused.value.line == line


def test_a_label_column_twice(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="twice"):
        from_table(table(tmp_path), text="name", labels=["land", "land"])


def test_tunes_are_of_the_class_that_their_file_names(tmp_path: Path) -> None:
    files = {name: write(tmp_path, name, *["4/4"] * 5) for name in ("reelsa-c", "reelsd-g", "jigs")}
    found = from_tunes(files)
    assert found.names == ("class",)
    assert found.parts["all"].labels == ["reels"] * 10 + ["jigs"] * 5


def test_files_of_a_tune_each_are_no_classes(tmp_path: Path) -> None:
    files = {name: write(tmp_path, name, "4/4", extra="R:reel\n") for name in "abcdefghi"}
    files["j"] = write(tmp_path, "j", "6/8")
    found = from_tunes(files)
    assert (found.names, found.parts["all"].labels) == (("R",), ["reel"] * 9)
    assert describe_left_out(found.left_out) == "1 for: no field R:, at j.abc:1"
    assert from_tunes(files, labels=["file"]).parts["all"].labels == list("abcdefghij")


def test_tunes_of_one_file_are_told_apart_by_rhythm_or_metre(tmp_path: Path) -> None:
    assert from_tunes({"all": write(tmp_path, "a", "4/4", "6/8")}).parts["all"].labels == ["4/4", "6/8"]
    found = from_tunes({"all": write(tmp_path, "b", "4/4", extra="R:hornpipe\n")})
    assert (found.names, found.parts["all"].labels) == (("R",), ["hornpipe"])


def test_tunes_by_fields(tmp_path: Path) -> None:
    found = from_tunes({"a": write(tmp_path, "a", "4/4", "6/8")}, labels=["file", "M", "K"])
    assert found.parts["all"].labels == ["file=a,M=4/4,K=G", "file=a,M=6/8,K=G"]
    with pytest.raises(
        DataError,
        match=r"none of 2 tunes can be read; 2 for: no field R:, at a\.abc:1\n.*are K, M: name one by --label",
    ):
        from_tunes({"a": tmp_path / "a.abc"}, labels=["R"])


def test_a_tune_that_cannot_be_read_is_left_out_and_told(tmp_path: Path) -> None:
    path = write(tmp_path, "a", "4/4", "6/8")
    path.write_text(path.read_text() + "\nX:9\nM:4/4\nK:C\n[abc|\n", encoding="utf-8")
    found = from_tunes({"a": path})
    assert len(found.parts["all"]) == 2
    (reason,) = found.left_out
    assert (reason.place, reason.problem) == ("a.abc:14", "'[' cannot be read as music")
    path.write_text(
        path.read_text() + "\nX:10\nM:4/4\n\nX:11\nK:C\nw:no notes\n\nX:12\nM:4/4\nK:C\n[abc|\n", encoding="utf-8"
    )
    assert describe_left_out(from_tunes({"a": path}).left_out) == (
        "2 for: '[' cannot be read as music, at a.abc:14; 1 for: this tune has no line K:, which ends its header, at "
        "a.abc:16; 1 for: this tune has no notes, at a.abc:19"
    )
    path.write_text("X:9\nM:4/4\nK:C\n[abc|\n", encoding="utf-8")
    with pytest.raises(DataError, match="none of 1 tunes"):
        from_tunes({"a": path})


def test_a_file_without_a_tune_is_left_out_beside_others(tmp_path: Path) -> None:
    files = {"a": write(tmp_path, "a", "4/4"), "b": tmp_path / "b.abc"}
    files["b"].write_text("just a text\n", encoding="utf-8")
    found = from_tunes(files)
    assert len(found.parts["all"]) == 1
    assert "no tune starts here" in describe_left_out(found.left_out)
    with pytest.raises(DataError, match=r"b\.abc: no tune starts here"):
        from_tunes({"b": files["b"]})


def test_classes_of_a_folder() -> None:
    found = from_classes(Examples([Example("Anna", "it", Path("it.txt"), 1)]))
    assert (found.names, found.values) == (("class",), {"it": ("it",)})
