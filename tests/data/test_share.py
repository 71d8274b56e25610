"""How far a reading has come."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from recurra.data import share
from recurra.data.tokens.subword_lines import COUNTED, LEARNED
from recurra.tasks.classify import data as classify
from recurra.tasks.classify.settings import ClassifyDataSettings
from recurra.tasks.language.settings import DEFAULTS
from recurra.tasks.language.task import TASK as LANGUAGE
from recurra.tasks.sources.source import Source
from recurra.tasks.translate import data as translate
from recurra.tasks.translate.settings import TranslateDataSettings


def test_within_a_whole_what_a_stage_reached_stands_until_the_next() -> None:
    with share.followed() as reading:
        with share.whole():
            assert reading.reached() is None
            with share.stage(0, 0.5, 2):
                share.add(1)
            found = reading.reached()
            assert found is not None
            assert found[0] == 0.25
            with share.between(0.5, 1), share.stage(0, 1, 1):
                share.add(1)
            found = reading.reached()
            assert found is not None
            assert found[0] == 1
        assert reading.reached() is None


def test_the_time_left_runs_out_while_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("recurra.data.share.time.monotonic", lambda: now)
    with share.followed() as reading, share.stage(0, 1, 4):
        reading.begun = now
        now = 110.0
        share.add(1)
        assert reading.reached() == (0.25, 30)
        now = 120.0
        assert reading.reached() == (0.25, 20)
        now = 150.0
        assert reading.reached() == (0.25, 0)


def test_a_stage_of_nothing_says_nothing() -> None:
    with share.followed() as reading, share.stage(0.5, 1, 0):
        share.add(1)
        assert reading.reached() is None


def _shares(read: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What is shown of a reading at each step of it."""
    seen: list[float] = []
    add = share._add
    with share.followed() as reading:

        def heard(to: share.Reading | None, units: float) -> None:
            add(to, units)
            if (found := reading.reached()) is not None:
                seen.append(found[0])

        monkeypatch.setattr(share, "_add", heard)
        monkeypatch.setattr("recurra.data.files.sources.BLOCK_BYTES", 100)
        read()
        assert reading.reached() is None
    return seen


@pytest.mark.parametrize("level", ["word", "char"])
@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
def test_a_table_says_how_far_it_is(level: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / name
    rows = "".join(f"some text of number {number},{'ab'[number % 2]}\n" for number in range(100))
    written = f"text,label\n{rows}".encode()
    path.write_bytes(gzip.compress(written) if name.endswith(".gz") else written)
    settings = ClassifyDataSettings.model_validate({"level": level, "text": "text", "label": "label"})
    seen = _shares(lambda: classify.prepare(Source("t", "classify", "table", {"all": path}), settings), monkeypatch)
    assert seen == sorted(seen)
    assert 0 < seen[0] <= 0.25
    assert seen[-1] == (0.75 if level == "word" else 1)


@pytest.mark.parametrize("level", ["word", "bpe"])
def test_pairs_say_how_far_they_are(level: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if level == "bpe":
        pytest.importorskip("tokenizers")
    path = tmp_path / "t.tsv"
    path.write_text("".join(f"number {n}\tzahl {n}\n" for n in range(100)), encoding="utf-8")
    settings = TranslateDataSettings.model_validate({"level": level})
    seen = _shares(lambda: translate.prepare(Source("t", "translate", "table", {"all": path}), settings), monkeypatch)
    assert seen == sorted(seen)
    assert 0 < seen[0] <= 0.1
    assert seen[-1] == 0.8
    assert all(any(first < each <= last for each in seen) for first, last in translate.LEARNING) or level == "word"


def test_running_text_says_how_far_its_sub_words_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While they are learned, in a thread of the library's, counted and looked up."""
    pytest.importorskip("tokenizers")
    path = tmp_path / "t.txt"
    path.write_text("".join(f"number {n} of a text\n" for n in range(100)), encoding="utf-8")
    asked = DEFAULTS.at("bpe").changed(level="bpe")
    seen = _shares(lambda: LANGUAGE.prepare(Source("t", "language", "text", {"all": path}), asked), monkeypatch)
    assert seen == sorted(seen)
    for first, last in ((0, LEARNED), (LEARNED, COUNTED), (COUNTED, 1)):
        assert any(first < each <= last for each in seen)
