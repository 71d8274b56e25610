"""The page for contributors: what it adds to Recurra works as it stands there. The task it shows is run by the laws."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from recurra.cells import catalogue
from recurra.engines import choose

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "explanation" / "architecture.md").read_text(encoding="utf-8")


def test_a_cell_and_an_engine_are_added_as_the_page_says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(catalogue, "_cells", dict(catalogue._cells))
    monkeypatch.setattr(choose, "ENGINES", choose.ENGINES)
    parts = re.split(r"^### ", PAGE, flags=re.M)[1:]
    assert [part.splitlines()[0] for part in parts] == ["Add a cell", "Add an engine", "Add a task"]
    space: dict[str, Any] = {"__name__": "architecture"}
    for code in re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S):
        exec(compile(code, "architecture.md", "exec"), space)
    said = capsys.readouterr().out
    assert "gated: An update gate alone" in said
    assert "engine 'plain' cannot run gru: knows the cell rnn alone, got gru" in said


def test_the_floors_of_the_page_are_those_of_the_import_contract() -> None:
    table = PAGE.split("| floor | holds |")[1].split("\n\n")[0]
    shown = [sorted(re.findall(r"`(\w+)`", row.split("|")[1])) for row in table.splitlines()[2:]]
    contract = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("says so:\n\n")[1].split("\n\n")[0]
    drawn = [sorted(re.findall(r"\w+", line)) for line in contract.splitlines()]
    assert shown == drawn[: len(shown)]


def test_files_that_the_page_shows_are_there() -> None:
    for path in re.findall(r"\{literalinclude\} (\S+)", PAGE):
        assert (ROOT / "docs" / "explanation" / path).is_file(), path
    for options in re.findall(r"\{literalinclude\} (\S+)\n((?::.*\n)+)", PAGE):
        text = (ROOT / "docs" / "explanation" / options[0]).read_text(encoding="utf-8")
        for mark in re.findall(r':(?:start|end)-\w+: "(.+)"', options[1]):
            assert mark in text, f"{options[0]} has no {mark!r}"
