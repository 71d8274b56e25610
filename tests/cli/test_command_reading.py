"""How new data are read: evaluate, predict and score have the options that their messages name."""

from __future__ import annotations

import io
import json
import os
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from command_line import Recurra

from recurra.cli.standard_input import arriving_lines
from recurra.errors import DataError
from recurra.tasks.sources.file_names import names_data

ROWS = [("Bérard", "Italian"), ("Bréàl", "Russian"), ("Müllér", "Italian"), ("Pétrè", "Vietnamese"), ("Äñé", "Russian")]


def write(path: Path, encoding: str, head: str = "text,label") -> Path:
    path.write_text("".join(f"{a},{b}\n" for a, b in [tuple(head.split(",")), *ROWS]), encoding=encoding)
    return path


def test_new_data_are_utf_8_unless_it_is_said(recurra: Recurra, classifier: Path) -> None:
    write(Path("old.csv"), "latin-1")
    recurra("evaluate", classifier, "old.csv").refused(3, "old.csv:2: 0xE9", "pass --encoding")
    result = recurra("evaluate", classifier, "old.csv", "--encoding", "latin-1")
    assert result.code == 0, result.err
    write(Path("new.csv"), "utf-8")
    recurra("evaluate", classifier, "new.csv", "--encoding", "latin-1").refused(
        3, "new.csv:2: this is UTF-8, not latin-1", "BÃ©rard", "pass --encoding utf-8"
    )
    assert recurra("evaluate", classifier, "new.csv").out == result.out.replace("old", "new")


def test_columns_of_new_data_are_named(recurra: Recurra, classifier: Path) -> None:
    write(Path("other.csv"), "utf-8", "v2,v1")
    recurra("evaluate", classifier, "other.csv").refused(3, "no column is named like a text", "--text COLUMN")
    assert recurra("evaluate", classifier, "other.csv", "--text", "v2", "--label", "v1").code == 0
    recurra("evaluate", classifier, "--text", "v2").refused(2, "text is an option for DATA")
    recurra("evaluate", classifier, "other.csv", "--swap").refused(2, "swap is a setting of the task translate")


def test_score_reads_candidates_in_their_encoding(recurra: Recurra, language_model: Path) -> None:
    Path("c.txt").write_text("ROMEO: é\nROMEO: a\n", encoding="latin-1")
    asked = ("score", language_model, "--candidates", "c.txt", "--no-baseline")
    recurra(*asked).refused(3, "c.txt:1: 0xE9", "--encoding")
    assert "ROMEO: é" in recurra(*asked, "--encoding", "latin-1").out


def test_a_path_is_no_text_to_predict(recurra: Recurra) -> None:
    write(Path("reviews.csv"), "utf-8")
    Path("more").mkdir()
    recurra("predict", "run", "reviews.csv").refused(
        2,
        "'reviews.csv' is a table; predict reads texts\nthe texts of a column, one a line: ",
        "evaluate run reviews.csv",
    )
    Path("lines.txt").write_text("one\n")
    recurra("predict", "run", "lines.txt").refused(2, "'lines.txt' is a file", "predict run - < lines.txt; ")
    folder = recurra("predict", "run", "a text", "./more")
    folder.refused(2, "'./more' is a folder", "evaluate run ./more")
    assert "<" not in folder.err
    recurra("predict", "run", "more").refused(4, "run")


def test_the_name_of_a_file_that_is_not_there_is_no_text(recurra: Recurra, classifier: Path) -> None:
    write(Path("reviews.csv"), "utf-8")
    recurra("predict", classifier, "a text", "revews.csv").refused(
        3,
        "revews.csv: no such file",
        "did you mean 'reviews.csv'?",
        f"echo revews.csv | recurra predict {classifier} -",
    )
    recurra("predict", classifier, "new/data.JSONL.gz").refused(3, "new/data.JSONL.gz: no such file")
    recurra("predict", "run", "nosuch.csv").refused(4, "run")  # what is wrong first
    recurra("evaluate", classifier, "nosuch.csv").refused(3, "nosuch.csv: no such file")


