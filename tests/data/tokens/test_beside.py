"""Texts that several processes cut are those that one cuts."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra.data.corpus.mapped import build_corpus
from recurra.data.tokens import beside
from recurra.data.tokens import cut as cut_of_words
from recurra.data.tokens.cut import Cut
from recurra.data.tokens.drafted import Drafted
from recurra.data.tokens.numbers import Numbers

TEXTS = [f"Row {number}: it's {number % 7} of Ünïcode\n {'x' * (number % 5)}" for number in range(300)] + [
    "",
    "\ud800 a",
]
CUTS = (Cut("words", ("lowercase",)), Cut("words", (), "space"), Cut("pieces"), Cut("between spaces", ("nfkc",)))


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """Those that are started, from a byte of text on."""
    found: list[subprocess.Popen[bytes]] = []
    plain = subprocess.Popen

    def start(*given: Any, **named: Any) -> Any:
        found.append(plain(*given, **named))
        return found[-1]

    monkeypatch.setattr(beside.subprocess, "Popen", start)
    monkeypatch.setattr(beside, "WORTH", 1)
    return found


def read(cut: Cut) -> tuple[list[str], list[list[int]], list[list[int]]]:
    words = Numbers()
    lists = (TEXTS[start : start + 40] for start in range(0, len(TEXTS), 40))
    found = list(beside.number_all(words, cut, lists, size=1))
    return words.names, [each.sizes.tolist() for each in found], [each.ids.tolist() for each in found]


@pytest.mark.parametrize("cut", CUTS, ids=lambda cut: f"{cut.kind}-{cut.split}")
def test_the_words_and_their_numbers_are_the_same_whoever_cuts(
    cut: Cut, started: list[subprocess.Popen[bytes]]
) -> None:
    alone = read(cut)
    assert not started
    with beside.processes(2):
        assert read(cut) == alone
    assert len(started) == 2
    assert all(process.poll() is not None for process in started)


def test_no_more_are_started_than_one_can_keep_up_with(
    started: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beside, "MOST", 3)
    with beside.processes(64):
        assert list(beside.number_all(Numbers(), CUTS[0], [TEXTS], size=1))
    assert len(started) == 3


def test_a_numbering_begins_anew_before_it_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cut_of_words, "MOST", 3)
    numbering = cut_of_words.Numbering(CUTS[0])
    found = [numbering.of([text]) for text in ("a b", "b c d", "d e", "e")]
    assert [(each.known, each.words) for each in found] == [(0, ["a", "b"]), (2, ["c", "d"]), (0, ["d", "e"]), (2, [])]
    assert [each.ids.tolist() for each in found] == [[0, 1], [1, 2, 3], [0, 1], [1]]


def test_what_a_process_did_not_cut_before_it_ended_is_cut_here(started: list[subprocess.Popen[bytes]]) -> None:
    words, cut = Numbers(), CUTS[0]

    def lists() -> Any:
        for start in range(0, len(TEXTS), 10):
            if start == 100:
                started[0].kill()
            yield TEXTS[start : start + 10]

    with beside.processes(2):
        found = np.concatenate([each.ids for each in beside.number_all(words, cut, lists(), size=1)])
    assert [words.names[number] for number in found] == [word for text in TEXTS for word in cut(text)]


def test_a_reading_that_is_given_up_leaves_nobody_behind(started: list[subprocess.Popen[bytes]]) -> None:
    with beside.processes(2):
        reading = beside.number_all(Numbers(), CUTS[0], ([text] for text in TEXTS), size=1)
        next(reading)
        reading.close()
    assert len(started) == 2
    assert all(process.poll() is not None for process in started)


def test_none_is_started_for_little_text_or_a_dictionary(started: list[subprocess.Popen[bytes]]) -> None:
    with beside.processes(2):
        assert list(beside.number_all(Numbers(), CUTS[0], [["a b"]], size=0))
        assert beside._started(Cut("words", (), "chinese"), 2, None) == []
    assert not started


def test_tables_and_corpora_are_the_same_whoever_cuts(
    tmp_path: Path, started: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "text.txt"
    path.write_text("\n".join(f"a line {number % 13} of {number}, and more" for number in range(2000)))
    found, drafted = [], []
    for count in (1, 2):
        with beside.processes(count):
            found.append(build_corpus(path, level="word", cache=tmp_path / f"{count}"))
            drafted.append(Drafted(TEXTS, CUTS[0], tmp_path))
    assert len(started) == 4
    one, two = found
    assert (one.vocabulary.to_json(), one.characters) == (two.vocabulary.to_json(), two.characters)
    for name in ("train", "validation", "test"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    assert drafted[0].words.names == drafted[1].words.names
    np.testing.assert_array_equal(drafted[0].keys(), drafted[1].keys())
