"""Running text out of poems and tables, cut into tokens of every level."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from recurra.errors import DataError
from recurra.tasks.language.data import encode_source, read_corpus
from recurra.tasks.language.preprocessor import LanguagePreprocessor
from recurra.tasks.settings import TextSettings
from recurra.tasks.sources.resolving import resolve
from recurra.tasks.text.running_text import running_text


@pytest.fixture(autouse=True)
def a_cache_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECURRA_CACHE", str(tmp_path / "cache"))


def poems(folder: Path, name: str, verses: list[str]) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps([{"paragraphs": [verse]} for verse in verses], ensure_ascii=False), encoding="utf-8")
    return path


def test_a_text_is_its_own_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("a\nb\n", encoding="utf-8")
    assert running_text(resolve(path), TextSettings()) == path


def test_a_folder_of_poems_is_one_text_of_different_lines(tmp_path: Path) -> None:
    poems(tmp_path / "tang", "a", [f"詩{i}。" for i in range(20)])
    poems(tmp_path / "tang", "b", ["詩3。", "新詩。"])
    source = resolve(tmp_path / "tang")
    assert (source.task, source.kind) == ("language", "poems")
    found = running_text(source, TextSettings())
    assert isinstance(found, Path)
    lines = found.read_text(encoding="utf-8").splitlines()
    assert sorted(lines) == sorted({*(f"詩{i}。" for i in range(20)), "新詩。"})
    assert lines != sorted(lines)
    before = found.stat().st_mtime_ns
    assert running_text(source, TextSettings()) == found
    assert found.stat().st_mtime_ns == before  # it is not written twice


def test_poems_in_parts_stay_in_parts(tmp_path: Path) -> None:
    for part in ("train", "test"):
        poems(tmp_path / "tang", part, [part, f"{part} again"])
    found = running_text(resolve(tmp_path / "tang"), TextSettings())
    assert isinstance(found, dict)
    assert {part: set(path.read_text().split("\n")[:-1]) for part, path in found.items()} == {
        part: {part, f"{part} again"} for part in ("train", "test")
    }


def test_a_column_of_a_table_is_a_text(tmp_path: Path) -> None:
    path = tmp_path / "reviews.csv"
    path.write_text('label,review\n1,"good, very\ngood"\n0,bad\n0,bad\n0,\n', encoding="utf-8")
    source = resolve(path, "language")
    found = running_text(source, TextSettings(text="review"))
    assert isinstance(found, Path)
    assert sorted(found.read_text().splitlines()) == ["bad", "good, very good"]
    with pytest.raises(DataError, match=r"reviews.csv: which column is the text\? there are label, review"):
        running_text(source, TextSettings())


def test_validation_beside_several_files_of_poems_is_refused(tmp_path: Path) -> None:
    poems(tmp_path / "tang", "a", ["x"])
    poems(tmp_path / "tang", "b", ["y"])
    with pytest.raises(DataError, match="go with a single file of poems"):
        resolve(tmp_path / "tang", validation=str(tmp_path / "tang" / "a.json"))


def test_a_vocabulary_larger_than_the_corpus_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "short.txt"
    path.write_text("one two three four\nfive six\n" * 4, encoding="utf-8")
    settings = TextSettings(level="word", max_vocabulary=500, split=(0.9, 0.1, 0.0))
    with pytest.raises(
        DataError, match=r"short.txt: a vocabulary of 500 is larger than the training text, which has \d+ words"
    ):
        read_corpus(resolve(path), settings)
    assert len(read_corpus(resolve(path), settings.model_copy(update={"max_vocabulary": 5})).vocabulary) == 5


def test_sub_words_are_learned_from_the_training_part(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    path = tmp_path / "text.txt"
    path.write_text("the sun shines on the hill\n" * 60 + "zebra\n" * 30, encoding="utf-8")
    source, settings = resolve(path), TextSettings(level="bpe", max_vocabulary=60, split=(0.8, 0.1, 0.1))
    corpus = read_corpus(source, settings)
    assert "z" not in "".join(corpus.vocabulary.tokens)
    whole = corpus.vocabulary.decode(np.concatenate([corpus.train, corpus.validation, corpus.test]))
    assert whole.startswith("the sun shines on the hill\nthe sun")
    assert len(corpus.train) > 5 * len(corpus.validation)
    again = LanguagePreprocessor.from_json(LanguagePreprocessor(corpus.vocabulary).to_json()).vocabulary
    assert again == corpus.vocabulary
    parts = [corpus.train, corpus.validation, corpus.test]
    assert len(encode_source(source, settings, again)) == sum(map(len, parts))
    path.write_text("a\n", encoding="utf-8")
    with pytest.raises(DataError, match="it needs 2 at least"):
        read_corpus(source, settings)


def test_several_texts_are_divided_one_by_one(tmp_path: Path) -> None:
    folder = tmp_path / "books"
    folder.mkdir()
    for name, letter in (("b.txt", "b"), ("a.txt", "é")):
        (folder / name).write_text(f"{letter * 9}\n" * 20, encoding="latin-1")
    source = resolve(folder, "language")
    asked = TextSettings(split=(0.8, 0.1, 0.1), encoding="latin-1")
    found = running_text(source, asked)
    assert isinstance(found, dict)
    texts = {part: path.read_text(encoding="utf-8") for part, path in found.items()}
    assert {part: (text.count("é"), text.count("b")) for part, text in texts.items()} == {
        "train": (144, 144),
        "validation": (18, 18),
        "test": (18, 18),
    }
    assert texts["train"].startswith("é")
    corpus = read_corpus(source, asked)
    assert len(corpus.train) == 320
    assert len(encode_source(source, asked, corpus.vocabulary)) == 400
    again = running_text(source, asked.model_copy(update={"split": (0.9, 0.1, 0.0)}))
    assert isinstance(again, dict)
    assert sorted(again) == ["train", "validation"]
