"""Runs that start from word vectors: out of a file, or learned first."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import recurra
from recurra.errors import DataError, StoppedError, UsageError

Train = Callable[..., recurra.Run]
GOOD, BAD, ELSE = ["fine", "lovely", "warm"], ["awful", "dull", "cold"], ["a", "film", "of", "the", "year"]


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    """120 distinct sentences of two classes."""
    rng, lines = random.Random(2), set()
    while len(lines) < 120:
        label, words = rng.choice([("good", GOOD), ("bad", BAD)])
        sentence = rng.choices(ELSE, k=rng.randint(4, 7))
        sentence.insert(rng.randrange(4), rng.choice(words))
        lines.add(f"{' '.join(sentence)}\t{label}")
    path = tmp_path / "reviews.tsv"
    path.write_text("text\tlabel\n" + "\n".join(sorted(lines)) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def vectors(tmp_path: Path) -> Path:
    """Vectors of 4 numbers for all words but "year"; one token of broken bytes."""
    rng = np.random.default_rng(0)
    words = [*GOOD, *BAD, *ELSE[:-1]]
    rows = [f"{word} {' '.join(f'{v:.3f}' for v in rng.normal(size=4) / 10)}".encode() for word in words]
    path = tmp_path / "v.txt"
    path.write_bytes(b"\n".join([*rows, b"caf\xe9 1 2 3 4"]) + b"\n")
    return path


def file_rows(path: Path) -> dict[str, list[float]]:
    lines = path.read_bytes().decode("latin-1").splitlines()
    return {line.split()[0]: [float(field) for field in line.split()[1:]] for line in lines}


def test_frozen_vectors_are_those_of_the_file_but_for_their_size(train: Train, reviews: Path, vectors: Path) -> None:
    run = train(reviews, vectors=str(vectors), freeze_vectors=True, embedding_size=4, level="word")
    facts, found = run.config["vectors"], run.model.word_vectors()
    given = file_rows(vectors)
    rows = np.array([given[word] for word in found.tokens if word in given]) * facts["factor"]
    ours = np.array([row for word, row in zip(found.tokens, found.rows, strict=True) if word in given])
    np.testing.assert_allclose(ours, rows, rtol=1e-5)
    assert (facts["types"], facts["types_without"], facts["file"]) == (11, 1, "v.txt")
    assert 0 < facts["tokens_without"] < facts["tokens"]
    assert (facts["undecodable"], facts["undecodable_at"]) == (1, 11)
    assert len(facts["sha256"]) == 64
    assert run.settings.network.embedding_size == 4
    assert run.settings.data.vectors == "v.txt"


def test_the_width_is_the_files_and_vectors_learn_unless_frozen(train: Train, reviews: Path, vectors: Path) -> None:
    run = train(reviews, vectors=str(vectors), embedding_size=4, level="word")
    given, found = file_rows(vectors), run.model.word_vectors()
    place = found.tokens.index("film")
    assert not np.allclose(found.rows[place], np.array(given["film"]) * run.config["vectors"]["factor"])
    cosine = np.corrcoef(found.rows[place], given["film"])[0, 1]
    assert cosine > 0.9


def test_the_report_tells_what_was_out_of_vocabulary(train: Train, reviews: Path, vectors: Path) -> None:
    run = train(reviews, vectors=str(vectors), embedding_size=4, level="word")
    record = json.loads((run.folder / "report.json").read_text())
    (table,) = [section for section in record["sections"] if section["title"] == "Word vectors"]
    cells = dict(table["rows"])
    assert cells["Types without a vector"] == "1 of 11 (9.1%)"
    assert cells["SHA-256"] == run.config["vectors"]["sha256"]
    assert any("not utf-8, the first in line 11" in note for note in record["notes"])


def test_a_run_needs_the_file_no_more_once_it_began(
    train: Train, reviews: Path, vectors: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given = {"vectors": str(vectors), "freeze_vectors": True, "embedding_size": 4, "level": "word", "epochs": 2.0}
    whole = train(reviews, out=tmp_path / "whole", **given)
    from recurra.training import fit

    class Stop(fit.StopRequest):
        @property
        def received(self) -> int:
            return 2

        @received.setter
        def received(self, _value: object) -> None:
            pass

    with monkeypatch.context() as patch:
        patch.setattr(fit, "StopRequest", Stop)
        with pytest.raises(StoppedError):
            train(reviews, out=tmp_path / "part", **given)
    vectors.unlink()
    again = train(resume=tmp_path / "part")
    assert again.config["vectors"] == whole.config["vectors"]
    for name, weight in whole.network.state_dict().items():
        assert torch.equal(weight, again.network.state_dict()[name]), name
    assert again.evaluate() == whole.evaluate()


@pytest.mark.slow
def test_vectors_learned_first_bring_like_words_together(train: Train, tmp_path: Path) -> None:
    rng, path = random.Random(0), tmp_path / "text.txt"
    groups = (["sun", "moon", "star"], ["bread", "cheese", "wine"])
    path.write_text("".join(" ".join(rng.choices(rng.choice(groups), k=8)) + "\n" for _ in range(400)))
    run = train(path, task="language", level="word", train_vectors=True, freeze_vectors=True, tie_weights=False)
    near = [token for token, _ in run.nearest("sun", top=2)]
    assert sorted(near) == ["moon", "star"]
    assert run.config["vectors"]["skip_gram"]["width"] == 5
    assert run.config["vectors"]["file"] is None


def test_a_language_model_of_words_starts_from_a_file(train: Train, reviews: Path, vectors: Path) -> None:
    text = reviews.with_name("text.txt")
    text.write_text(reviews.read_text().replace("\tgood", "").replace("\tbad", ""))
    plain = {"task": "language", "level": "word", "vectors": str(vectors)}
    run = recurra.train(text, out="language", hidden_size=6, epochs=0.2, device="cpu", quiet=True, **plain)
    assert run.settings.network.embedding_size == 4
    assert not run.settings.network.tie_weights  # of another width than the output layer's
    with pytest.raises(UsageError, match="got 4 and 6"):
        recurra.train(text, out="no", hidden_size=6, tie_weights=True, quiet=True, **plain)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"embedding_size": 7}, "vectors of 4 numbers, not embedding_size 7"),
        ({"train_vectors": True}, "give vectors or train_vectors"),
        ({"vectors": None, "freeze_vectors": True}, "nothing to freeze"),
        ({"vectors": None, "vectors_encoding": "cp1252"}, "name the file with vectors"),
        ({"level": "byte"}, "bytes have no word vectors"),
        ({"vectors_encoding": "utf-16"}, "utf-16"),
    ],
)
def test_settings_that_do_not_go_together(reviews: Path, vectors: Path, given: dict[str, object], problem: str) -> None:
    settings = {"vectors": str(vectors), "level": "word"} | given
    with pytest.raises(UsageError, match=problem):
        recurra.train(reviews, quiet=True, **{k: v for k, v in settings.items() if v is not None})


def test_a_generator_of_texts_starts_from_vectors_too(train: Train, labels: Path, tmp_path: Path) -> None:
    letters, rng = "abcdefghi", np.random.default_rng(1)
    path = tmp_path / "letters.txt"
    path.write_text("\n".join(f"{c} {' '.join(f'{v:.3f}' for v in rng.normal(size=4))}" for c in letters) + "\n")
    run = train(labels, task="generate", vectors=str(path), freeze_vectors=True, embedding_size=4)
    facts, found, given = run.config["vectors"], run.model.word_vectors(), file_rows(path)
    rows = {token: row for token, row in zip(found.tokens, found.rows, strict=True) if token in given}
    assert len(rows) >= 5
    for token, row in rows.items():
        np.testing.assert_allclose(row, np.array(given[token]) * facts["factor"], rtol=1e-5)


def test_a_vector_of_another_width_is_one_error_with_file_and_line(reviews: Path, vectors: Path) -> None:
    vectors.write_bytes(vectors.read_bytes() + b"late 1.0 2.0 3.0\n")
    with pytest.raises(DataError, match=r"v\.txt:12: this vector has 3 numbers, the first lines have 4"):
        recurra.train(reviews, vectors=str(vectors), level="word", quiet=True)


def test_vectors_of_other_words_are_an_error(reviews: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text("Haus 1.0 2.0\nHof 2.0 1.0\n")
    with pytest.raises(DataError, match=r"none of the .* tokens wanted has a vector here"):
        recurra.train(reviews, vectors=str(other), level="word", quiet=True)
