"""Which units follow something, from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command_line import Recurra

from recurra.api.run import load
from recurra.errors import UsageError


def test_units_are_shown_with_score_and_control(recurra: Recurra, language_model: Path) -> None:
    Path("poem.txt").write_text("ROMEO: a line of (some) length.\nJULIET: one more of it\n\n" * 40, encoding="utf-8")
    found = recurra("probe", language_model, "poem.txt")
    assert found.code == 0, found.err
    head, *rows = found.out.splitlines()
    assert head.split()[:4] == ["follows", "tokens", "unit", "score"]
    assert any("position in the line (R²)" in row and "stack." in row for row in rows)
    assert "too rare in this text" in found.err
    document = json.loads(recurra("probe", language_model, "poem.txt", "--json").out)
    assert len(document["probes"]) == len(rows)


def test_units_of_a_classifier_are_probed_line_by_line(recurra: Recurra, classifier: Path) -> None:
    recurra("probe", classifier).refused(3, "probing needs 20 texts that are held out at least, got 3")
    Path("lines.txt").write_text("abc\n\nhig\n" * 30, encoding="utf-8")
    document = json.loads(recurra("probe", classifier, "lines.txt", "--json").out)
    assert "position in the word" in [one["feature"] for one in document["probes"]]
    Path("few.txt").write_text("abc\n", encoding="utf-8")
    recurra("probe", classifier, "few.txt").refused(3, "probing needs 20 texts")


def test_what_cannot_be_probed_is_refused(recurra: Recurra, language_model: Path) -> None:
    Path("short.txt").write_text("too short", encoding="utf-8")
    recurra("probe", language_model, "short.txt").refused(3, "probing needs a text of 202 tokens")
    several: Any = ["one", "two"]
    for texts in (several, []):
        with pytest.raises(UsageError, match=f"one text is probed at a time, got {len(texts)}"):
            load(language_model).probe(text=texts)
