"""`recurra export`: a folder that is proven, what is refused, what is never overwritten."""

from __future__ import annotations

import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from command_line import TINY, Recurra

import recurra as package
from recurra.errors import UnknownNameError, UsageError
from recurra.export.c.proof import compiler
from recurra.export.onnx.graph import need_onnx

needs_compiler = pytest.mark.skipif(compiler() is None, reason="there is no C compiler")


@needs_compiler
def test_a_language_model_becomes_c_that_was_run(recurra: Recurra, language_model: Path, tmp_path: Path) -> None:
    found = recurra("export", language_model, "--to", "c", "--license", "CC0-1.0")
    assert found.code == 0
    assert found.out == "language-c\n"
    assert "on inputs of the validation part" in found.err
    about = json.loads((tmp_path / "language-c" / "export.json").read_text())
    assert {"language.c", "language.h", "main.c", "check.c", "check.bin", "Makefile"} <= set(about["files"])
    assert about["license"] == "CC0-1.0"
    assert about["proof"]["largest_difference"] < 1e-5
    assert about["proof"]["outputs"] > 100
    subprocess.run(["make", "-s", "check", "CFLAGS=-O0 -std=c99"], cwd=tmp_path / "language-c", check=True)
    recurra("export", language_model, "--to", "c").refused(2, "language-c is there already", "--overwrite")
    small = recurra("export", language_model, "--to", "c", "--weights", "int8", "--overwrite", "--json")
    assert json.loads(small.out)["weights_bytes"] < 0.6 * about["weights_bytes"]
    assert "int8: " in small.err


def test_weights_of_torch_are_run_before_they_are_written(recurra: Recurra, language_model: Path) -> None:
    found = recurra("export", language_model, "--to", "torch", "--json")
    about = json.loads(found.out)
    assert {"weights.safetensors", "run.py", "preprocessing.json", "export.json"} == set(about["files"])
    assert about["proof"]["largest_difference"] < 1e-5
    recurra("export", language_model, "--to", "rtneural").refused(2, "it reads tokens", "nearest target is --to c")