def test_candidates_of_a_file_that_is_not_there(recurra: Recurra, language_model: Path) -> None:
    recurra("score", language_model, "--candidates", "nosuch.txt").refused(3, "nosuch.txt: no such file")


@pytest.mark.parametrize(
    "text", ["see data.csv", "https://example.org/data.csv", "a.csv\nb", "Mr.Smith", ".csv", "csv"]
)
def test_what_is_no_name_of_data(text: str) -> None:
    assert not names_data(text)


def test_a_text_that_begins_with_a_dash(recurra: Recurra) -> None:
    recurra("predict", "run", "-5 degrees").refused(2, "recurra predict RUN -- '-5 degrees'")
    recurra("predict", "run", "--never seen").refused(2, "RUN -- '--never seen'")
    recurra("predict", "run", "--", "-5 degrees").refused(4, "run")
    assert "RUN --" not in recurra("explain", "--nearst", "x").err


def test_standard_input_has_an_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    def lines(content: bytes, encoding: str) -> list[str]:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content), isatty=lambda: False))
        return [line for lines in arriving_lines(encoding, asked=True) for line in lines]

    assert lines("é\r\n\r\nb".encode("utf-16"), "utf-16") == ["é", "", "b"]
    assert lines("é\nb\n".encode("latin-1"), "iso8859-1") == ["é", "b"]
    assert lines("\ufeffé\nb\n".encode(), "utf-8") == ["é", "b"]
    with pytest.raises(DataError, match="standard input:2: byte 1 of the line is not utf-8\nname its encoding with"):
        lines(b"a\n\xe9\n", "utf-8")
    with pytest.raises(DataError, match="standard input: this is not utf-16"):
        lines(b"a\n\xe9", "utf-16")


def test_an_encoding_is_of_standard_input(recurra: Recurra) -> None:
    recurra("predict", "run", "a text", "--encoding", "latin-1").refused(2, "--encoding applies to standard input")


@pytest.mark.parametrize("option", [("--width", "50"), ("--task", "classify"), ("--level", "word"), ("--seed", "3")])
def test_vectors_of_a_model_are_not_learned(recurra: Recurra, classifier: Path, option: tuple[str, str]) -> None:
    recurra("vectors", classifier, "--out", "v.txt", *option).refused(
        2, f"{option[0].removeprefix('--')} applies to vectors that are learned"
    )


def test_lines_are_answered_as_they_arrive(
    recurra: Recurra, classifier: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And counted over all of them, where one cannot be answered."""
    shown: list[str] = []
    read, write = os.pipe()

    def typed() -> None:
        for piece in (b"Anna\nBo", b"b\nCarl\n", b"Dora\n\n"):
            os.write(write, piece)
            out, end = "", time.monotonic() + 60
            while b"Dora" not in piece and not out and time.monotonic() < end:
                time.sleep(0.002)
                out = capsys.readouterr().out
            shown.append(out)

    typing = threading.Thread(target=typed)
    with os.fdopen(read, "rb") as source, os.fdopen(write, "wb"):
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=source, isatty=lambda: False))
        typing.start()
        result = recurra("predict", classifier, "--top", 1)  # the pipe is open still
        typing.join()
    assert [[line.split()[0] for line in out.splitlines()] for out in shown] == [["Anna"], ["Bob", "Carl"], []]
    result.refused(2, "of the texts from line 4 on, text 2 is empty")


class Pieces(io.RawIOBase):
    """Standard input without a descriptor, that arrives piece by piece."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = list(pieces)

    def read1(self, size: int) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""


def test_one_document_of_lines_that_arrive_in_pieces(
    recurra: Recurra, classifier: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(*pieces: bytes) -> str:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=Pieces(list(pieces)), isatty=lambda: False))
        return recurra("predict", classifier, "--json").out

    assert [p["text"] for p in json.loads(asked(b"Anna\nBo", b"b\nCarl"))["predictions"]] == ["Anna", "Bob", "Carl"]
    whole, typed = asked(b"Anna\nBob\n"), recurra("predict", classifier, "Anna", "Bob", "--json").out
    assert whole == typed == json.dumps(json.loads(typed), indent=2) + "\n"
