"""Translations from the command line: trained, asked for, drawn, evaluated, and every refusal in one or two lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import TINY, Recurra

from recurra import model_folder
from recurra.cli import main

PAIRS = [
    (f"the {n} {v}", f"{m} {w}") for n, m in zip("abcdefgh", "ABCDEFGH", strict=True) for v, w in ("xX", "yY", "zZ")
]


@pytest.fixture(scope="module")
def languages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pairs") / "pairs"
    folder.mkdir()
    for side, language in enumerate(("en", "xx")):
        lines = [pair[side] for pair in PAIRS]
        (folder / f"train.{language}").write_text("\n".join(lines) + "\n", encoding="utf-8")
        (folder / f"test.{language}").write_text("\n".join(lines[:3]) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def translator(languages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "translator"
    assert main(["train", str(languages), "--level", "word", "--out", str(folder), "--quiet", *TINY]) == 0
    return folder


def test_one_translation_for_each_text(recurra: Recurra, translator: Path) -> None:
    found = recurra("predict", translator, "the a x", "the b")
    assert found.code == 0
    lines = found.out.splitlines()
    assert [line[:9].rstrip() for line in lines] == ["the a x", "the b"]


def test_n_best_as_a_document(recurra: Recurra, translator: Path) -> None:
    found = recurra("predict", translator, "the a x", "--beam", 5, "--n-best", 3, "--json")
    (one,) = json.loads(found.out)["predictions"]
    scores = [c["score"] for c in one["translations"]]
    assert (one["text"], len(scores), scores) == ("the a x", 3, sorted(scores, reverse=True))


def test_the_whole_search_can_be_set(recurra: Recurra, translator: Path) -> None:
    given = ("predict", translator, "the a x")
    assert recurra(*given, "--beam", 2, "--length-penalty", 1, "--block-ngrams", 2).code == 0
    drawn = [recurra(*given, "--sample", "--seed", 3, "--temperature", 2, "--top-k", 4, "--top-p", 0.9) for _ in "ab"]
    assert drawn[0].code == 0
    assert drawn[0].out == drawn[1].out


def test_pictures_of_attention(recurra: Recurra, translator: Path, tmp_path: Path) -> None:
    found = recurra("predict", translator, "the a x", "the b", "--attention", "pictures")
    assert found.code == 0
    assert "2 pictures in pictures" in found.err
    for number in (1, 2):
        assert "attention of" in (tmp_path / "pictures" / f"{number}.svg").read_text(encoding="utf-8")


def test_unknscheduled_sampling_are_told(recurra: Recurra, translator: Path) -> None:
    assert "1 word that the model has never seen: 'Zanzibar'" in recurra("predict", translator, "the Zanzibar x").err


def test_the_held_out_part_and_other_pairs_are_evaluated(recurra: Recurra, translator: Path, languages: Path) -> None:
    assert "3 pairs" in recurra("evaluate", translator).out
    found = json.loads(recurra("evaluate", translator, languages, "--json").out)
    assert found["count"] == 27
    assert {"bleu", "chrf", "loss"} <= found.keys()


def test_what_is_refused(recurra: Recurra, translator: Path, classifier: Path, languages: Path, tmp_path: Path) -> None:
    recurra("predict", translator, "the a", "--seed", 1).refused(2, "--seed needs --sample")
    recurra("predict", translator, "the a", "--beam", 2, "--n-best", 3).refused(2, "a beam of 2 has no 3 best")
    recurra("predict", classifier, "Rossi", "--beam", 2).refused(2, "this model reads no option beam")
    recurra("predict", classifier, "Rossi", "--attention", "x").refused(2, "draws where a translator looked")
    recurra("train", languages, "--languages", "en,yy").refused(2, "languages must be two of en, xx")
    short = tmp_path / "short.xx"
    short.write_text("A\n", encoding="utf-8")
    recurra("train", languages / "train.en", "--parallel", short).refused(3, "train.en:2", "24 lines, short.xx 1")
    uneven = tmp_path / "uneven.tsv"
    uneven.write_text("the a\tA\nthe b\t\n", encoding="utf-8")
    recurra("train", uneven, "--task", "translate").refused(3, "uneven.tsv:2", "translation of this pair is empty")


def test_two_files_by_name(recurra: Recurra, languages: Path, tmp_path: Path) -> None:
    found = recurra(
        "train",
        languages / "train.en",
        "--parallel",
        languages / "train.xx",
        "--level",
        "char",
        "--split",
        "60/20/20",
        "--max-length",
        20,
        "--too-long",
        "cut",
        "--out",
        "run",
        "-q",
        *TINY,
    )
    assert found.code == 0, found.err
    config = model_folder.read(tmp_path / "run").config
    assert config["settings"]["data"]["parallel"] == "train.xx"
    assert str(languages) not in json.dumps(config["settings"])
