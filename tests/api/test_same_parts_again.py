"""A run's parts are made again from its settings: the same figures, or a refusal."""

from __future__ import annotations

import json
import random
import string
from pathlib import Path
from typing import Any

import pytest

import recurra
from recurra.api import preparation
from recurra.errors import DataError

pytestmark = pytest.mark.usefixtures("undrawn")

TINY: dict[str, Any] = {"hidden_size": 8, "epochs": 1, "quiet": True, "threads": 1}


def texts(count: int) -> list[str]:
    """Texts of words that repeat, each also in upper case, in a drawn order."""
    draw = random.Random(0)
    known = ["".join(draw.choices(string.ascii_lowercase, k=5)) for _ in range(20)]
    made = list(dict.fromkeys(" ".join(draw.sample(known, 4)) for _ in range(count)))
    found = made + [text.upper() for text in made]
    draw.shuffle(found)
    return found


@pytest.mark.parametrize("task", ["classify", "tag", "fill", "generate"])
def test_a_run_is_evaluated_on_its_part_again(tmp_path: Path, task: str) -> None:
    path = tmp_path / ("t.jsonl" if task == "tag" else "t.csv")
    found = texts(60)
    if task == "tag":
        lines = [json.dumps({"tokens": t.split(), "tags": list("NVNV")}) for t in found]
    else:
        lines = ["text,label", *(f"{text},{'xy'[number % 2]}" for number, text in enumerate(found))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    run = recurra.train(path, task=task, out=tmp_path / "run", normalize=("lowercase",), level="word", **TINY)
    again = recurra.load(tmp_path / "run").evaluate()
    assert {name: again[name] for name in run.metrics["metrics"]} == pytest.approx(run.metrics["metrics"])


def test_parts_that_come_out_otherwise_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.csv"
    path.write_text("text,label\n" + "".join(f"{t},{'xy'[n % 2]}\n" for n, t in enumerate(texts(40))), encoding="utf-8")
    run = recurra.train(path, task="classify", out=tmp_path / "run", **TINY)
    run.evaluate()
    monkeypatch.setattr(preparation, "digest", lambda texts: "0" * 64)
    with pytest.raises(DataError, match="may have been in its training part\ntrain anew, or name other data"):
        run.evaluate()
    assert run.evaluate(path)["count"] == 80


def test_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    found = texts(60)
    for part, some in (("train", found[:80]), ("valid", found[80:95]), ("test", found[95:])):
        (tmp_path / "data" / part).mkdir(parents=True)
        (tmp_path / "data" / part / "seq.in").write_text("\n".join(some) + "\n", encoding="utf-8")
        labels = "".join("xy"[n % 2] + "\n" for n in range(len(some)))
        (tmp_path / "data" / part / "label").write_text(labels, encoding="utf-8")
    run = recurra.train(tmp_path / "data", task="classify", out=tmp_path / "run", **TINY)
    again = run.evaluate()
    assert {name: again[name] for name in run.metrics["metrics"]} == pytest.approx(run.metrics["metrics"])
    with (tmp_path / "data" / "test" / "seq.in").open("a", encoding="utf-8") as file:
        file.write("more\n")
    with pytest.raises(DataError, match=r"seq\.in is not the file of this run"):
        run.evaluate()
