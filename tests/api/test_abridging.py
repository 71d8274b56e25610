"""A vocabulary that the minutes do not hold is cut to its most frequent words, and that is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import recurra
from recurra.api import abridging, training_run
from recurra.tasks import read_once
from recurra.tasks.classify import reading
from recurra.tasks.language.settings import DEFAULTS

RUN: dict[str, Any] = {
    "level": "word",
    "embedding_size": 4,
    "hidden_size": 4,
    "minutes": 0.03,
    "baselines": "none",
    "threads": 1,
    "device": "cpu",
}


@pytest.fixture(autouse=True)
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_run, "build_report", lambda record: "<html></html>")


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A text of 2,000 words, on a machine where a weight takes 10 us."""
    monkeypatch.setattr(abridging, "MEASURED_FROM", 0)
    monkeypatch.setattr(abridging, "LEAST_BYTES", 0)
    monkeypatch.setattr(abridging, "FEWEST", 5)
    monkeypatch.setattr(abridging, "STEPS", 1)
    monkeypatch.setattr(abridging, "WRITTEN", 0)
    monkeypatch.setattr(abridging, "stepping", lambda training: 1e-5)
    path = tmp_path / "words.txt"
    path.write_text("".join(f"w{i % 2000} w{i % 7} w{i % 50}\n" for i in range(4000)))
    return path


def test_a_vocabulary_that_the_minutes_do_not_hold_is_cut_and_told(words: Path) -> None:
    given = RUN | {"minutes": 0.002}
    run = recurra.train(words, out="run", quiet=True, **given)
    most = run.settings.data.max_vocabulary
    assert most == len(run.preprocessor.vocabulary)
    assert 5 <= most < 1000
    (note,) = (note for note in run.config["notes"] if "most frequent are known" in note)
    assert f"words the {most:,} most frequent" in note
    assert "more words with --max-vocabulary" in note
    again = recurra.train(resume="run", minutes=0.05, quiet=True)
    assert again.settings.data.max_vocabulary == most
    assert note in again.config["notes"]


def test_a_vocabulary_that_is_asked_for_is_cut_where_the_whole_time_does_not_hold_it(
    words: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(abridging, "stepping", lambda training: 1e-4)
    own = RUN | {"max_vocabulary": 1500}
    run = recurra.train(words, out="run", quiet=True, **own | {"minutes": 0.002})
    most = run.settings.data.max_vocabulary
    assert most == len(run.preprocessor.vocabulary) < 1500
    (note,) = (note for note in run.config["notes"] if "most frequent are known" in note)
    assert "of 1,500 words" in note
    assert "more words with more minutes" in note


@pytest.mark.parametrize("given", [{"max_vocabulary": 1500, "share": 0.8}, {"share": 0.3}])
def test_a_vocabulary_that_the_minutes_hold_is_not_cut(
    words: Path, given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """share: of the training, that its weights take"""
    given = dict(given)
    share, own = given.pop("share"), RUN | {"minutes": 0.05} | given
    weights = recurra.train(words, out="whole", quiet=True, **own | {"minutes": None, "epochs": 0.01}).metrics
    monkeypatch.setattr(abridging, "stepping", lambda training: share * 0.8 * 0.05 * 60 / weights["parameters"])
    run = recurra.train(words, out="run", quiet=True, **own)
    assert run.settings.data.max_vocabulary == given.get("max_vocabulary")
    assert not any("most frequent are known" in note for note in run.config["notes"])


def test_a_classifier_counts_its_words_with_a_bound_and_finds_them_again(
    words: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_once, "WORTH_STORING", 0)
    table, reads = tmp_path / "t.csv", list[int]()
    lines = words.read_text().splitlines()
    table.write_text("text,label\n" + "".join(f"{line} {line[-1]},{'xy'[i % 2]}\n" for i, line in enumerate(lines)))
    read = reading.read
    monkeypatch.setattr(reading, "read", lambda *a, **k: reads.append(1) or read(*a, **k))
    given = RUN | {"minutes": 0.002, "skip": "none", "quiet": True}
    run = recurra.train(table, out="run", **given)
    most = run.settings.data.max_vocabulary
    assert 5 <= most == len(run.preprocessor.vocabulary) < 1000
    (note,) = (note for note in run.config["notes"] if "most frequent are known" in note)
    assert note.startswith(f"of 1,310 words the {most:,} most frequent")
    assert reads == [1]
    again = recurra.train(table, out="again", **given)
    assert reads == [1]
    assert note in again.config["notes"]
    other = recurra.train(table, out="other", **given | {"minutes": None, "epochs": 0.01})
    assert len(other.preprocessor.vocabulary) > 1000
    assert reads == [1, 1]
    large = recurra.train(table, out="large", **given)
    assert reads == [1, 1]
    assert large.settings.data.max_vocabulary == most
    assert any(each.startswith(f"of 1,310 words the {most:,} most frequent") for each in large.config["notes"])
    whole = next(each for each in (tmp_path / "cache" / "tables").iterdir() if not (each / "cut.json").exists())
    (whole / "arrays.json").write_text("{}")
    assert recurra.train(table, out="run", overwrite=True, **given).settings.data.max_vocabulary == most
    assert reads == [1, 1]
    resumed = recurra.train(resume="run", minutes=0.05, quiet=True)
    assert resumed.settings.data.max_vocabulary == most
    assert note in resumed.config["notes"]


def test_what_a_weight_takes_in_a_step_is_measured_without_a_trace() -> None:
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    assert 0 < abridging.stepping(DEFAULTS.settings.training) < 1e-3
    assert torch.equal(before, torch.random.get_rng_state())
