from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recurra.data.abc.keys import transposed
from recurra.data.abc.tunes import read_tunes, written
from recurra.errors import DataError
from recurra.tasks.generate.data import GenerateData, encode_all, prepare
from recurra.tasks.generate.settings import GenerateDataSettings
from recurra.tasks.sources.resolving import resolve

SETTINGS = GenerateDataSettings(level="char")


def folder_of_names(folder: Path) -> Path:
    for label, ending in (("Italian", "elli"), ("Russian", "ov")):
        lines = [f"{first}{vowel}{ending}" for first in "BDMPST" for vowel in "aeo"]
        (folder / f"{label}.txt").write_text("\n".join([*lines, lines[0]]) + "\n", encoding="utf-8")
    return folder


def table(folder: Path, rows: str) -> Path:
    path = folder / "names.csv"
    path.write_text(rows, encoding="utf-8")
    return path


def many(folder: Path) -> Path:
    rows = [
        f"{c}{v}{i},{'it' if v == 'a' else 'ru'},{'f' if c < 'm' else 'm'}"
        for c in "bkmz"
        for v in "ao"
        for i in range(10)
    ]
    return table(folder, "\n".join(["name,land,sex", *rows]) + "\n")


def of(path: Path, settings: GenerateDataSettings = SETTINGS) -> GenerateData:
    return prepare(resolve(path, "generate"), settings)


def test_a_folder_of_classes(tmp_path: Path) -> None:
    data = of(folder_of_names(tmp_path))
    assert data.names() == ["Italian", "Russian"]
    assert data.facts["counts"] == {"train": 28, "validation": 4, "test": 4}
    assert data.facts["repeats_dropped"] == 2
    train = data.parts["train"]
    for text, ids in zip(train.texts, train.encoded, strict=True):
        assert ids[-1] == data.end
        assert data.vocabulary.decode(ids[:-1]) == text
    assert train.tokens == sum(len(text) + 1 for text in train.texts)
    assert data.longest == 6
    assert not data.tunes


def test_long_texts_are_truncated_and_have_no_end(tmp_path: Path) -> None:
    data = of(folder_of_names(tmp_path), SETTINGS.model_copy(update={"max_length": 5}))
    rows = data.parts["train"].encoded
    assert {len(ids) for ids in rows} == {5}
    assert {int(ids[-1]) == data.end for ids in rows} == {True, False}  # Bov and its end are four, Belli is cut
    assert any("truncated to 5" in note for note in data.notes)


def test_a_vector_of_attributes(tmp_path: Path) -> None:
    data = of(many(tmp_path), SETTINGS.model_copy(update={"text": "name", "label": "land, sex"}))
    assert data.attributes.names == ("land", "sex")
    assert data.names() == ["land=it,sex=f", "land=it,sex=m", "land=ru,sex=f", "land=ru,sex=m"]
    train = data.parts["train"]
    for text, label in zip(train.texts, train.labels.tolist(), strict=True):
        assert data.conditions[label].tolist() == [int("o" in text), int(text[0] >= "m")]


def test_columns_are_found_by_their_usual_names(tmp_path: Path) -> None:
    path = many(tmp_path)
    path.write_text(path.read_text().replace("land", "language", 1))
    data = of(path)
    assert data.attributes.names == ("language",)
    assert "the label is in the column 'language'" in data.notes


@pytest.mark.parametrize(("text", "label"), [("文本", "类别"), ("评价", "标签"), ("内容", "评价")])
def test_chinese_columns_are_found_by_their_usual_names(tmp_path: Path, text: str, label: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        f"编号,{text},{label}\n" + "".join(f"{i},字{chr(0x4E00 + i)},{i % 2}\n" for i in range(20)), "utf-8"
    )
    data = of(path)
    assert data.attributes.names == (label,)
    assert f"the text is in the column {text!r}" in data.notes


def test_parts_in_a_column(tmp_path: Path) -> None:
    rows = ["name,land,part", *(f"n{i},{'ab'[i % 2]},{'train' if i < 30 else 'test'}" for i in range(40))]
    path = table(tmp_path, "\n".join(rows) + "\n")
    settings = SETTINGS.model_copy(update={"label": "land", "text": "name", "split_column": "part"})
    data = of(path, settings)
    assert data.facts["counts"] == {"train": 26, "validation": 4, "test": 10}
    assert any("split off" in note for note in data.notes)


@pytest.mark.parametrize(
    ("rows", "settings", "piece", "line"),
    [
        ("name,kind\nAnna,it\n", {}, "no column is named like a label", 1),
        ("words,label\nAnna,it\n", {}, "no column is named like a text", 1),
        ("name,land\nAnna,\n", {"label": "land"}, "'land' of this row is empty", 2),
        ("name,land\nAnna,it\nUgo,it\n", {"label": "land", "split": (1.0, 0.0, 0.0)}, "validation part is empty", None),
        (
            "name,land,part\nA,it,train\nB,it,dev\nC,ru,test\n",
            {"label": "land", "split_column": "part"},
            "land 'ru' is not in the training part",
            4,
        ),
    ],
)
def test_data_that_cannot_be_learned(
    rows: str, settings: dict[str, object], piece: str, line: int | None, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=piece) as refused:
        of(table(tmp_path, rows), SETTINGS.model_copy(update=settings))
    assert refused.value.line == line


def tunes(folder: Path) -> Path:
    for name, metre, bar in (
        ("jigs", "6/8", "GAB c2"),
        ("reelsa-c", "4/4", "GABc d2e"),
        ("reelsd-z", "4/4", "dcB2 AF"),
    ):
        text = "\n".join(f"X:{i}\nT:{i}\nM:{metre}\nL:1/8\nK:G\n{bar}{n}|\n" for i, n in enumerate("ABcdefga"))
        (folder / f"{name}.abc").write_text(text, encoding="utf-8")
    return folder


def test_tunes_in_other_keys(tmp_path: Path) -> None:
    data = of(tunes(tmp_path), SETTINGS.model_copy(update={"transpose": True}))
    assert data.tunes
    assert data.names() == ["jigs", "reels"]
    train = data.parts["train"]
    assert any(train.variants)
    decode = data.vocabulary.decode
    for text, variants in zip(train.texts, train.variants, strict=True):
        moved = {transposed(text, fifths) for fifths in (-2, -1, 1, 2)}
        assert {decode(ids[:-1]) for ids in variants} <= moved
    assert not data.parts["test"].variants
    (first, *_) = read_tunes(tmp_path / "jigs.abc")
    assert written(first) in {text for part in data.parts.values() for text in part.texts}


def test_only_tunes_can_be_transposed(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="only tunes"):
        of(folder_of_names(tmp_path), SETTINGS.model_copy(update={"transpose": True}))


def test_other_data_for_a_model(tmp_path: Path) -> None:
    data = of(many(tmp_path), SETTINGS.model_copy(update={"text": "name", "label": "land,sex"}))
    other = table(tmp_path, "name,land,sex\nba0,it,m\nzo9,ru,f\n")
    settings = SETTINGS.model_copy(update={"text": "name", "label": "land,sex"})
    part = encode_all(resolve(other, "generate"), settings, data.attributes, data.vocabulary)
    assert np.array_equal(part.conditions[part.labels], [[0, 1], [1, 0]])
    with pytest.raises(DataError, match="have the attributes land, the model has land, sex"):
        encode_all(
            resolve(other, "generate"),
            SETTINGS.model_copy(update={"text": "name", "label": "land"}),
            data.attributes,
            data.vocabulary,
        )
