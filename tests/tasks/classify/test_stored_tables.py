"""A large table is read once: what is mapped from the cache is what was read."""

from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra.errors import DataError
from recurra.tasks import read_once
from recurra.tasks.classify import data as room
from recurra.tasks.classify import few, reading
from recurra.tasks.classify.data import ClassifyData, prepare
from recurra.tasks.classify.settings import ClassifyDataSettings
from recurra.tasks.sources.resolving import resolve
from tests.tasks.stored_once import check_built_again_where_damaged

ROWS = [f'"The {word}, row {i} of {i % 7}",{"xyz"[i % 3]}' for i, word in enumerate(["cat", "Dog", "elk", "cat"] * 15)]
NAMES = [f"{a}{b},{'uv'[i % 2]}" for i, (a, b) in enumerate((a, b) for a in "abcdefgh" for b in "aeiouy")]


@pytest.fixture(autouse=True)
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECURRA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(read_once, "WORTH_STORING", 0)


def table(path: Path, rows: list[str]) -> Path:
    path.write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    return path


def shown(data: ClassifyData) -> list[Any]:
    parts = [
        (
            name,
            list(part.texts),
            [ids.tolist() for ids in part.encoded],
            part.labels.tolist(),
            [part.place(i) for i in range(len(part))],
            (part.truncated, part.empty),
        )
        for name, part in data.parts.items()
    ]
    facts = {name: value for name, value in data.facts.items() if name != "training_part"}
    return [parts, data.vocabulary, data.classes, facts, data.notes]


@pytest.mark.parametrize("rows", [ROWS, NAMES])
@pytest.mark.parametrize(
    "given", [{}, {"max_length": 2, "min_count": 3}, {"normalize": ("nfc",), "keep_repeats": True}]
)
def test_what_is_stored_is_what_is_read(
    rows: list[str], given: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, settings = resolve(table(tmp_path / "t.csv", rows)), ClassifyDataSettings(**given)
    first, second = prepare(source, settings), prepare(source, settings)
    assert shown(first) == shown(second)
    monkeypatch.setattr(read_once, "WORTH_STORING", 1 << 30)
    assert shown(prepare(source, settings)) == shown(first)
    assert isinstance(second.parts["train"].encoded.values, np.memmap)  # type: ignore[attr-defined]


def test_files_of_their_own_and_a_kept_vocabulary_are_stored_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, test = table(tmp_path / "train.csv", ROWS[:40]), table(tmp_path / "test.csv", ROWS[40:])
    source, settings = resolve(train, test=str(test)), ClassifyDataSettings()
    first = prepare(source, settings)
    again = prepare(source, settings, kept=first.preprocessor)
    assert shown(prepare(source, settings)) == shown(first)
    assert [list(part.texts) for part in again.parts.values()] == [list(part.texts) for part in first.parts.values()]
    monkeypatch.setattr(read_once, "WORTH_STORING", 1 << 30)
    assert shown(prepare(source, settings)) == shown(first)
    assert shown(prepare(source, settings, kept=first.preprocessor)) == shown(again)


def test_it_is_read_once_and_again_where_it_is_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    source, settings = resolve(table(tmp_path / "t.csv", ROWS)), ClassifyDataSettings()
    check_built_again_where_damaged(
        lambda: shown(prepare(source, settings)), reading, tmp_path / "cache", monkeypatch, caplog
    )


def test_a_disk_too_small_is_told_before_anything_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = resolve(table(tmp_path / "t.csv", ROWS))
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10, 9, 1))
    monkeypatch.setattr(reading, "read", None)
    with pytest.raises(DataError, match=r"the cache needs about 0 MB for data of 0 MB, and 0 MB are free"):
        prepare(source, ClassifyDataSettings())


def test_n_grams_of_the_linear_skip_are_found_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    source, settings = resolve(table(tmp_path / "t.csv", ROWS)), ClassifyDataSettings()
    assert len(prepare(source, settings, skip=True).skip_features[0])  # of few texts, which are read-only here
    monkeypatch.setattr(few, "FEW", 0)
    keys, scale = prepare(source, settings, skip=True).skip_features
    (kept,) = (tmp_path / "cache").rglob("skip-whole.npz")
    kept.write_bytes(b"PK")
    again = prepare(source, settings, skip=True).skip_features
    assert "is damaged" in caplog.text
    monkeypatch.setattr(room, "weighed_features", None)
    for found in (again, prepare(source, settings, skip=True).skip_features):
        assert all(a.equal(b) for a, b in zip(found, (keys, scale), strict=True))
