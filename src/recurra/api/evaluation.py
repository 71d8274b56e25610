"""Evaluating a trained model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recurra.api import provenance
from recurra.api.preparation import prepare_run
from recurra.api.sense import check_reading
from recurra.errors import ModelFolderError, UnknownNameError, UsageError
from recurra.report.record import Baseline
from recurra.tasks import registry
from recurra.tasks.classify.task import ClassifyTask
from recurra.tasks.classify.trainee import Classifier
from recurra.tasks.settings import READING
from recurra.tasks.sources.resolving import Source, resolve
from recurra.tasks.stored import of_folder

if TYPE_CHECKING:
    from recurra.api.run import Run


def evaluate(
    run: Run,
    data: str | Path | None,
    *,
    baselines: bool = False,
    groups: str | None = None,
    reading: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Scores, the number of units they are the mean of, and on what.

    data: a file, a folder or a data set's name, all of it evaluated; None: the run's own held-out part again.
    baselines: evaluate the baselines too, fitted again on the run's training data; groups: a column of a table
    of labelled texts that says which of them belong together; reading: settings of READING, for these data.
    Errors: DataError; UsageError for baselines or groups where there are none
    """
    given = {name: value for name, value in (reading or {}).items() if value is not None}
    for name in given:
        if name not in READING:
            raise UnknownNameError("option of evaluate", name, READING)
    if data is None and groups is not None:
        raise UsageError("groups are named by a column of DATA; name a table")
    if data is None and given:
        raise UsageError(f"{next(iter(given))} is of DATA; without any, the run's own are read as in training")
    if data is None:
        on, count, scores, others = _again(run, baselines)
    else:
        on, count, scores, others = _anew(run, data, baselines, groups, given)
    if not math.isfinite(scores["loss"]):
        raise ModelFolderError(f"{run.folder}: the loss is {scores['loss']}; the weights are damaged, or too large")
    found = {"on": on, "count": count} | scores
    return found | {"baselines": [{"name": r.name, "metrics": r.metrics} for r in others]} if baselines else found


def _again(run: Run, baselines: bool) -> tuple[str, int, dict[str, float], list[Baseline]]:
    source = _trained_on(run)
    try:
        dataset = prepare_run(source, run.settings, run.kept())
    except UsageError as error:
        raise of_folder(run.folder, error) from error
    provenance.check_divided(run.stored.data, dataset.facts)
    dataset.trainee.network = run.network
    others = dataset.baselines() if baselines else []
    return f"{source.name}, {dataset.evaluated_on} part", dataset.scored, dataset.evaluate(), others


def _anew(
    run: Run, data: str | Path, baselines: bool, groups: str | None, given: Mapping[str, Any]
) -> tuple[str, int, dict[str, float], list[Baseline]]:
    source = resolve(data, run.task)
    check_reading(source, given)
    row, options = registry.get(run.task), {k: v for k, v in source.options.items() if k not in ("level", "languages")}
    as_these = row.read({"encoding": "utf-8", "skip_lines": ()} | options | dict(given))  # no property of a run
    settings, task = run.settings.changed(**as_these), row.task
    if not (baselines or groups):
        return source.name, *task.evaluate(run.model, source, settings), []
    if not (isinstance(task, ClassifyTask) and isinstance(run.model, Classifier)):
        raise UsageError(f"baselines and groups on other data are for labelled texts; this run's task is {run.task}")
    trained = (_trained_on(run), run.settings) if baselines else None
    return source.name, *task.compare(run.model, source, settings, trained=trained, groups=groups)


def _trained_on(run: Run) -> Source:
    return provenance.find(run.stored, run.folder)
