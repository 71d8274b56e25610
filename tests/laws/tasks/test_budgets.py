"""What is done besides training keeps to its share of the minutes, whatever the task; time is counted, not measured."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from recurra.api import abridging
from recurra.api.budget import evaluation_within, fitted_baselines
from recurra.api.preparation import prepare_run, read_data, settings_for
from recurra.api.setup import Setup
from recurra.baselines.forecast import perceptron
from recurra.data.tokens import most_words
from recurra.tasks import registry
from recurra.tasks.abilities import Clocked, Cutting, Learning
from recurra.tasks.registry import TASKS
from recurra.tasks.sized import Abridging
from recurra.tasks.sources.resolving import resolve
from recurra.training.deadline import Deadline
from recurra.training.trainee import Limitable
from tests.laws.tasks.tiny_tasks import SMALL, TINY


@dataclass
class Time:
    """Goes on by what work costs."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def setups(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Setup]:
    made: dict[str, Setup] = {}

    def of(task: str) -> Setup:
        if task not in made:
            tiny = TINY[task]
            source = resolve(tiny.write(tmp_path_factory.mktemp(task)), task)
            given = {name: value for name, value in SMALL.items() if name not in {*tiny.without, "quiet"}}
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("RECURRA_CACHE", str(tmp_path_factory.mktemp("cache")))
                made[task] = prepare_run(source, settings_for(source, given | tiny.settings | {"minutes": 1.0}))
        return made[task]

    return of


@pytest.fixture(params=list(TASKS))
def setup(request: pytest.FixtureRequest, setups: Callable[[str], Setup]) -> Iterator[Setup]:
    found = setups(request.param)
    before = found.dataset.notes, found.dataset.deadline
    yield found
    found.dataset.notes, found.dataset.deadline = before


