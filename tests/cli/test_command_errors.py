"""Bad data and bad model folders, from the command line to the exit code."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from command_line import TINY, Recurra, write_names

ROWS = "".join(f"name{i}a,x\nname{i}b,y\n" for i in range(10))


def test_an_empty_file(recurra: Recurra) -> None:
    Path("empty.txt").touch()
    recurra("train", "empty.txt").refused(3, "empty.txt: the file is empty")


def test_a_missing_column(recurra: Recurra) -> None:
    Path("t.csv").write_text("text,label\n" + ROWS)
    recurra("train", "t.csv", "--text", "review").refused(3, "t.csv:1: no column 'review'", "'text', 'label'")


def test_no_usual_column(recurra: Recurra) -> None:
    Path("t.csv").write_text("a,b\n" + ROWS)
    recurra("train", "t.csv").refused(3, "t.csv:1: no column", "--text COLUMN")


def test_one_class_only(recurra: Recurra) -> None:
    Path("t.csv").write_text("text,label\na,x\nb,x\nc,x\nd,x\n")
    recurra("train", "t.csv").refused(3, "t.csv: only one class, 'x'", "two classes")


def test_a_class_with_one_example(recurra: Recurra) -> None:
    Path("t.csv").write_text("text,label\n" + ROWS + "lonely,z\n")
    recurra("train", "t.csv").refused(3, "t.csv:22: the class 'z' has a single example, 'lonely'")


def test_a_label_missing_in_training(recurra: Recurra) -> None:
    Path("train.csv").write_text("text,label\n" + ROWS)
    Path("dev.csv").write_text("text,label\nname,x\nother,z\n")
    result = recurra("train", "train.csv", "--validation", "dev.csv")
    result.refused(3, "dev.csv:3: ", "'z'")


def test_a_single_line_of_10_mb(recurra: Recurra) -> None:
    folder = write_names(Path("long"))
    (folder / "Long.txt").write_text("word " * 2_000_000)
    recurra("train", folder).refused(3, "Long.txt:1: this line has more than 1,000,000 characters", "--task language")


def test_nul_bytes(recurra: Recurra) -> None:
    folder = write_names(Path("nul"))
    (folder / "Nul.txt").write_bytes(b"abc\nd\0ef\n")
    recurra("train", folder).refused(3, "Nul.txt:2: a NUL byte", "--encoding")


def test_an_undecodable_byte(recurra: Recurra) -> None:
    Path("t.txt").write_bytes(b"one\ncaf\xe9\n")
    recurra("train", "t.txt").refused(3, "t.txt:2: 0xE9, byte 4 of the line, is not utf-8", "--encoding")


def test_data_that_are_not_there(recurra: Recurra) -> None:
    recurra("train", "nope.txt").refused(3, "nope.txt: no such file")


def test_a_validation_file_that_is_not_there(recurra: Recurra, text: Path) -> None:
    recurra("train", text, "--validation", "nope.txt").refused(3, "nope.txt: no such file")


def test_a_text_has_no_labels(recurra: Recurra, text: Path) -> None:
    recurra("train", text, "--task", "classify").refused(3, "play.txt", "no labels")


@pytest.mark.parametrize(
    ("typed", "piece"),
    [
        ("--task clasify", "did you mean 'classify'?"),
        ("--cell lsmt", "did you mean 'lstm'?"),
        ("--engine vendr", "did you mean 'vendor'?"),
        ("--device tpu", "unknown device 'tpu'"),
        ("--encoding utf8x", "did you mean"),
    ],
)
def test_unknown_names(recurra: Recurra, names: Path, typed: str, piece: str) -> None:
    recurra("train", names, *typed.split()).refused(2, "unknown ", piece)


def test_a_network_larger_than_memory(recurra: Recurra, names: Path) -> None:
    recurra("train", names, "--hidden-size", 131072).refused(1, "not enough memory")


def test_divergence_has_its_own_code(recurra: Recurra, names: Path) -> None:
    line = ("train", names, "--lr", "1e38", "--clip-norm", 0, "--no-bidirectional", *TINY[:-1], 3, "--batch-size", 4)
    recurra(*line).refused(5, "learning rate", lines=3)


def test_out_that_is_there(recurra: Recurra, names: Path, classifier: Path) -> None:
    recurra("train", names, "--out", classifier).refused(2, "already exists", "--overwrite")


def test_out_that_is_no_model_folder_is_never_overwritten(recurra: Recurra, names: Path) -> None:
    result = recurra("train", names, "--out", names, "--overwrite")
    result.refused(2, "not a model folder", "choose another --out")
    assert sorted(p.name for p in names.iterdir()) == ["Italian.txt", "Russian.txt", "Vietnamese.txt"]


# model folders


def test_no_model_folder(recurra: Recurra, names: Path) -> None:
    recurra("evaluate", "nope").refused(4, "nope: there is no such model folder")
    recurra("evaluate", names).refused(4, "not a model folder", "manifest.json is missing")
    recurra("evaluate", names / "Russian.txt").refused(4, "is not a folder")


def test_a_truncated_model_folder(recurra: Recurra, classifier: Path) -> None:
    shutil.copytree(classifier, "cut")
    weights = Path("cut/weights.safetensors")
    weights.write_bytes(weights.read_bytes()[:-10])
    recurra("predict", "cut", "Rossi").refused(4, "cut: weights.safetensors is truncated")


def test_an_altered_model_folder(recurra: Recurra, classifier: Path) -> None:
    shutil.copytree(classifier, "altered")
    config = Path("altered/config.json")
    config.write_bytes(config.read_bytes().replace(b'"gru"', b'"rnn"'))
    recurra("predict", "altered", "Rossi").refused(4, "altered: config.json was altered")


def test_a_model_folder_of_a_newer_version(recurra: Recurra, classifier: Path) -> None:
    shutil.copytree(classifier, "newer")
    manifest = Path("newer/manifest.json")
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"format_version": 99}))
    recurra("predict", "newer", "Rossi").refused(4, "newer version of Recurra (format 99", "update")
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"format_version": 1}))
    recurra("predict", "newer", "Rossi").refused(4, "older version of Recurra (format 1", "train it again")


def test_a_finished_run_cannot_be_resumed(recurra: Recurra, classifier: Path, names: Path) -> None:
    recurra("train", "--resume", classifier).refused(2, "is a finished run")
    recurra("train", names, "--resume", classifier).refused(2, "leave them out")


# using a model


def test_a_prompt_with_unknown_characters(recurra: Recurra, language_model: Path) -> None:
    recurra("generate", language_model, "--prompt", "ROMEO: é").refused(2, "never seen: 'é'")


@pytest.mark.parametrize("typed", ["--temperature -1", "--temperature nan", "--top-p 0", "--top-k 0", "--length -1"])
def test_sampling_that_cannot_be(recurra: Recurra, language_model: Path, typed: str) -> None:
    recurra("generate", language_model, *typed.split()).refused(2)


def test_predict_on_an_empty_text(recurra: Recurra, classifier: Path) -> None:
    recurra("predict", classifier, "Rossi", "").refused(2, "text 2 is empty")


def test_a_model_for_another_task(recurra: Recurra, classifier: Path) -> None:
    recurra("generate", classifier).refused(2, "is a classifier")


def test_errors_stay_text_with_json(recurra: Recurra, classifier: Path) -> None:
    recurra("predict", classifier, "", "--json").refused(2, "text 1 is empty")


# the system


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermissionError(13, "Permission denied", "here.txt"), "here.txt: Permission denied"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (MemoryError(), "there is not enough memory"),
    ],
)
def test_the_systems_errors_are_one_line(
    recurra: Recurra, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("recurra.api.training.train", fail)
    recurra("train", "x").refused(1, said)
    monkeypatch.setenv("RECURRA_TRACEBACK", "1")
    with pytest.raises(type(error)):
        recurra("train", "x")


def test_a_bug_is_a_traceback(recurra: Recurra, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("recurra.api.training.train", fail)
    with pytest.raises(RuntimeError, match="a bug"):
        recurra("train", "x")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("train", "LONG"), 3),
        (("train", "surnames", "--vectors", "LONG"), 3),
        (("evaluate", "LONG"), 4),
        (("explain", "LONG"), 2),
        (("explain", "LONG", "--nearest", "a"), 4),
        (("vectors", "LONG", "--out", "v.txt"), 3),
    ],
)
def test_a_name_longer_than_any_file_system_takes(recurra: Recurra, words: tuple[str, ...], code: int) -> None:
    found = recurra(*("x" * 5000 if word == "LONG" else word for word in words))
    assert found.code == code, found.err
    assert "Traceback" not in found.err
    assert len(found.err) < 2500
