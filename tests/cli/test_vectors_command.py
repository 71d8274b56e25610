"""Word vectors on the command line: learned, written, started from, looked into."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import TINY, Recurra

from recurra.data.vectors.table import read_vectors


@pytest.fixture
def corpus() -> Path:
    """Running text whose training part, its first nine tenths, has no "late"."""
    path = Path("corpus.txt")
    path.write_text("the sun and the moon\n" * 90 + "too late for tea\n" * 10)
    return path


def test_vectors_are_learned_from_the_training_part_and_written(recurra: Recurra, corpus: Path) -> None:
    result = recurra("vectors", corpus, "--out", "v.txt", "--width", "3", "--epochs", "2")
    assert (result.code, result.out) == (0, "v.txt\n")
    assert "word vectors: pass 2 of 2" in result.err
    lines = Path("v.txt").read_text().splitlines()
    assert lines[0] == "5 3"
    assert sorted(line.split()[0] for line in lines[1:]) == ["<eos>", "and", "moon", "sun", "the"]


def test_a_models_vectors_are_written_and_read_again(recurra: Recurra, language_model: Path) -> None:
    assert recurra("vectors", language_model, "--out", "v.txt", "--quiet").code == 0
    found = read_vectors(Path("v.txt"), ["R", "O", "play"])
    assert found.known.tolist() == [True, True, False]
    told = recurra("vectors", language_model, "--out", "v.txt", "--overwrite").err
    assert "2 tokens with white space in them cannot be written" in told


def test_nearest_words_of_a_model_and_of_a_file_are_the_same(recurra: Recurra, corpus: Path) -> None:
    train = ["train", corpus, "--level", "word", "--train-vectors", "--out", "run", *TINY]
    result = recurra(*train, "--no-tie-weights")
    assert result.code == 0, result.err
    assert "word vectors of 4 numbers were learned from the training part" in result.err
    recurra("vectors", "run", "--out", "v.txt")
    model = recurra("explain", "run", "--nearest", "sun", "--top", "3")
    file = recurra("explain", "v.txt", "--nearest", "sun", "--top", "3")
    assert model.out == file.out
    assert len(model.out.splitlines()) == 3
    document = json.loads(recurra("explain", "run", "--nearest", "sun", "--json").out)
    assert document["word"] == "sun"
    assert {near["word"] for near in document["nearest"]} == {"<eos>", "and", "moon", "the"}


def test_explain_takes_the_cell_of_a_model(recurra: Recurra, language_model: Path) -> None:
    shown = recurra("explain", language_model).out
    assert shown.startswith("lstm: ")
    assert "input 4, hidden 4" in shown


def test_an_unknown_word_has_near_spellings(recurra: Recurra) -> None:
    Path("v.txt").write_text("sunny 1.0 2.0\nmoon 2.0 1.0\n")
    recurra("explain", "v.txt", "--nearest", "suny").refused(
        2, "v.txt has no word 'suny'; spelt like it: 'sunny'", lines=1
    )
    recurra("explain", "--nearest", "suny").refused(2, "--nearest needs a model folder or a file", lines=1)
    recurra("explain", "no-run", "--nearest", "sun").refused(4, "no-run")


def test_a_vector_file_of_the_wrong_width(recurra: Recurra, corpus: Path) -> None:
    Path("v.txt").write_text("sun 1.0 2.0\nmoon 2.0\nstar 1.0 1.0\n")
    train = ["train", corpus, "--level", "word", "--vectors", "v.txt"]
    recurra(*train).refused(3, "v.txt:2: this vector has 1 numbers, the first lines have 2")
    recurra("explain", "v.txt", "--nearest", "moon").refused(3, "v.txt:2: ")
    Path("v.txt").write_text("sun 1.0 2.0\nmoon 2.0 3.0\n")
    recurra(*train, "--embedding-size", "3").refused(2, "v.txt has vectors of 2 numbers, not embedding_size 3")
    recurra("train", corpus, "--vectors", "none.txt").refused(3, "none.txt: no such file")


def test_a_file_that_is_there_is_not_replaced_unasked(recurra: Recurra, corpus: Path) -> None:
    Path("v.txt").write_text("mine")
    recurra("vectors", corpus, "--out", "v.txt").refused(2, "v.txt exists already; pass --overwrite")
    recurra("vectors", corpus, "--out", "no/v.txt").refused(3, "no/v.txt", "no such folder")
    recurra("vectors", corpus, "--out", "w.txt", "--window", "0").refused(2, "window must be at least 1")
    assert Path("v.txt").read_text() == "mine"
