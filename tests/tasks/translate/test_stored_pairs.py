"""Large parallel files are read once: what is mapped from the cache is what was read."""

from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra.errors import DataError
from recurra.tasks import read_once
from recurra.tasks.sources.resolving import resolve
from recurra.tasks.translate import reading
from recurra.tasks.translate.data import TranslateData, prepare
from recurra.tasks.translate.settings import TranslateDataSettings
from tests.tasks.stored_once import check_built_again_where_damaged

LINES = [
    (f"The {word}, line {i % 29} of\u2581it {i % 7}", f"Zeile {i % 31}: {word} \u2581oder")
    for i, word in enumerate(["cat", "Dog", "elk"] * 20)
]
CHINESE = [(f"\u4f60\u597d{chr(0x4E00 + i % 23)}\u3002", f"hello {i % 19}") for i in range(60)]


@pytest.fixture(autouse=True)
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tokenizers")
    monkeypatch.setenv("RECURRA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(read_once, "WORTH_STORING", 0)


def pairs(path: Path, lines: list[tuple[str, str]]) -> Path:
    path.write_text("".join(f"{a}\t{b}\n" for a, b in lines), encoding="utf-8")
    return path


def shown(data: TranslateData) -> list[Any]:
    parts = [
        (
            name,
            list(part.sources),
            list(part.targets),
            [ids.tolist() for ids in part.encoded_sources],
            [ids.tolist() for ids in part.encoded_targets],
            (part.left_out, part.truncated),
        )
        for name, part in data.parts.items()
    ]
    facts = {name: value for name, value in data.facts.items() if name != "training_part"}
    return [parts, data.preprocessor, facts, data.notes]


@pytest.mark.parametrize("lines", [LINES, CHINESE])
@pytest.mark.parametrize(
    "given",
    [
        {"max_length": 100},
        {"max_length": 12, "too_long": "cut", "swap": True},
        {"level": "word", "min_count": 3, "max_length": 10, "normalize": ("lowercase",)},
        {"level": "char"},
    ],
)
def test_what_is_stored_is_what_is_read(
    lines: list[tuple[str, str]], given: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = resolve(pairs(tmp_path / "p.tsv", lines), "translate")
    settings = TranslateDataSettings(split=(0.8, 0.1, 0.1), **given)
    first, second = prepare(source, settings), prepare(source, settings)
    assert shown(first) == shown(second)
    kept = prepare(source, settings, kept=first.preprocessor)
    monkeypatch.setattr(read_once, "WORTH_STORING", 1 << 30)
    assert shown(prepare(source, settings)) == shown(first)
    assert shown(prepare(source, settings, kept=first.preprocessor)) == shown(kept)
    assert isinstance(second.parts["train"].encoded_sources.values, np.memmap)  # type: ignore[attr-defined]
    for data in (first, kept):
        for part in data.parts.values():
            for text, ids in zip(part.sources, part.encoded_sources, strict=True):
                whole = data.source.encode(text)[: settings.max_length]
                assert ids.tolist() == [*whole.tolist(), len(data.source)]


def test_two_files_for_each_part_are_stored_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, lines in (("train", LINES[:40]), ("test", LINES[40:])):
        for place, language in enumerate(("en", "de")):
            text = "".join(f"{line[place]}\n" for line in lines)
            (tmp_path / f"{name}.{language}").write_text(text, encoding="utf-8")
    source = resolve(tmp_path, "translate")
    settings = TranslateDataSettings(languages="en,de", split=(0.8, 0.1, 0.1))
    first = prepare(source, settings)
    assert shown(prepare(source, settings)) == shown(first)
    monkeypatch.setattr(read_once, "WORTH_STORING", 1 << 30)
    assert shown(prepare(source, settings)) == shown(first)


def test_it_is_read_once_and_again_where_it_is_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    source = resolve(pairs(tmp_path / "p.tsv", LINES), "translate")
    settings = TranslateDataSettings(split=(0.8, 0.1, 0.1))
    check_built_again_where_damaged(
        lambda: shown(prepare(source, settings)), reading, tmp_path / "cache", monkeypatch, caplog
    )


def test_a_disk_too_small_is_told_before_anything_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = resolve(pairs(tmp_path / "p.tsv", LINES), "translate")
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10, 9, 1))
    monkeypatch.setattr(reading, "read", None)
    with pytest.raises(DataError, match=r"the cache needs about 0 MB for data of 0 MB, and 0 MB are free"):
        prepare(source, TranslateDataSettings(split=(0.8, 0.1, 0.1)))
