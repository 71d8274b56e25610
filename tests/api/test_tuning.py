"""Studies: what is varied, what is left of them, how they go on, what cannot be."""

from __future__ import annotations

import importlib.util
import json
import shlex
import signal
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("optuna")

from recurra.api import tuning
from recurra.api.search_space import FACTORS, SPACE, USUAL, drawn, varied
from recurra.api.trials import Trial, WatchedTrial, command_of, csv_of
from recurra.errors import DataError, ModelFolderError, StoppedError, UsageError
from recurra.tasks.registry import ROWS, readers

SMALL: dict[str, Any] = {"epochs": 1, "hidden_size": 4, "embedding_size": 3, "threads": 1, "quiet": True}


class Lowest:
    """Draws the lowest of everything."""

    def suggest_float(self, name: str, low: float, high: float, **more: Any) -> float:
        assert low < high
        return low

    def suggest_categorical(self, name: str, choices: list[Any]) -> Any:
        return choices[0]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_task_has_something_to_vary_within_its_bounds(row: Any) -> None:
    settings = row.defaults.settings
    starts = varied(settings, {}, None)
    assert {"learning_rate", "hidden_size"} <= starts.keys() <= set(USUAL)
    settings.changed(**drawn(Lowest(), starts))
    own = {name: value for group in settings.groups().values() for name, value in group}
    for name in SPACE.keys() & own.keys():
        if own[name] or name not in FACTORS:
            settings.changed(**drawn(Lowest(), varied(settings, {}, [name])))


def test_all_that_can_be_varied_is_read_by_some_task() -> None:
    assert all(readers(name) for name in SPACE)


def test_what_is_given_stays_and_what_cannot_be_varied_is_said() -> None:
    settings = ROWS[1].defaults.settings
    assert "dropout" not in varied(settings, {"dropout": 0.1}, None)
    assert "embedding_size" not in varied(settings, {"vectors": "glove.txt"}, None)
    assert list(varied(settings, {}, ["cell", "cell"])) == ["cell"]
    for given, asked, says in (
        ({}, ["droput"], "did you mean 'dropout'"),
        ({"cell": "gru"}, ["cell"], "cell is given and to be varied"),
        (dict.fromkeys(USUAL, 1), None, "nothing is left to vary"),
    ):
        with pytest.raises(UsageError, match=says):
            varied(settings, given, asked)
    with pytest.raises(UsageError, match="not of this task, but of"):
        varied(ROWS[7].defaults.settings, {}, ["embedding_size"])
    with pytest.raises(UsageError, match="starts from 0"):
        varied(settings.changed(weight_decay=0.0), {}, ["weight_decay"])


def test_a_trial_is_kept_and_written() -> None:
    trial = Trial(0, {"cell": "gru"}, "pruned", (0.5, 1.0), {"loss": 0.5}, 0.25, 1.5)
    assert Trial.read(0, json.loads(json.dumps(trial.kept()))) == trial
    assert trial.line() == "cell=gru: loss 0.5000, 0:02 (pruned)"
    assert csv_of([trial], ["cell"]) == "trial,status,cell,loss,epochs,seconds\n1,pruned,gru,0.5000,0.25,1.5\n"
    given = {"learning_rate": 0.003, "epochs": 3.0, "split": (0.8, 0.1, 0.1), "bidirectional": False, "clip_norm": None}
    assert command_of(Path("my data.csv"), "classify", given) == (
        "recurra train 'my data.csv' --task classify --learning-rate 0.003 --epochs 3 --split 0.8/0.1/0.1 "
        "--no-bidirectional --clip-norm 0"
    )


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"data": "x", "trials": 0}, "at least 1, got 0"),
        ({"data": "x", "trials": 2.5}, "whole number"),
        ({}, "name what to train on"),
        ({"data": "x", "resume": "y"}, "keeps its data"),
        ({"resume": "nowhere"}, "holds no study"),
        ({"resume": "nowhere", "hidden_size": 3}, "trials and minutes alone"),
        ({"data": "x", "out": "."}, "already exists; choose another"),
    ],
)
def test_bad_inputs(given: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        tuning.tune(**given)


def test_without_optuna_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install 'recurra\[tune\]'"):
        tuning.tune("x")


def test_a_study_leaves_a_run_a_table_and_a_command(undrawn: None, labels: Path) -> None:
    found = tuning.tune(labels, trials=2, out="tuned", vary=["learning_rate"], **SMALL)
    assert [trial.status for trial in found.trials] == ["finished", "finished"]
    best = min(found.trials, key=lambda trial: trial.rank)
    assert (best.number, found.folder, found.run.folder) == (found.best, Path("tuned"), Path("tuned/best"))
    # the run repeats the trial: the same weights, the same scores
    kept = found.run.metrics["history"][found.run.metrics["best"]]
    assert kept["validation_loss"] == best.scores["loss"]
    assert found.run.settings.training.learning_rate == best.settings["learning_rate"]
    assert found.run.stored.command == found.command
    assert len(Path("tuned/trials.csv").read_text().splitlines()) == 3
    assert {"train", str(labels), "--learning-rate"} <= set(shlex.split(found.command))
    with pytest.raises(UsageError, match="go on with --resume tuned"):
        tuning.tune(labels, out="tuned", **SMALL)
    (labels / "low.txt").write_text("\n".join(f"{n:b}x" for n in range(60)) + "\n")
    with pytest.raises(DataError, match="not what it was"):
        tuning.tune(resume="tuned", trials=3, quiet=True)
    Path("tuned/study.jsonl").write_text("{}\n")
    with pytest.raises(ModelFolderError, match="cannot be read"):
        tuning.tune(resume="tuned", trials=3, quiet=True)


@pytest.mark.slow
def test_a_stopped_study_goes_on_as_if_it_had_not_been(
    undrawn: None, labels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tuning.tune(labels, trials=9, out="whole", **SMALL)
    heard = WatchedTrial.point

    def point(self: WatchedTrial, point: Any, best: bool) -> None:  # at the moment when it may be pruned
        if self.number == 7:
            signal.raise_signal(signal.SIGINT)
        heard(self, point, best)

    with monkeypatch.context() as patch:
        patch.setattr(WatchedTrial, "point", point)
        with pytest.raises(StoppedError, match=r"(?s)stopped by SIGINT in trial 8; parts .*--resume parts --trials 9"):
            tuning.tune(labels, trials=9, out="parts", **SMALL)
    parts = tuning.tune(resume="parts", trials=9, quiet=True)
    assert [each.settings for each in parts.trials] == [each.settings for each in whole.trials]
    assert [each.rank for each in parts.trials] == [each.rank for each in whole.trials]
    assert parts.best == whole.best


@pytest.mark.slow
def test_minutes_bound_all_of_it(undrawn: None, labels: Path) -> None:
    found = tuning.tune(labels, trials=50, minutes=0.2, out="tuned", hidden_size=4, threads=1, quiet=True)
    assert 0 < len(found.trials) < 50  # each of them takes a second
    assert found.run.settings.training.minutes is not None
    assert found.run.metrics["status"] == "finished"
