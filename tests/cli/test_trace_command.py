"""A trained model looked into from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from command_line import Recurra


def test_each_step_is_shown_with_what_was_thought(recurra: Recurra, classifier: Path) -> None:
    found = recurra("trace", classifier, "abc", "--top", "1")
    assert found.code == 0
    rows = [line.split() for line in found.out.splitlines()]
    assert [row[0] for row in rows] == ["a", "b", "c"]
    assert all(len(row) == 3 and 0 <= float(row[2]) <= 1 for row in rows)


def test_all_of_it_goes_into_files(recurra: Recurra, language_model: Path, tmp_path: Path) -> None:
    text = "ROMEO: line"
    found = recurra("trace", language_model, text, "--out", "new/t.npz", "--plot", "t.svg", "--probabilities", "p.svg")
    assert found.code == 0, found.err
    with np.load(tmp_path / "new" / "t.npz") as arrays:
        assert list(arrays["stack.tokens"]) == list(text)
        assert arrays["stack.h_l0"].shape[0] == len(text)
    for name in ("t.svg", "p.svg"):
        drawn = (tmp_path / name).read_text(encoding="utf-8")
        assert drawn.startswith("<svg")
        assert "var(--" not in drawn
    for ending, read in (("csv", pl.read_csv), ("parquet", pl.read_parquet)):
        assert recurra("trace", language_model, text, "--out", f"t.{ending}").code == 0
        table = read(tmp_path / f"t.{ending}")
        assert table.columns == ["stack", "layer", "direction", "step", "token", "name", "unit", "value"]
    assert len(json.loads(recurra("trace", language_model, text, "--json").out)["steps"]) == len(text)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "name what to read"),
        (("abc", "--out", "t.txt"), ".npz, .csv, .parquet"),
        (("abc", "--plot", "t.png"), "name it t.svg"),
        (("abc", "--plot", "t.svg", "--layer", "7"), "no layer 7"),
        (("abc", "--plot", "t.svg", "--values", "q"), "value of the step"),
        (("abc", "--engine", "fast"), "engine"),
        (("abc", "--class", "low"), "condition"),
        (("   ",), "empty"),
    ],
)
def test_what_cannot_be_is_said(recurra: Recurra, classifier: Path, words: tuple[str, ...], said: str) -> None:
    recurra("trace", classifier, *words).refused(2, said)
