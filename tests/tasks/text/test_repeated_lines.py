"""Lines that a language model is evaluated on and was trained on, as it reads them."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra.tasks.language.data import read_corpus
from recurra.tasks.settings import TextSettings
from recurra.tasks.sources.resolving import resolve
from recurra.tasks.text import repeated_lines as room
from recurra.tasks.text.repeated_lines import repeated_lines


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECURRA_CACHE", str(tmp_path / "cache"))


def told(folder: Path, train: Sequence[str], validation: Sequence[str], **given: Any) -> list[str]:
    files = {}
    for name, lines in (("train", train), ("validation", validation)):
        files[name] = folder / f"{name}.txt"
        files[name].write_text("\n".join(lines) + "\n", encoding="utf-8")
    source = resolve(files["train"], "language", validation=str(files["validation"]))
    return repeated_lines(read_corpus(source, TextSettings(**given)))


@pytest.mark.parametrize("block", [1, 7, 1 << 20])
@pytest.mark.parametrize("level", ["char", "word", "byte", "bpe"])
def test_lines_are_counted_as_a_set_counts_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, level: str, block: int
) -> None:
    if level == "bpe":
        pytest.importorskip("tokenizers")
    monkeypatch.setattr(room, "BLOCK", block)
    draw = random.Random(block)
    lines = [" ".join(draw.choices("abcd", k=draw.randrange(6))) for _ in range(400)]
    train, validation = lines[:300], lines[300:]
    full = [line for line in validation if line]
    again = [line for line in full if line in set(train)]
    assert 0 < len(again) < len(full)
    (found,) = told(tmp_path, train, validation, level=level)
    assert f"the validation part that stand in the training part too: {len(again)} of {len(full)}, " in found


def test_lines_are_compared_as_the_model_reads_them(tmp_path: Path) -> None:
    train, validation = ["To be, or not", "that is", "the end"], ["TO BE, OR NOT", "that  is", "new"]
    assert told(tmp_path, train, validation, level="word") == [
        "lines of the validation part that stand in the training part too: 1 of 3, 18.2% of its tokens"
    ]
    (found,) = told(tmp_path, train, validation, level="word", normalize=("lowercase",))
    assert "too: 2 of 3" in found


def test_nothing_is_told_where_nothing_repeats_or_no_line_ends(tmp_path: Path) -> None:
    assert told(tmp_path, ["a b", "c d"], ["a c", "b d"]) == []
    path = tmp_path / "t.txt"
    path.write_text("abc" * 100, encoding="utf-8")
    source = resolve(path, "language")
    assert repeated_lines(read_corpus(source, TextSettings(split=(0.9, 0.1, 0.0)))) == []


def test_rows_of_a_table_that_the_model_reads_alike_become_one_line(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    rows = [f"row {number // 26} {chr(97 + number % 26)}" for number in range(200)]
    path.write_text("text\n" + "\n".join([*rows, *(row.upper() for row in rows)]) + "\n", encoding="utf-8")
    source = resolve(path, "language")
    settings = TextSettings(split=(0.8, 0.1, 0.1), normalize=("lowercase",), text="text")
    corpus = read_corpus(source, settings)
    assert repeated_lines(corpus) == []
    text = corpus.vocabulary.decode(np.concatenate([corpus.train, corpus.validation, corpus.test]))
    assert sorted(text.split("\n")[:-1]) == sorted(rows)


def test_of_a_large_text_on_disk_they_are_found_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "WORTH_KEEPING", 0)
    found = told(tmp_path, ["one line", "two"], ["two", "three"])
    monkeypatch.setattr(room, "_found", lambda corpus: ["found again"])
    assert told(tmp_path, ["one line", "two"], ["two", "three"]) == found != ["found again"]
    assert told(tmp_path, ["one line", "two"], ["two", "four"]) == ["found again"]


@pytest.mark.parametrize("damaged", ["", "[]", '{"lengths": [1]}', '{"lengths": [1], "notes": 3}'])
def test_what_was_kept_and_is_damaged_is_found_again_with_a_word(
    damaged: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(room, "WORTH_KEEPING", 0)
    found = told(tmp_path, ["one line", "two"], ["two", "three"])
    (kept,) = Path(os.environ["RECURRA_CACHE"]).rglob(room.KEPT)
    kept.write_text(damaged, encoding="utf-8")
    assert told(tmp_path, ["one line", "two"], ["two", "three"]) == found
    assert "is damaged; it is made again" in caplog.text
    caplog.clear()
    assert told(tmp_path, ["one line", "two"], ["two", "three"]) == found
    assert not caplog.text
