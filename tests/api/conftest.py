"""Tiny data, and runs that do not draw: pages and samples have tests of their own."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import recurra
from recurra.api import record, training_run
from recurra.tasks.language import task as language

SMALL = {"hidden_size": 6, "embedding_size": 5, "batch_size": 16, "device": "cpu", "epochs": 1.0, "quiet": True}


@pytest.fixture(autouse=True)
def a_room_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECURRA_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_run, "build_report", lambda record: "<html></html>")
    monkeypatch.setattr(record, "inside", lambda *given: ([], []))
    monkeypatch.setattr(language, "SAMPLE_LENGTH", {"char": 3, "byte": 3, "word": 3, "bpe": 3})


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """A folder of two easy classes, 60 examples each."""
    rng, folder = random.Random(0), tmp_path / "kinds"
    folder.mkdir()
    for name, letters in (("low", "abcde"), ("high", "efghi")):
        lines = sorted({"".join(rng.choices(letters, k=rng.randint(2, 9))) for _ in range(70)})[:60]
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """A text of about 2,000 characters."""
    rng, path = random.Random(1), tmp_path / "rhymes.txt"
    words = ["sun", "moon", "rose", "nose", "sea", "tea"]
    lines = (" ".join(rng.choices(words, k=5)) for _ in range(90))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def usual_train(undrawn: None, tmp_path: Path) -> Callable[..., recurra.Run]:
    """recurra.train, small and quick, into tmp_path / "run" unless `out` says otherwise."""

    def small(data: Any = None, **given: Any) -> recurra.Run:
        if "resume" in given:
            return recurra.train(**{"quiet": True} | given)
        return recurra.train(data, **{"out": tmp_path / "run"} | SMALL | given)

    return small


@pytest.fixture
def train(usual_train: Callable[..., recurra.Run]) -> Callable[..., recurra.Run]:
    """As `usual_train`, the two classes of `labels` without the linear skip, which takes two thirds of such a run and
    has its tests in tests/tasks/classify. Runs as they are by default: test_runs and test_starting."""

    def plain(data: Any = None, **given: Any) -> recurra.Run:
        classes = isinstance(data, Path) and data.name == "kinds" and given.get("task") in (None, "classify")
        return usual_train(data, **({"skip": "none"} if classes else {}) | given)

    return plain
