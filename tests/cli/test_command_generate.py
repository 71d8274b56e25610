"""`recurra generate` for a class."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
from command_line import TINY, Recurra

from recurra.cli import main


@pytest.fixture(scope="session")
def generator(names: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "generator"
    assert main(["train", str(names), "--task", "generate", "--out", str(folder), "--quiet", *TINY]) == 0
    return folder


@pytest.fixture(scope="session")
def tunes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tunes") / "tunes.abc"
    music = (
        f"X:{i}\nM:{'6/8' if i % 2 else '4/4'}\nL:1/8\nK:G\nGAB{n}{n}g|\n" for i, n in enumerate("ABcdefgaABcdefga")
    )
    path.write_text("\n".join(music), encoding="utf-8")
    folder = path.parent / "model"
    assert main(["train", str(path), "--out", str(folder), "--quiet", *TINY]) == 0
    return folder


def test_one_text_a_line(recurra: Recurra, generator: Path) -> None:
    line = ("generate", generator, "--class", "Italian", "-n", 4, "--seed", 1, "--prompt", "Ba", "--length", 9)
    shown = recurra(*line).out.splitlines()
    document = json.loads(recurra(*line, "--json").out)
    assert len(shown) == 4
    assert [text["text"] for text in document["texts"]] == shown
    assert all(text.startswith("Ba") for text in shown)
    assert (document["class"], document["temperature"]) == ("Italian", 0.8)


def test_without_a_class_each_text_has_one(recurra: Recurra, generator: Path) -> None:
    lines = recurra("generate", generator, "-n", 12, "--seed", 0, "--length", 5).out.splitlines()
    assert {line.split()[-1] for line in lines} <= {"Italian", "Russian", "Vietnamese"}
    assert len(lines) == 12


def test_what_was_cut_is_told(recurra: Recurra, generator: Path) -> None:
    assert "were cut before their end" in recurra("generate", generator, "-n", 5, "--length", 1, "--seed", 0).err


def test_tunes_can_be_played(recurra: Recurra, tunes: Path) -> None:
    shown = recurra("generate", tunes, "--class", "6/8", "-n", 2, "--seed", 0, "--length", 20).out
    assert shown.startswith("X:1\nT:6/8 1\n")
    assert "\n\nX:2\nT:6/8 2\n" in shown


def test_an_unknown_class(recurra: Recurra, generator: Path) -> None:
    recurra("generate", generator, "--class", "Italien").refused(2, "unknown class 'Italien'; did you mean 'Italian'?")


def test_a_model_without_classes(recurra: Recurra, language_model: Path) -> None:
    recurra("generate", language_model, "--class", "Italian").refused(
        2, "has no classes to write for", "leave out --class"
    )
    recurra("generate", language_model, "--form", "5,5").refused(2, "--form is for texts of a class")


def test_several_texts_of_a_language_model(recurra: Recurra, language_model: Path) -> None:
    line = ("generate", language_model, "--prompt", "RO", "--length", 9, "--seed", 3, "--json")
    document = json.loads(recurra(*line, "-n", 2).out)
    assert len(document["texts"]) == 2
    assert document["text"] == document["texts"][0] == json.loads(recurra(*line).out)["text"]
    assert document["texts"][0] != document["texts"][1]


def answers(monkeypatch: pytest.MonkeyPatch, typed: str, *, terminal: bool = False) -> None:
    stream = io.StringIO(typed)
    stream.isatty = lambda: terminal  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stdin", stream)


def test_interactive_asks_until_the_end(
    recurra: Recurra, language_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = ("generate", language_model, "--length", 9, "--seed", 3)
    texts = [recurra(*line, "--prompt", prompt).out for prompt in ("RO", "line", "O:")]
    answers(monkeypatch, "RO\nline\nO:")
    result = recurra(*line, "--interactive")
    assert (result.code, result.out, result.err) == (0, "".join(texts), "")


def test_interactive_on_a_terminal_says_how_and_outlives_a_bad_prompt(
    recurra: Recurra, language_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(monkeypatch, "\u6f22\nRO\n\n", terminal=True)
    result = recurra("generate", language_model, "--length", 9, "--seed", 3, "-i")
    assert result.code == 0
    assert result.err.count("> ") == 4
    assert "Ctrl-D ends" in result.err
    assert "\u6f22" in result.err
    assert result.out.startswith("RO")


def test_interactive_with_classes(recurra: Recurra, generator: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, "Ba\n\u6f22\nBe\n")
    shown = recurra("generate", generator, "--class", "Italian", "--seed", 1, "--length", 9, "--interactive")
    assert [line[:2] for line in shown.out.splitlines()] == ["Ba", "Be"]
    assert "never seen" in shown.err


def test_interactive_refuses_at_once_what_no_prompt_mends(
    recurra: Recurra, language_model: Path, generator: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(monkeypatch, "RO\nRO\n")
    recurra("generate", language_model, "-i", "--temperature", "-1").refused(2, "temperature")
    recurra("generate", generator, "-i", "--class", "Italien").refused(2, "'Italian'")


@pytest.mark.parametrize("more", [("--json",), ("--prompt", "RO")])
def test_interactive_asks_for_the_prompt(recurra: Recurra, language_model: Path, more: tuple[str, ...]) -> None:
    recurra("generate", language_model, "--interactive", *more).refused(2, f"leave out {more[0]}")


def test_interactive_is_for_models_that_write(
    recurra: Recurra, classifier: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(monkeypatch, "RO\n")
    recurra("generate", classifier, "--interactive").refused(2, "this model does not generate text")
