"""Labelled texts as a classifier takes them: columns, levels, parts, and what is told about them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from recurra.errors import DataError
from recurra.tasks.classify.data import ClassifyData, prepare
from recurra.tasks.classify.settings import ClassifyDataSettings
from recurra.tasks.sources.resolving import resolve
from recurra.tasks.sources.source import Source

WORDS = ["ant", "bee", "cat", "dog", "elk", "fox", "gnu", "hen", "ibis", "jay", "kid", "lion"]


def table(path: Path, rows: list[tuple[str, ...]], head: str = "text,label") -> Path:
    path.write_text("\n".join([head, *(",".join(row) for row in rows)]) + "\n", encoding="utf-8")
    return path


def rows(count: int = 20, labels: tuple[str, ...] = ("x", "y")) -> list[tuple[str, ...]]:
    return [(f"{WORDS[i % 12]}{i}", labels[i % len(labels)]) for i in range(count)]


def read(path: Path, **given: Any) -> ClassifyData:
    parts = {name: given.pop(name) for name in ("validation", "test") if name in given}
    return prepare(resolve(path, **parts), ClassifyDataSettings(**given))


def test_labels_stay_text(tmp_path: Path) -> None:
    """ "NA" is a surname, "None" an answer, 1 and 01 are two classes."""
    for labels in (("NA", "nan"), ("None", "null"), ("1", "01"), ("true", "True")):
        data = read(table(tmp_path / "t.csv", rows(labels=labels)))
        assert data.classes == sorted(labels)
    kept = read(table(tmp_path / "t.csv", [*rows(), ("NA", "x"), ("nan", "y"), ("None", "x")]))
    texts = [t for part in kept.parts.values() for t in part.texts]
    assert {"NA", "nan", "None"} <= set(texts)


@pytest.mark.parametrize(
    ("head", "given"),
    [
        ("text,label", {}),
        ("Review,Sentiment", {}),
        ("content,class", {}),
        ("文本,标签", {}),
        ("内容,类别", {}),
        ("评论,情感", {}),
        ("句子,分类", {}),
        ("評論,標籤", {}),
        ("内容,评价", {}),
        ("评价,标签", {}),
        ("标题,类型", {}),
        ("description,section", {}),
        ("a,b", {"text": "a", "label": "b"}),
        ("a,label", {"text": "a"}),
        ("text,b", {"label": "b"}),
    ],
)
def test_columns_by_their_usual_names_or_as_set(tmp_path: Path, head: str, given: dict[str, str]) -> None:
    data = read(table(tmp_path / "t.csv", rows(), head), **given)
    assert data.classes == ["x", "y"]
    note = f"texts are in the column {head.split(',')[0]!r}, labels in {head.split(',')[1]!r}"
    assert (note in data.notes) == (len(given) < 2)


def test_columns_that_cannot_be_told(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"t\.csv:1: no column is named like a text .*'a', 'b'\n.*--text COLUMN, .*--label COLUMN"
    ):
        read(table(tmp_path / "t.csv", rows(), "a,b"))
    with pytest.raises(DataError, match="--label COLUMN"):
        read(table(tmp_path / "t.csv", rows(), "text,b"))
    with pytest.raises(DataError, match=r"no column is named like a label .*'评价', '序号'"):
        read(table(tmp_path / "t.csv", rows(), "评价,序号"))
    with pytest.raises(DataError, match=r"no column is named like a text .*'text', 'b'"):
        read(table(tmp_path / "t.csv", rows(), "text,b"), label="text")
    with pytest.raises(DataError, match="'nothing'"):
        read(table(tmp_path / "t.csv", rows()), text="nothing")


def test_the_level_is_told_unless_it_was_asked(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", rows())
    assert any("tokens are characters" in n for n in read(path).notes)
    asked = read(path, level="word")
    assert not any("tokens are" in n for n in asked.notes)
    assert asked.vocabulary.level == "word"


def test_parts_in_files(tmp_path: Path) -> None:
    train = table(tmp_path / "a.csv", rows(20))
    more = table(tmp_path / "b.csv", [("ant0", "x"), ("zebra", "y"), ("zebra", "y")])
    data = read(train, validation=str(more), test=str(more))
    assert data.facts["counts"] == {"train": 20, "validation": 3, "test": 3}
    assert [n for n in data.notes if "train and validation" in n] == [
        "1 text stands in both train and validation, e.g. 'ant0'"
    ]
    assert [f["name"] for f in data.facts["files"]] == ["a.csv", "b.csv", "b.csv"]


def test_a_missing_validation_part_is_split_off_and_told(tmp_path: Path) -> None:
    train, test = table(tmp_path / "a.csv", rows(20)), table(tmp_path / "b.csv", [("zebra", "y")])
    data = read(train, test=str(test))
    counts = data.facts["counts"]
    assert (counts["train"] + counts["validation"], counts["test"]) == (20, 1)
    assert counts["validation"] == 2
    assert "the validation part, 11%, was split off the training part" in data.notes


def test_parts_in_a_column(tmp_path: Path) -> None:
    parted = [(*row, part) for row, part in zip(rows(24), ["train"] * 16 + ["dev"] * 4 + ["test"] * 4, strict=True)]
    data = read(table(tmp_path / "t.csv", parted, "text,label,part"), split_column="part")
    assert data.facts["counts"] == {"train": 16, "validation": 4, "test": 4}
    bad = table(tmp_path / "t.csv", [*parted, ("x", "y", "later")], "text,label,part")
    with pytest.raises(DataError, match="'later' is no part of a split"):
        read(bad, split_column="part")


def test_repeats_are_dropped_unless_kept(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", rows(20) + rows(20))
    data = read(path)
    assert sum(data.facts["counts"].values()) == 20
    assert "20 repeated examples were dropped" in data.notes
    kept = read(path, keep_repeats=True)
    assert sum(kept.facts["counts"].values()) == 40
    train, test = set(kept.parts["train"].texts), set(kept.parts["test"].texts)
    assert not train & test


def test_long_texts_are_cut_and_counted(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", [*rows(20), ("a" * 50, "x"), ("b" * 51, "y")])
    data = read(path, max_length=6)
    assert max(len(e) for part in data.parts.values() for e in part.encoded) == 6
    assert (data.facts["truncated"], "2 texts were truncated to 6 tokens" in data.notes) == (2, True)


def test_texts_of_which_nothing_is_left_are_told(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", [*rows(20), ("你好", "x"), ("你们", "y")])
    data = read(path, normalize=("ascii",), level="char")
    assert "2 texts have nothing left after normalisation and are read as one unknown token" in data.notes
    assert all(len(e) for part in data.parts.values() for e in part.encoded)


def test_empty_texts_are_skipped_and_told(tmp_path: Path) -> None:
    data = read(table(tmp_path / "t.csv", [*rows(20), ("", "x"), ("  ", "y")]))
    assert data.facts["skipped"] == 2
    assert "2 rows without text were skipped" in data.notes


def test_data_that_cannot_be_learned(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="only one class"):
        read(table(tmp_path / "t.csv", rows(labels=("x",))))
    with pytest.raises(DataError, match=r"t\.csv:22: the class 'z' has a single example"):
        read(table(tmp_path / "t.csv", [*rows(20), ("zebra", "z")]))
    with pytest.raises(DataError, match="the validation part is empty"):
        read(table(tmp_path / "t.csv", rows()), split=(0.9, 0.0, 0.1))
    twins = table(tmp_path / "d.csv", [(text, label) for text in ("up", "down") for label in "ab"])
    with pytest.raises(DataError, match="the validation part is empty: there are 2 different texts in 4"):
        read(twins)
    test = table(tmp_path / "b.csv", [("zebra", "z"), ("zorilla", "z")])
    with pytest.raises(DataError, match=r"b\.csv:2: the label 'z' stands 2 times in the test part, never in train"):
        read(table(tmp_path / "t.csv", rows()), test=str(test))
    with pytest.raises(DataError, match="lower min_count"):
        read(table(tmp_path / "t.csv", rows(4)), level="word", min_count=9)


def test_the_same_seed_splits_alike(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", rows(40))
    source, settings = resolve(path), ClassifyDataSettings()
    one, two, three = (list(prepare(source, settings, seed=s).parts["test"].texts) for s in (1, 1, 2))
    assert one == two != three


def labelled(folder: Path, labels: dict[str, str]) -> Source:
    for part, names in labels.items():
        (folder / part).mkdir(parents=True)
        (folder / part / "label").write_text("\n".join(names) + "\n", encoding="utf-8")
        lines = [f"{part} text {i} of {name}" for i, name in enumerate(names)]
        (folder / part / "seq.in").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return resolve(folder, "classify")


def test_labels_of_a_file_beside_the_texts(tmp_path: Path) -> None:
    data = prepare(labelled(tmp_path / "a", {"train": "aaabbr", "valid": "ab", "test": "abxx"}), ClassifyDataSettings())
    assert data.classes == ["a", "b", "r"]
    assert {name: len(part) for name, part in data.parts.items()} == {"train": 6, "validation": 2, "test": 2}
    assert "left out of test: 2 examples of labels that training never has, 'x'" in data.notes
    source = labelled(tmp_path / "b", {"train": "aabb", "valid": "ab", "test": "ab"})
    (tmp_path / "b" / "test" / "label").write_text("a\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"label ends after 1 lines, seq\.in does not"):
        prepare(source, ClassifyDataSettings())
    (tmp_path / "b" / "test" / "label").write_text("a\n\n", encoding="utf-8")
    with pytest.raises(DataError, match="this text has no label in label"):
        prepare(source, ClassifyDataSettings())
