from __future__ import annotations

from pathlib import Path

import pytest

from recurra.data.conditioned import Attributes, describe_left_out, from_classes, from_table, from_tunes
from recurra.data.files.examples import Example, Examples
from recurra.errors import DataError, UnknownNameError, UsageError

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


ONE = Attributes.of(("class",), [("it",), ("ru",), ("it",), ("a,b=c",)])
TWO = Attributes.of(("land", "sex"), [("it", "f"), ("it", "m"), ("it", "m"), ("ru", "f"), ("x,y", "f")])


def test_classes_of_a_folder() -> None:
    found = from_classes(Examples([Example("Anna", "it", Path("it.txt"), 1)]))
    assert (found.names, found.values) == (("class",), {"it": ("it",)})


def test_attributes_count_what_was_seen() -> None:
    assert ONE.values == (("a,b=c", "it", "ru"),)
    assert ONE.seen == (((1,), 2), ((0,), 1), ((2,), 1))
    assert TWO.sizes() == [3, 2]
    assert TWO.describe((0, 1)) == "land=it,sex=m"
    assert Attributes.from_json(TWO.to_json()) == TWO


@pytest.mark.parametrize(
    ("attributes", "asked", "found"),
    [
        (ONE, None, ["it", "a,b=c", "ru"]),
        (ONE, "it", ["it"]),
        (ONE, "class=ru", ["ru"]),
        (ONE, "a,b=c", ["a,b=c"]),
        (TWO, "land=it", ["land=it,sex=m", "land=it,sex=f"]),
        (TWO, "sex=f,land=ru", ["land=ru,sex=f"]),
        (TWO, "land=x,y,sex=f", ["land=x,y,sex=f"]),
        (TWO, "land=ru,sex=m", ["land=ru,sex=m"]),  # never seen together, but both are known
    ],
)
def test_what_is_asked_for(attributes: Attributes, asked: str | None, found: list[str]) -> None:
    assert [attributes.describe(indices) for indices, _ in attributes.matching(asked)] == found


@pytest.mark.parametrize(
    ("attributes", "asked", "piece"),
    [
        (ONE, "itt", "unknown class 'itt'; did you mean 'it'"),
        (TWO, "land=itt", "unknown land 'itt'; did you mean 'it'"),
        (TWO, "lnd=it", "unknown attribute 'lnd'; did you mean 'land'"),
        (TWO, "it", "name the attribute, as in --class land=it,sex=f"),
    ],
)
def test_what_cannot_be_asked_for(attributes: Attributes, asked: str, piece: str) -> None:
    with pytest.raises(UsageError) as refused:
        attributes.matching(asked)
    assert piece in str(refused.value)
    assert len(str(refused.value).splitlines()) <= 2


def test_half_of_a_combination_that_was_never_seen() -> None:
    three = Attributes.of(("a", "b", "c"), [("1", "1", "1"), ("2", "2", "1")])
    with pytest.raises(UsageError, match="name c too"):
        three.matching("a=1,b=2")


@pytest.mark.parametrize("content", [None, {}, {"names": ["a"], "values": [["x"]], "seen": [[[1], 2]]}])
def test_stored_attributes_that_do_not_fit(content: object) -> None:
    with pytest.raises(DataError):
        Attributes.from_json(content)


def test_places_of_an_unknown_value() -> None:
    with pytest.raises(UnknownNameError, match="unknown sex 'n'"):
        TWO.indices(("it", "n"))


@pytest.mark.timeout(60)
def test_many_values_are_found_soon() -> None:
    conditions = [(f"value {i}",) for i in range(30_000)]
    known = Attributes.of(("class",), conditions)
    assert len({known.indices(one) for one in conditions}) == len(conditions)
    assert known.unknown(("value 7",)) is None
    assert known.unknown(("value",)) == "class"
