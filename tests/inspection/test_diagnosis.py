"""The verdict is right where something is known to be wrong, and there is none where nothing is."""

from __future__ import annotations

import math
import signal
from pathlib import Path
from typing import Any

import pytest

import recurra
from recurra.api.diagnosing import of_training
from recurra.api.preparation import prepare_run, settings_for
from recurra.errors import StoppedError
from recurra.inspection.data_checks import DataFacts
from recurra.inspection.diagnosis import Diagnosis, Evidence
from recurra.inspection.verdicts import diagnose
from recurra.tasks.registry import TASKS
from recurra.tasks.sources.resolving import resolve
from recurra.training.history import Silent, Tick
from recurra.training.watch.flow import Flow
from recurra.training.watch.record import LayerLook, Look, Watched
from tests.inspection import troubled
from tests.laws.tasks.tiny_tasks import TINY

SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 5))]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", troubled.CASES)
def test_what_is_wrong_is_said_first(kind: str, seed: int, tmp_path: Path) -> None:
    found = troubled.CASES[kind](tmp_path, seed)
    assert found.verdict.kind == kind, found.text()
    assert found.verdict.severity == "problem"
    assert found.verdict.remedy or kind == "data"
    assert found.text().splitlines()[-1] == f"verdict: {found.verdict.text()}"


def test_one_class_is_named(tmp_path: Path) -> None:
    assert "only one class, 'only'" in troubled.CASES["data"](tmp_path, 0).verdict.words


@pytest.mark.parametrize("seed", SEEDS)
def test_a_healthy_training_has_no_problem(seed: int, tmp_path: Path) -> None:
    found = troubled.healthy(tmp_path, seed)
    assert found.problems == [], found.text()
    assert found.verdict.words == "nothing is wrong with this training"
    assert "</svg>" in found.plot()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_a_memory_that_stays_open_reaches_all_of_it(seed: int, tmp_path: Path) -> None:
    found = troubled.long_memory(tmp_path, seed)
    assert found.problems == [], found.text()
    (layer,) = found.evidence.watched.looks[0].layers  # what it becomes later is the training's own
    assert (layer.flow.memory, layer.flow.steps) == (199, 199)
    assert found.evidence.points[-1].validation_metrics["accuracy"] > 0.95


@pytest.mark.parametrize(
    ("norms", "said"),
    [
        ((1.0, 0.5), "the gradient of stack.l0 reaches 1 step back"),
        ((1.0, 0.5, 0.25), "the gradient of stack.l0 reaches all 2 steps back, 0.500 a step"),
        ((1.0, 1.0, 1e-3, 1e-6), "the gradient of stack.l0 reaches 1 of 3 steps back, 0.001 a step"),
    ],
)
def test_how_far_a_gradient_reaches_is_said_in_words(norms: tuple[float, ...], said: str) -> None:
    look = Look(1, 0, (LayerLook("stack.l0", Flow(norms), {}, {}, len(norms)),), {}, {})
    evidence = Evidence(Watched(1, looks=[look]), [], TASKS["classify"].defaults.settings, None, DataFacts())
    assert [one.words for one in diagnose(evidence).findings] == [said]


def test_a_change_beyond_all_bounds_is_said_in_words() -> None:
    for change, said in ((0.16, "by 16% of its size"), (201.0, "by 201 times its size"), (math.inf, "beyond what")):
        seen = Watched(3, looks=[Look(1, 0, (), {"stack.weight_hh_l0": change}, {})], diverged=3)
        evidence = Evidence(seen, [], TASKS["classify"].defaults.settings, 1.0, DataFacts())
        assert f"a step changes a weight matrix {said}" in diagnose(evidence).verdict.words


class Stopping(Silent):
    def tick(self, tick: Tick) -> None:
        if tick.step == 3:
            signal.raise_signal(signal.SIGINT)


def test_a_training_that_is_stopped_is_not_taken_for_a_whole_one(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("text,label\n" + "".join(f"{t},{label}\n" for t, label in troubled.counting(200, 0)), "utf-8")
    with pytest.raises(StoppedError, match=r"^stopped by SIGINT after 3 steps; so far: ") as found:
        recurra.diagnose(path, task="classify", progress=Stopping(), **troubled.PLAIN)
    assert found.value.exit_code == 128 + signal.SIGINT


OF_DATA = ("split", "horizon", "window", "dates", "image_size", "max_vocabulary", "level")
"""Of a tiny task's settings, those that its data ask for; all others are the task's own."""


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_no_tasks_own_settings_are_an_alarm(task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECURRA_CACHE", str(tmp_path / "cache"))
    source = resolve(TINY[task].write(tmp_path), task)
    given = {name: value for name, value in TINY[task].settings.items() if name in OF_DATA}
    setup = prepare_run(source, settings_for(source, given | {"device": "cpu", "epochs": 8.0}))
    found = of_training(setup, every=10)
    assert found.problems == [], found.text()
    assert found.evidence.watched.looks


@pytest.fixture(scope="module")
def examples() -> list[tuple[str, str]]:
    made = list(troubled.counting(300, 1))
    text, label = made[0]
    other = "fewer" if label == "more" else "more"
    return [*made, *[(text, label)] * 2, ("a" * 9 + "c", "fewer"), ("a" * 8 + "cd", "fewer"), (text, other)]


def test_odd_examples_of_a_run_are_named(examples: list[tuple[str, str]], tmp_path: Path) -> None:
    path = tmp_path / "odd.csv"
    path.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in examples), encoding="utf-8")
    asked: dict[str, Any] = troubled.PLAIN | {"epochs": 12.0, "learning_rate": 2e-2, "keep_repeats": True}
    split = {"split": (0.85, 0.15, 0.0), "seed": 4, "threads": 1}
    run = recurra.train(path, task="classify", out=tmp_path / "run", quiet=True, watch=True, **asked | split)
    found = recurra.diagnose(run.folder)
    assert isinstance(found, Diagnosis)
    kinds = {one.kind for one in found.findings}
    assert {"repeats", "suspect label", "memory"} <= kinds
    suspects = [one.words for one in found.findings if one.kind == "suspect label"]
    assert any("odd.csv:" in words and "is labelled 'fewer', looks like 'more'" in words for words in suspects)
    assert found.evidence.watched.looks == recurra.diagnose(run).evidence.watched.looks
    assert found.to_json()["verdict"]["kind"] == found.verdict.kind
