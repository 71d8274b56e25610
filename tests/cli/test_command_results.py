"""What the commands print when all is well."""

from __future__ import annotations

import io
import json
import math
import sys
from pathlib import Path

import pytest
from command_line import TINY, Recurra

import recurra as package
from recurra.cli.output import json_text


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch):
    def give(content: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))

    return give


def test_train_prints_the_folder_and_talks_on_stderr(recurra: Recurra, names: Path) -> None:
    result = recurra("train", names, *TINY)
    assert (result.code, result.out) == (0, "runs/names-gru\n")
    assert "task classify: the folder holds 3 files <label>.txt" in result.err
    assert "baseline: naive Bayes" in result.err
    head = next(line for line in result.err.splitlines() if line.startswith("  epoch"))
    assert head.split() == ["epoch", "time", "train", "validation", "calibrated", "accuracy", "macro-F1"]
    assert len(head + "  best") <= 80
    run = package.load("runs/names-gru")
    assert run.config["command"].startswith("recurra train ")
    assert run.config["command"].endswith("--epochs 1")


def test_train_json_is_one_document(recurra: Recurra, text: Path) -> None:
    result = recurra("train", text, "--json", "--quiet", "--out", "model", *TINY)
    document = json.loads(result.out)
    assert result.err == ""
    assert {"folder", "task", "status", "metrics", "baselines", "seconds", "parameters", "evaluated_on"} <= set(
        document
    )
    assert (document["folder"], document["task"], document["status"]) == ("model", "language", "finished")
    assert len(document["baselines"]) == 3
    again = recurra("train", text, "--json", "--quiet", "--out", "model", "--overwrite", *TINY)
    assert json.loads(again.out)["metrics"] == document["metrics"]


def test_evaluate(recurra: Recurra, classifier: Path, names: Path) -> None:
    shown = recurra("evaluate", classifier)
    assert shown.out.splitlines()[0] == "names, test part: 3 examples"
    document = json.loads(recurra("evaluate", classifier, "--json").out)
    assert document["count"] == 3
    assert f"{document['accuracy']:.4f}" in shown.out
    assert json.loads(recurra("evaluate", classifier, names, "--json").out)["count"] == 36


def test_evaluate_a_language_model(recurra: Recurra, language_model: Path, text: Path) -> None:
    document = json.loads(recurra("evaluate", language_model, text, "--json").out)
    assert document["count"] == len(text.read_text()) - 1
    assert document["task"] == "language"


def test_predict_aligns_its_columns(recurra: Recurra, classifier: Path) -> None:
    result = recurra("predict", classifier, "Badelli", "Bo Trần", "--top", 2)
    lines = result.out.splitlines()
    assert [line[:9] for line in lines] == ["Badelli  ", "Bo Trần  "]
    assert all(len(line.split()) == 5 + (" " in text) for line, text in zip(lines, ["Badelli", "Bo Trần"], strict=True))
    assert "that the model has never seen" in recurra("predict", classifier, "Xé").err


def test_predict_says_which_texts_were_too_long(recurra: Recurra, names: Path) -> None:
    recurra("train", names, "--out", "short", "--quiet", *TINY, "--max-length", 4)
    assert "note: 1 text was truncated to 4 tokens" in recurra("predict", "short", "Rossi", "Bo").err
    assert "note: 2 texts were truncated to 4 tokens" in recurra("predict", "short", "Rossi", "Badelli").err
    assert "truncated" not in recurra("predict", "short", "Bo").err
    assert json.loads(recurra("evaluate", "short", names, "--json").out)["truncated_texts"] > 0


def test_predict_json_has_probabilities(recurra: Recurra, classifier: Path) -> None:
    document = json.loads(recurra("predict", classifier, "Badelli", "--top", 9, "--json").out)
    classes = document["predictions"][0]["classes"]
    assert sorted(c["label"] for c in classes) == ["Italian", "Russian", "Vietnamese"]
    assert sum(c["probability"] for c in classes) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("dash", [(), ("-",)])
def test_predict_reads_lines_of_standard_input(
    recurra: Recurra, classifier: Path, stdin, dash: tuple[str, ...]
) -> None:
    stdin("\ufeffBadelli\r\nBo Trần".encode())
    document = json.loads(recurra("predict", classifier, *dash, "--json").out)
    assert [p["text"] for p in document["predictions"]] == ["Badelli", "Bo Trần"]


