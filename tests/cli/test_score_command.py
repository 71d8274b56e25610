"""recurra score, and what predict and generate say of a language model."""

from __future__ import annotations

import json
from pathlib import Path

from command_line import Recurra

LISTS = "line 1 of the play\nROMEO: line 1 of the play.\n\nplay line\nthe play\n"


def test_a_table_for_each_group(recurra: Recurra, language_model: Path, tmp_path: Path) -> None:
    lists = tmp_path / "nbest.txt"
    lists.write_text(LISTS, encoding="utf-8")
    found = recurra("score", language_model, "--candidates", lists)
    assert found.code == 0, found.err
    first, second = found.out.split("\n\n")
    assert first.splitlines()[0].split() == ["log", "p", "per", "token", "5-gram", "candidate"]
    assert sum(line.startswith("*") for line in first.splitlines()) == 1
    assert first.splitlines()[2].endswith("*  ROMEO: line 1 of the play.")
    assert len(second.strip().splitlines()) == 3
    assert "choose the same candidate in" in found.err
    plain = recurra("score", language_model, "--candidates", lists, "--no-baseline", "--by", "token")
    assert "5-gram" not in plain.out + plain.err


def test_one_json_document(recurra: Recurra, language_model: Path, tmp_path: Path) -> None:
    lists = tmp_path / "nbest.txt"
    lists.write_text(LISTS, encoding="utf-8")
    document = json.loads(recurra("score", language_model, "--candidates", lists, "--json").out)
    assert [group["line"] for group in document["groups"]] == [1, 4]
    for group in document["groups"]:
        sums = [c["log_probability"] for c in group["candidates"]]
        assert group["winner"] == sums.index(max(sums))
        assert group["baseline_winner"] in (0, 1)


def test_a_group_of_one_is_one_clear_error(recurra: Recurra, language_model: Path, tmp_path: Path) -> None:
    lists = tmp_path / "nbest.txt"
    lists.write_text("a\nb\n\nalone\n", encoding="utf-8")
    recurra("score", language_model, "--candidates", lists).refused(
        3, "nbest.txt:4: a group needs two candidates", lines=3
    )


def test_unknown_tokens_are_told(recurra: Recurra, language_model: Path, tmp_path: Path) -> None:
    lists = tmp_path / "nbest.txt"
    lists.write_text("the play\nthe 戏\n", encoding="utf-8")
    assert (
        "note: 1 tokens that the model has never seen, all scored as <unk>: '戏'"
        in recurra("score", language_model, "--candidates", lists).err
    )


def test_a_classifier_does_not_score(recurra: Recurra, classifier: Path, tmp_path: Path) -> None:
    lists = tmp_path / "nbest.txt"
    lists.write_text("a\nb\n", encoding="utf-8")
    recurra("score", classifier, "--candidates", lists).refused(2, "does not score candidates")


def test_next_tokens(recurra: Recurra, language_model: Path) -> None:
    found = recurra("predict", language_model, "ROMEO: li", "--top", 5)
    assert found.code == 0
    assert len(found.out.strip().split("  ")) >= 10
    document = json.loads(recurra("predict", language_model, "ROMEO: li", "--top", 2, "--json").out)
    assert [len(p["next"]) for p in document["predictions"]] == [2]


def test_generate_stops_and_penalises(recurra: Recurra, language_model: Path) -> None:
    options = ("--length", 80, "--seed", 1, "--repetition-penalty", 1.1)
    found = recurra("generate", language_model, *options, "--stop", "\\n", "--stop", "zzz")
    assert found.code == 0
    assert found.out.count("\n") == 1
    document = json.loads(recurra("generate", language_model, *options, "--stop", "\\n", "--json").out)
    assert document["stop"] == ["\n"]
    assert document["text"] == found.out.removesuffix("\n")
    recurra("generate", language_model, "--repetition-penalty", 0.5).refused(
        2, "repetition_penalty must be a number from 1"
    )


def test_a_mixture_stands_beside_the_network(recurra: Recurra, language_model: Path, tmp_path: Path) -> None:
    lists = tmp_path / "nbest.txt"
    lists.write_text(LISTS, encoding="utf-8")
    found = recurra("score", language_model, "--candidates", lists, "--mixture", "n-grams,cache")
    assert found.out.splitlines()[0].split() == ["log", "p", "per", "token", "5-gram", "mixture", "candidate"]
    assert "mixture, fitted on the validation part:" in found.err
    plain = json.loads(recurra("evaluate", language_model, "--json").out)
    mixed = json.loads(recurra("evaluate", language_model, "--mixture", "all", "--json").out)
    assert mixed["loss"] == plain["loss"]
    assert mixed["mixture"]["metrics"]["loss"] < plain["loss"]
    assert sorted(mixed["mixture"]["shares"]) == ["cache", "n-grams", "network"]
    table = recurra("evaluate", language_model, "--mixture", "n-grams").out.splitlines()
    assert table[1].split(maxsplit=2) == ["this", "run", "with n-grams"]
    asked = ("generate", language_model, "--prompt", "play", "--length", "30", "--seed", "1", "--mixture", "n-grams")
    assert recurra(*asked).out == recurra(*asked).out != recurra(*asked[:-2]).out


def test_a_classifier_has_no_mixture(recurra: Recurra, classifier: Path, language_model: Path) -> None:
    recurra("evaluate", classifier, "--mixture", "cache").refused(2, "a mixture is one of language models")
    recurra("evaluate", language_model, "--mixture", "cash").refused(2, "did you mean 'cache'")