@pytest.mark.parametrize("power", [1.0, 2.0], ids=["each by itself", "each with each"])
def test_baselines_keep_to_their_share_and_say_of_how_much_they_are(
    setup: Setup, power: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, time = setup.task, Time()
    assert isinstance(task, Cutting)
    whole, learned = task.examples(setup.dataset), list[int]()
    monkeypatch.setattr(type(task), "first", max(2, whole // 20))
    deadline = Deadline(1.0, clock=time)

    def counted(self: Any, dataset: Any, part: Any) -> list[Any]:
        learned.append(task.examples(dataset))
        time.now += 12.0 * (learned[-1] / whole) ** power  # all of them take twice as long as they may
        return []

    monkeypatch.setattr(type(task), "baselines", counted)
    if isinstance(task, Clocked):
        monkeypatch.setattr(type(task), "trained_baselines", lambda *_: [])
    _, notes = fitted_baselines(setup, deadline)
    assert time.now <= deadline.for_baselines()
    assert len(learned) > 1
    assert learned == sorted(learned)
    assert learned[-1] < whole
    (note,) = notes
    assert f"fitted on {learned[-1]:,} of {whole:,} {task.rows}" in note


def test_baselines_are_fitted_on_a_sample_and_named_after_it(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    task = setup.task
    assert isinstance(task, Cutting)
    whole = task.examples(setup.dataset)
    monkeypatch.setattr(type(task), "first", max(2, whole // 3))
    monkeypatch.setattr(perceptron, "STEPS", 20)
    if isinstance(task, Clocked):
        monkeypatch.setattr(type(task), "trained_baselines", lambda *_: [])
    found, _ = fitted_baselines(setup, Deadline(1e-9))
    assert found
    learned = task.examples(task.smaller(setup.dataset, max(2, whole // 3)))
    assert learned == pytest.approx(whole / 3, abs=3)
    assert all(each.name.endswith(f", {learned:,} of {whole:,} {task.rows}") for each in found)
    assert all(np.isfinite(value) for each in found for value in each.metrics.values())


def scored_in(seconds: float, setup: Setup, time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on an evaluation of the whole held-out part takes so long."""
    task, whole = setup.task, setup.dataset.held_out
    evaluate = type(task).evaluate

    def counted(self: Any, model: Any, part: Any, settings: Any) -> Any:
        time.now += seconds * len(part) / len(whole)
        return evaluate(self, model, part, settings)

    monkeypatch.setattr(type(task), "evaluate", counted)
    monkeypatch.setattr("recurra.api.budget.FEWEST", max(2, len(whole) // 20))


def test_scores_keep_to_their_share(setup: Setup, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    time, whole = Time(), setup.dataset.held_out
    deadline = Deadline(1.0, clock=time)
    time.now = 45.0
    scored_in(20.0, setup, time, monkeypatch)
    cut, found, notes = evaluation_within(setup, deadline, SimpleNamespace(evaluates=None), tmp_path)  # type: ignore[arg-type]
    assert deadline.left() > 0
    assert len(cut) < len(whole)
    assert np.isfinite(found.scores["loss"])
    (note,) = notes
    assert note.startswith(f"the scores are of {len(cut):,} of the {setup.dataset.evaluated_on} part's {len(whole):,}")


def test_all_is_scored_where_it_ends_in_time(setup: Setup, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """By what a row took in the run itself: 2 s for all, which the report may go through twice more."""
    time, whole = Time(), setup.dataset.held_out
    deadline = Deadline(1.0, clock=time)
    time.now = 45.0
    scored_in(2.0, setup, time, monkeypatch)
    cut, _, notes = evaluation_within(setup, deadline, SimpleNamespace(evaluates=None), tmp_path)  # type: ignore[arg-type]
    assert (len(cut), notes) == (len(whole), [])
    assert deadline.left() > 2 * 2.0 - deadline.beyond()


def test_an_evaluation_during_training_can_be_of_a_part(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    for room in ("classify", "language", "frames"):
        monkeypatch.setattr(f"recurra.tasks.{room}.trainee.LEAST_EVALUATED", 2)
    monkeypatch.setattr("recurra.tasks.cutting.LEAST_LOOKED_AT", 2)
    monkeypatch.setattr("recurra.tasks.forecast.trainee.LEAST_LOOKED_AT", 2)
    trainee = registry.get(setup.dataset.source.task).task.trainee(setup.network, setup.dataset)
    assert isinstance(trainee, Limitable)
    whole = trainee.evaluation_units
    torch.manual_seed(0)
    there = trainee.limit_evaluation(whole // 2)
    assert 0 < there < whole
    setup.network.eval()  # as the loop does it
    found = trainee.evaluate(setup.network)
    assert np.isfinite(found["loss"])
    assert trainee.limit_evaluation(whole // 2) == there
    assert trainee.evaluate(setup.network) == found


def test_a_network_learns_from_fewer_examples_and_is_evaluated_on_as_many(setup: Setup) -> None:
    task, whole = setup.task, setup.trainee
    if not isinstance(task, Learning):
        assert setup.dataset.source.task == "forecast"  # its linear skip is fitted before
        return
    count = task.examples(setup.dataset) // 4
    less = task.learning_from(setup.dataset, count)
    assert task.examples(less) == count
    network = task.network(less.preprocessor, less.settings)
    trainee = task.trainee(network, less)
    assert trainee.steps(0) < whole.steps(0)
    assert trainee.evaluate(network.eval()) == whole.evaluate(network)
    Setup(task, less, trainee).conclude()


@pytest.mark.parametrize("name", registry.readers("max_vocabulary"))
def test_words_that_the_minutes_do_not_hold_are_left_out(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a task without it a large vocabulary is trained on and written whole, whatever the minutes."""
    monkeypatch.setenv("RECURRA_CACHE", str(tmp_path / "cache"))
    tiny, task = TINY[name], registry.get(name).task
    assert isinstance(task, Abridging)
    (tmp_path / "data").mkdir()
    source = resolve(tiny.write(tmp_path / "data"), name)
    small = {each: value for each, value in SMALL.items() if each not in {*tiny.without, "quiet"}}
    given = small | tiny.settings | {"level": "word", "min_count": 1, "max_vocabulary": None, "minutes": 1.0}
    given |= {"hidden_size": 307, "embedding_size": 301}  # no numbers of words
    settings = settings_for(source, given)
    dataset = read_data(source, settings)
    words = task.words(dataset)
    for setting, value in (("FEWEST", 4), ("MEASURED_FROM", 0), ("LEAST_BYTES", 0)):
        monkeypatch.setattr(abridging, setting, value)
    held, short = abridging.Pace(48.0, 1e-9, 0.5), abridging.Pace(48.0, 48.0, 0.5)
    assert abridging.abridged(dataset, settings, held) == (dataset, None)
    assert task.words(dataset) == words
    cut, found = abridging.abridged(dataset, settings, short)
    assert found is not None
    assert found.settings == {"max_vocabulary": 4}
    assert cut.settings.data.max_vocabulary == 4
    assert task.words(cut) == tuple(min(count, 4) for count in words)
    whole, less = (
        [tuple(w.shape) for w in task.network(each.preprocessor, each.settings).parameters() if w.requires_grad]
        for each in (dataset, cut)
    )
    assert abridging._weights(whole, words, 4) == sum(map(math.prod, less))
    width = task.word_width(settings)
    fewer = sum(map(math.prod, whole)) - sum(map(math.prod, less)) - width * (max(words) - 4)
    assert fewer in (0, 301 * (max(words) - 4))  # few pairs have a table more, of drafts
    bound = abridging.bound_of(source, settings, short)
    assert bound is not None
    with most_words.bounded(bound):
        bounded = read_data(source, settings)
    assert bound.cut == ([] if name == "language" else list(words))  # whose corpus is made of the whole one
    again, why = abridging.abridged(bounded, settings, short, bound)
    assert why is not None
    assert again.settings == cut.settings
    assert task.words(again) == task.words(cut)
    assert again.facts["training_part"] == cut.facts["training_part"]