@pytest.mark.parametrize(
    ("content", "code", "piece"),
    [
        (b"", 2, "standard input is empty"),
        (b"ab\n\ncd\n", 2, "text 2 is empty"),
        (b"ab\nc\xff\n", 3, "standard input:2: byte 2"),
    ],
)
def test_standard_input_that_cannot_be(
    recurra: Recurra, classifier: Path, stdin, content: bytes, code: int, piece: str
) -> None:
    stdin(content)
    recurra("predict", classifier).refused(code, piece)


def test_what_is_shown_cannot_move_the_cursor(recurra: Recurra, classifier: Path) -> None:
    result = recurra("predict", classifier, "a\x1b[2Jb\nc", "\udcff")
    assert "\x1b" not in result.out + result.err
    assert result.out.startswith("a\\x1b[2Jb\\nc ")
    assert len(result.out.splitlines()) == 2


def test_generate_prints_the_prompt_and_what_follows(recurra: Recurra, language_model: Path) -> None:
    line = ("generate", language_model, "--prompt", "ROMEO", "--length", 30, "--seed", 1)
    shown = recurra(*line).out
    document = json.loads(recurra(*line, "--json").out)
    assert shown.rstrip("\n") == document["text"].rstrip("\n")
    assert document["text"].startswith("ROMEO")
    assert len(document["text"]) == 35
    assert document["temperature"] == 0.8
    assert recurra("generate", language_model, "--prompt", "RO", "--length", 0).out == "RO\n"


def test_explain(recurra: Recurra) -> None:
    listed = recurra("explain").out
    assert len(listed.splitlines()) == len(json.loads(recurra("explain", "--json").out)["cells"])
    assert "peephole-lstm" in listed
    assert "p.i" in recurra("explain", "peephole-lstm").out
    assert r"\begin{aligned}" in recurra("explain", "gru", "--latex").out
    document = json.loads(recurra("explain", "lstm", "--input-size", 3, "--hidden-size", 4, "--json").out)
    assert document["parameters"] == 4 * 4 * (3 + 4 + 2)
    assert {engine["name"] for engine in document["engines"]} >= {"vendor", "reference"}


def test_data(recurra: Recurra) -> None:
    listed = recurra("data", "list").out.splitlines()
    assert listed[0].startswith("surnames ")
    documents = json.loads(recurra("data", "list", "--json").out)["datasets"]
    assert [line.split()[0] for line in listed] == [one["name"] for one in documents]
    assert recurra("data", "get", "surnames", "here").out == "here\n"
    assert len(list(Path("here").glob("*.txt"))) == 18
    recurra("data", "get", "surname").refused(2, "did you mean 'surnames'?")


def test_explain_draws(recurra: Recurra, classifier: Path, tmp_path: Path) -> None:
    files = ("--plot", "new/p.svg", "--unrolled", "u.svg", "--html", "p.html")
    for given in (["lstm"], [classifier]):
        assert recurra("explain", *given, *files).code == 0
        for name in ("new/p.svg", "u.svg"):
            drawn = (tmp_path / name).read_text(encoding="utf-8")
            assert drawn.startswith("<svg")
            assert "var(--" not in drawn
        assert "one step of" in (tmp_path / "p.html").read_text(encoding="utf-8")
    assert recurra("explain", "lstm", "gru", "--plot", "c.svg").code == 0
    recurra("explain", "lstm", "gru", "--unrolled", "c.svg").refused(2, "--unrolled draws one network, got 2")
    recurra("explain", "--html", "c.html").refused(2, "--html draws cells")
    recurra("explain", "lstm", "--plot", "c.png").refused(2, "name it c.svg")


def test_documents_are_laid_out_as_json_does() -> None:
    document = {
        "text": 'a"\\\x7f\u2028 é',
        3: [1, 2.5, -0.0, 10**20, None, True, [], {}, ()],
        "deep": [{"a": (1, {"b": [[]]})}, math.inf, math.nan],
    }
    plain = {"text": document["text"], "3": [1, 2.5, -0.0, 10**20, None, True, [], {}, []]}
    plain["deep"] = [{"a": [1, {"b": [[]]}]}, None, None]
    assert json_text(document) == (json.dumps(plain, indent=2) + "\n").replace("\x7f", "\\u007f")
