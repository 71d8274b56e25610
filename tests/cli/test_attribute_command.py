"""What an answer is due to, from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from command_line import Recurra


def test_each_token_is_shown_with_what_it_adds(recurra: Recurra, classifier: Path, tmp_path: Path) -> None:
    found = recurra("attribute", classifier, "abc", "--plot", "a.svg", "--out", "a.csv")
    assert found.code == 0, found.err
    assert "baseline: tokens whose vectors are 0" in found.out
    table = found.out.split("\n\n")[1].splitlines()
    assert [line.split()[0] for line in table] == ["step", "a", "b", "c"]
    drawn = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert drawn.startswith("<svg")
    assert "var(--" not in drawn
    document = json.loads(recurra("attribute", classifier, "abc", "--json").out)
    assert document["error"] <= 0.01
    values = pl.read_csv(tmp_path / "a.csv")
    assert values["value"].sum() == pytest.approx(sum(map(sum, document["targets"][0]["parts"].values())), abs=1e-6)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "name what to read"),
        (("abc", "--plot", "t.png"), "name it t.svg"),
        (("abc", "--out", "t.txt"), "name it t.csv"),
        (("abc", "--out", ""), "name it table.csv"),
        (("abc", "--target", "nobody"), "class"),
        (("abc", "--against", "nothing"), "baseline"),
        (("abc", "--at", "0"), "at"),
        (("abc", "--engine", "fast"), "engine"),
    ],
)
def test_what_cannot_be_is_refused(recurra: Recurra, classifier: Path, words: tuple[str, ...], said: str) -> None:
    recurra("attribute", classifier, *words).refused(2, said)


def test_a_language_model_has_no_one_answer(recurra: Recurra, language_model: Path) -> None:
    recurra("attribute", language_model, "abc").refused(2, "does not attribute its answer")
