"""Blanks from the command line: trained, filled, evaluated, and every refusal in one or two lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command_line import TINY, Recurra

from recurra.api.run import load
from recurra.cli import main

LINES = [
    f"the {a} {b} {'barks' if b == 'dog' else 'sleeps'} here" for a in ("old", "new", "red") for b in ("cat", "dog")
]


@pytest.fixture(scope="module")
def sentences(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "animals.txt"
    path.write_text("".join(f"{line} {i}\n" for i in range(12) for line in LINES), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def filler(sentences: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "filler"
    assert main(["train", str(sentences), "--task", "fill", "--out", str(folder), "--quiet", *TINY]) == 0
    return folder


def test_candidates_with_probabilities(recurra: Recurra, filler: Path) -> None:
    found = recurra("predict", filler, "the old ____ barks here", "the __ cat __ here", "--top", "2")
    assert found.code == 0
    first, second, third = found.out.splitlines()
    assert first.startswith("the old ____ barks here  blank 1  ")
    assert second.startswith("the __ cat __ here       blank 1  ")
    assert third.startswith("the __ cat __ here       blank 2  ")
    assert len(first.split()) == 5 + 2 + 2 * 2
    document = json.loads(recurra("predict", filler, "the old ____ barks here", "--top", "2", "--json").out)
    (prediction,) = document["predictions"]
    assert [len(blank) for blank in prediction["blanks"]] == [2]
    assert prediction["best"].startswith("the old ")


def test_tokens_are_taken_as_they_are(recurra: Recurra, filler: Path) -> None:
    text = json.loads(recurra("predict", filler, "the old ____ barks here", "--json").out)
    given = json.loads(recurra("predict", filler, "the old ____ barks here", "--tokens", "--json").out)
    assert text == given
    run = load(filler)
    assert run.predict([["the", "old", "____", "x-y"]])[0].blanks == run.predict("the old ____ x-y")[0].blanks


def test_words_that_the_model_has_never_seen_are_told(recurra: Recurra, filler: Path) -> None:
    found = recurra("predict", filler, "the zebra ____ here")
    assert found.code == 0
    assert "note: 1 word that the model has never seen: 'zebra'" in found.err


def test_the_same_figures_again_and_on_other_data(recurra: Recurra, filler: Path, sentences: Path) -> None:
    stored = json.loads((filler / "metrics.json").read_text())["metrics"]
    again = json.loads(recurra("evaluate", filler, "--json").out)
    assert {name: again[name] for name in stored} == pytest.approx(stored)
    assert again["on"] == "animals, test part"
    whole = json.loads(recurra("evaluate", filler, sentences, "--json").out)
    assert whole["count"] > again["count"] > 0
    assert "blanks" in recurra("evaluate", filler).out


def test_the_report_shows_the_three_heads_on_the_same_blanks(filler: Path) -> None:
    record: dict[str, Any] = json.loads((filler / "report.json").read_text(encoding="utf-8"))
    sides, samples = record["sections"][:2]
    assert [row[0] for row in sides["rows"]] == ["both sides", "the left side only", "the right side only"]
    titles = [column["title"] for column in sides["columns"][1:]]
    assert titles == ["First candidate right", "Among 5 candidates", "Perplexity"]
    assert all("____" in row[0] for row in samples["rows"])
    assert [b["name"] for b in record["baselines"]] == [
        "most frequent",
        "Kneser-Ney 5-gram, left",
        "Kneser-Ney 5-grams, both sides",
    ]
    page = (filler / "report.html").read_text(encoding="utf-8")
    assert "Filled from both sides, from the left, from the right" in page


# refusals


@pytest.mark.parametrize(
    ("texts", "pieces"),
    [
        (["the old cat"], ["text 1 has no blank: 'the old cat'", "two or more underscores"]),
        (["the __ cat", "the _ cat"], ["text 2 has no blank"]),
        (["____"], ["text 1 has nothing beside its blank to fill it from", "in a sentence"]),
        (["  __ ____ "], ["text 1 has nothing beside its blank"]),
        ([""], ["text 1 has no blank: ''"]),
    ],
)
def test_texts_that_cannot_be_filled(recurra: Recurra, filler: Path, texts: list[str], pieces: list[str]) -> None:
    recurra("predict", filler, *texts).refused(2, *pieces)


def test_what_it_does_not_do(recurra: Recurra, filler: Path, names: Path) -> None:
    recurra("generate", filler).refused(2, "this model does not generate text: it fills the blanks of a sentence")
    recurra("predict", filler, "a __ b", "--top", "0").refused(2, "--top")


@pytest.mark.parametrize(
    ("options", "pieces"),
    [
        (
            ["--bidirectional"],
            ["bidirectional is a setting of the tasks classify, tag, translate", "; this run's task is fill"],
        ),
        (["--bptt", "10"], ["bptt is a setting of the tasks language, classify"]),
        (["--level", "byte"], ["not with tokens of level byte"]),
        (["--blank-tokens", "0"], ["--blank-tokens"]),
        (["--blank-tokens", "9"], ["--blank-tokens"]),
        (["--sampled-softmax", "many"], ["--sampled-softmax"]),
        (["--pooling", "max"], ["pooling is a setting of the task", "; this run's task is fill"]),
        (["--text", "review"], ["text names a column, but these data are not a table"]),
        (["--validation", "nowhere.txt"], ["nowhere.txt: no such file"]),
    ],
)
def test_settings_that_cannot_be(recurra: Recurra, sentences: Path, options: list[str], pieces: list[str]) -> None:
    found = recurra("train", sentences, "--task", "fill", *options)
    found.refused(3 if "--validation" in options else 2, *pieces)
    assert not Path("runs").exists()


def test_settings_of_this_task_alone(recurra: Recurra, sentences: Path) -> None:
    recurra("train", sentences, "--blank-tokens", "2").refused(2, "blank_tokens is a setting of the task fill")
    recurra("train", sentences, "--sampled-softmax", "9").refused(2, "sampled_softmax is a setting of the task fill")


@pytest.mark.parametrize(
    ("name", "content", "pieces"),
    [
        ("a.txt", b"\n\n", ["a.txt: there is no text in this file", "one sentence per line"]),
        ("a.txt", b"", ["a.txt: the file is empty"]),
        ("a.txt", b"good\nb\xffd\n", ["a.txt:2:"]),
        ("a.txt", b"one line alone\n", ["validation part has nothing to leave out"]),
        ("a.csv", b"id,body\n1,the cat\n", ["a.csv:1: no column is named like a text usually is", "--text COLUMN"]),
        ("a.csv", b"id,text\n1,the cat\n2\n", ["a.csv:3:"]),
    ],
)
def test_data_that_cannot_be(recurra: Recurra, name: str, content: bytes, pieces: list[str]) -> None:
    Path(name).write_bytes(content)
    recurra("train", name, "--task", "fill", *TINY).refused(3, *pieces)


def test_data_to_evaluate_without_a_known_word(recurra: Recurra, filler: Path) -> None:
    Path("other.txt").write_text("xx yy\nzz uu\n", encoding="utf-8")
    recurra("evaluate", filler, "other.txt").refused(3, "no word to leave out that the model knows")
