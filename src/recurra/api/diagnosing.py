"""From data or a run to what is wrong with its training."""

from __future__ import annotations

import copy
import json
import os
import signal
from pathlib import Path
from typing import Any

from recurra import model_folder
from recurra.api import given_data
from recurra.api.evaluation import trained_on
from recurra.api.listed_settings import by_name
from recurra.api.preparation import prepare_run, settings_for
from recurra.api.run import Run, load
from recurra.api.setup import Setup
from recurra.data.splits import many
from recurra.errors import DataError, DivergedError, StoppedError
from recurra.inspection.data_checks import DataFacts, facts_of
from recurra.inspection.diagnosis import Diagnosis, Evidence, Finding
from recurra.inspection.verdicts import diagnose as verdict_of
from recurra.model_folder.manifest import MANIFEST
from recurra.tasks import registry
from recurra.tasks.given import path
from recurra.tasks.sources.resolving import resolve
from recurra.topologies.forecaster import Forecaster
from recurra.training.checkpoint import Counters
from recurra.training.fit import fit
from recurra.training.history import Point, Progress
from recurra.training.watch.record import WATCHED, Watched
from recurra.training.watch.watch import Watch

MINUTES = 1.0
"""Of the training that data are diagnosed by, at most, unless another length is given."""


def diagnose(
    target: Any, /, *, task: str | None = None, progress: Progress | None = None, **settings: Any
) -> Diagnosis:
    """What is wrong with a training, in plain words, with the flag to change.

    >>> print(recurra.diagnose("reviews.csv", text="review", label="stars").text())
    >>> recurra.diagnose("runs/reviews-gru").verdict

    target: the folder of a run, which is looked at as it stands, with all that `watch=True` kept of its training; or
    data as for `recurra.train`, on which a network is trained for a minute at most, without a folder. settings: of such
    a training, as for `recurra.train`
    Errors: DataError, UsageError, ModelFolderError; StoppedError after Ctrl-C or another signal
    """
    if isinstance(target, Run):
        return of_run(target)
    place = Path(target) if isinstance(target, (str, os.PathLike)) else None
    if place is not None and (place / MANIFEST).is_file():
        return of_run(load(path(target, "target")))
    given = by_name(settings)
    source = resolve(given_data.as_path(target, None, task), task)
    if given.get("epochs") is None and given.get("minutes") is None:
        given["minutes"] = MINUTES
    chosen = settings_for(source, given)
    try:
        setup = prepare_run(source, chosen)
    except DataError as error:  # what keeps these data from being learned from is what is wrong
        nothing = Evidence(Watched(), [], chosen, None, DataFacts())
        return Diagnosis((Finding("data", "problem", str(error).replace("\n", "; ")),), nothing)
    return of_training(setup, progress=progress)


def of_training(setup: Setup, *, progress: Progress | None = None, every: int | None = None) -> Diagnosis:
    """Train a network and say how that went. every: look at every so many steps; as time allows if None

    Errors: StoppedError after a signal, with what is wrong so far
    """
    watch = Watch(setup.settings.training, every=every)
    counters, stopped = Counters(), None
    try:
        outcome = fit(setup.trainee, setup.settings.training, progress=progress, observer=watch)
        counters, stopped = outcome.counters, outcome.signal
    except DivergedError:
        watch.seen.diverged = watch.seen.diverged or watch.seen.steps
    found = conclusion(setup, watch.seen, counters.points, counters.untrained_loss)
    if stopped is not None:
        after = f"stopped by {signal.Signals(stopped).name} after {many(watch.seen.steps, 'step')}"
        raise StoppedError(f"{after}; so far: {found.verdict.text()}", stopped)
    return found


def of_run(run: Run) -> Diagnosis:
    """A trained model with its own data, as they are now. Errors: DataError if they are not there, or are others"""
    try:
        task, dataset = registry.get(run.task).task, trained_on(run)
    except DataError as error:
        raise DataError(
            f"a run is diagnosed on its own data, but {str(error).splitlines()[0]}",
            remedy="restore them, or diagnose a training on others: recurra diagnose DATA",
        ) from error
    network = copy.deepcopy(run.network)  # whose running means a look in training mode would move
    setup = Setup(task, dataset, task.trainee(network, dataset))
    folder = model_folder.read(run.folder)
    kept = WATCHED in folder.extra
    watched = Watched.from_json(_parsed(folder.read_extra(WATCHED))) if kept else _one_look(setup)
    return conclusion(setup, watched, run.history, None, trained=True)


def conclusion(
    setup: Setup, watched: Watched, points: list[Point], untrained_loss: float | None, *, trained: bool = False
) -> Diagnosis:
    """What is made of all that is known. trained: the network is good enough to doubt labels"""
    dataset = setup.dataset
    model = setup.model()
    classes = list(getattr(model, "classes", None) or getattr(dataset.preprocessor, "classes", None) or ())
    data = facts_of(dataset.parts, classes, model if trained else None)
    informed = isinstance(setup.network, Forecaster)
    return verdict_of(Evidence(watched, points, setup.settings, untrained_loss, data, informed))


def _one_look(setup: Setup) -> Watched:
    """At the first batch of the training part, nothing of the network changed."""
    network = setup.network.train()
    watch = Watch(setup.settings.training, every=1)
    batch = next(iter(setup.trainee.batches(0)))
    with watch.reading(network, Counters()):
        loss = setup.trainee.loss(network, batch, None)
    loss.mean.backward()  # type: ignore[no-untyped-call]
    watch.graded(loss.mean.item(), 0.0)
    watch.seen.looks.append(watch.finished_look())
    for parameter in network.parameters():
        parameter.grad = None
    network.eval()
    return watch.seen


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError as error:
        raise DataError(f"{WATCHED} is no JSON: {error}") from error