def test_a_folder_that_is_no_export_is_never_replaced(recurra: Recurra, language_model: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    recurra("export", language_model, "--to", "c", "--out", mine, "--overwrite").refused(2, "mine is no export")
    assert (mine / "thesis.txt").read_text() == "years of work"


def test_two_directions_are_refused_with_what_can(
    recurra: Recurra, names: Path, classifier: Path, tmp_path: Path
) -> None:
    recurra("train", names, "--out", "both", "--quiet", "--skip", "none", *TINY)
    recurra("export", "both", "--to", "c").refused(2, "both directions", "--to onnx")
    recurra("export", classifier, "--to", "c").refused(2, "linear skip", "--to onnx")
    assert not list(tmp_path.glob("*-c"))
    with pytest.raises(UnknownNameError, match="target"):
        package.load(classifier).export("fortran")
    recurra("export", classifier, "--to", "torch", "--weights", "int8").refused(2, "--to torch has weights of float32")


def test_graphs_of_bytes_are_scored_before_they_are_written(
    recurra: Recurra, language_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnxruntime")
    found = recurra("export", language_model, "--to", "onnx", "--weights", "int8", "--out", "small")
    assert (found.code, found.out) == (0, "small\n")
    about = json.loads((tmp_path / "small" / "export.json").read_text())
    assert about["weights"] == "int8"
    (score,) = about["proof"]["scores"]
    assert re.fullmatch(r"nats per character \d\.\d+ -> \d\.\d+ on the validation part", score)
    assert f"int8: {score}" in found.err
    monkeypatch.setattr("recurra.api.exporting.MOST_LOST", -0.5)
    refused = recurra("export", language_model, "--to", "onnx", "--weights", "int8", "--out", "less")
    refused.refused(1, "int8 weights lose too much", "nats per character", "use --weights float32")
    assert not (tmp_path / "less").exists()


def test_graphs_and_their_reader_answer_without_torch(recurra: Recurra, classifier: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    found = recurra("export", classifier, "--to", "onnx", "--out", "graphs")
    assert (found.code, found.out) == (0, "graphs\n")
    assert "ONNX Runtime was asked" in found.err
    texts = ["Bovich", "Maelli", "ä", "Do Trần"]
    code = (
        "import json, sys; from reader import Model; model = Model('.'); "
        f"print(json.dumps(model.predict({texts!r}))); "
        "assert not {'torch', 'recurra'} & set(sys.modules); "
        "import runpy; sys.argv = ['reader.py', 'Bovich']; runpy.run_path('reader.py', run_name='__main__')"
    )
    said = subprocess.run([sys.executable, "-c", code], cwd=tmp_path / "graphs", capture_output=True, check=True)
    expected = package.load(classifier).predict(texts, top=3)
    answers, shown = said.stdout.decode().split("\n", 1)
    for one, other in zip(json.loads(answers), expected, strict=True):
        assert dict(map(tuple, one)) == pytest.approx(dict(other.classes), abs=1e-5)
    assert shown.startswith(f"Bovich\t{expected[0].label!r}")


@pytest.mark.parametrize("level", ["word", "byte"])
def test_the_reader_of_a_language_model_writes_as_the_model_does(
    recurra: Recurra, text: Path, tmp_path: Path, level: str
) -> None:
    pytest.importorskip("onnxruntime")
    assert recurra("train", text, "--level", level, "--out", "model", "--quiet", *TINY).code == 0
    assert recurra("export", "model", "--to", "onnx", "--out", "graphs").code == 0
    reader = runpy.run_path(str(tmp_path / "graphs" / "reader.py"))["Model"](tmp_path / "graphs")
    model = package.load(tmp_path / "model")
    for prompt in ("", "ROMEO: line", "ROMEO: line 3 of\n"):
        (expected,) = model.predict([prompt], top=3)
        assert dict(reader.next(prompt, 3)) == pytest.approx(dict(expected.tokens), abs=1e-5)
        assert reader.generate(prompt, 8, temperature=0) == model.generate(prompt, 8, temperature=0)


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(UsageError, match=r"pip install 'recurra\[onnx\]'"):
        need_onnx()


def test_frames_with_gaps_are_read_and_are_checked_when_their_data_are_gone(recurra: Recurra, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    data = tmp_path / "moves.csv"
    rows = [f"s{i // 4},{i % 4},{'' if i % 5 == 0 else i % 3},{'up' if i // 4 % 2 else 'down'}\n" for i in range(160)]
    data.write_text("id,x,y,label\n" + "".join(rows))
    sizes = ("--hidden-size", "4", "--epochs", "1", "--cell", "gru", "--label", "label")
    assert recurra("train", data, "--out", "moves", "--quiet", *sizes).code == 0
    assert recurra("export", "moves", "--to", "onnx").code == 0
    reader = runpy.run_path(str(tmp_path / "moves-onnx" / "reader.py"))["Model"](tmp_path / "moves-onnx")
    frames = np.array([[0.0, 1.0], [1.0, np.nan], [2.0, 2.0]])
    (expected,) = package.load(tmp_path / "moves").predict([frames], top=2)
    assert dict(reader.predict([frames])[0]) == pytest.approx(dict(expected.classes), abs=1e-5)
    command = [sys.executable, "reader.py", "a text"]
    said = subprocess.run(command, cwd=tmp_path / "moves-onnx", capture_output=True, text=True, check=False)
    assert (said.returncode, said.stderr) == (1, "reader.py: a model of the task frames is asked by `run`\n")
    data.unlink()
    found = recurra("export", "moves", "--to", "torch")
    assert found.code == 0, found.err
    assert "on random inputs" in found.err
    assert "the data of this run are gone" in found.err
