"""`recurra export`: a folder that is proven, what is refused, what is never overwritten."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from command_line import Recurra, write_names

import recurra as package
from recurra.errors import UnknownNameError
from recurra.export.c.proof import compiler

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


def test_a_folder_that_is_no_export_is_never_replaced(recurra: Recurra, language_model: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    recurra("export", language_model, "--to", "c", "--out", mine, "--overwrite").refused(2, "mine is no export")
    assert (mine / "thesis.txt").read_text() == "years of work"


def test_two_directions_are_refused_with_what_can(recurra: Recurra, tmp_path: Path) -> None:
    data = write_names(tmp_path / "names")
    tiny = {"hidden_size": 4, "embedding_size": 4, "epochs": 1.0, "bidirectional": True, "skip": "none"}
    run = package.train(data, out=tmp_path / "run", quiet=True, **tiny)
    recurra("export", run.folder, "--to", "c").refused(2, "both directions", "--to onnx")
    assert not (tmp_path / "run-c").exists()
    with pytest.raises(UnknownNameError, match="target"):
        run.export("fortran")
