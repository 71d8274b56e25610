"""Evaluating a trained model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recurra.api import provenance
from recurra.api.budget import all_baselines
from recurra.api.preparation import read_data
from recurra.api.sense import check_reading
from recurra.errors import ColumnError, ModelFolderError, UnknownNameError, UsageError
from recurra.report.record import Baseline
from recurra.tasks import registry
from recurra.tasks.abilities import Grouping, Mixing
from recurra.tasks.settings import marked
from recurra.tasks.sources.resolving import resolve
from recurra.tasks.stored import of_folder
from recurra.tasks.task import Dataset, Evaluation

if TYPE_CHECKING:
    from recurra.api.run import Run


def evaluate(
    run: Run,
    data: str | Path | None,
    *,
    baselines: bool = False,
    groups: str | None = None,
    mixture: Any = None,
    reading: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Scores, the number of units they are the mean of, and on what.

    data: a file, a folder or a data set's name, all of it evaluated; None: the run's own held-out part again.
    baselines: evaluate the baselines too, fitted again on the run's training data; groups: a column of a table
    of labelled texts that says which of them belong together; mixture: scores of one too, see `Run.mixture`; reading:
    settings of how these data are read.
    Errors: DataError; UsageError for groups where there are none
    """
    given = {name: value for name, value in (reading or {}).items() if value is not None}
    for name in given:
        if name not in registry.reading():
            raise UnknownNameError("option of evaluate", name, registry.reading())
    if data is None and groups is not None:
        raise UsageError("--groups names a column of DATA; DATA must be a table")
    if data is None and given:
        raise UsageError(f"{next(iter(given))} is an option for DATA; the run's own data are read as in training")
    on, found, others, part = _again(run, baselines) if data is None else _anew(run, data, baselines, groups, given)
    if not math.isfinite(found.scores["loss"]):
        raise ModelFolderError(
            f"{run.folder}: the loss is {found.scores['loss']}; the weights are damaged, or too large"
        )
    result: dict[str, Any] = {"on": on, "count": found.count} | found.scores
    if baselines:
        result["baselines"] = [{"name": b.name, "metrics": b.metrics} for b in others]
    if mixture is not None:
        from recurra.api.mixing import mixture_of

        fitted, task = mixture_of(run, mixture), registry.get(run.task).task
        assert isinstance(task, Mixing)
        result["mixture"] = fitted.to_json() | {"metrics": task.evaluate_mixed(run.model, part, fitted)}
    return result


def _again(run: Run, baselines: bool) -> tuple[str, Evaluation, list[Baseline], Any]:
    task, dataset = registry.get(run.task).task, trained_on(run)
    provenance.check_divided(run.stored.data, dataset.facts)
    others = all_baselines(task, dataset, dataset.held_out) if baselines else []
    found = task.evaluate(run.model, dataset.held_out, run.settings)
    return f"{dataset.source.name}, {dataset.evaluated_on} part", found, others, dataset.held_out


def _anew(
    run: Run, data: str | Path, baselines: bool, groups: str | None, given: Mapping[str, Any]
) -> tuple[str, Evaluation, list[Baseline], Any]:
    source = resolve(data, run.task)
    check_reading(source, given)
    row, own = registry.get(run.task), marked(run.settings.data, "reading")
    options = {name: value for name, value in row.read(source.options).items() if name in own}
    as_these = row.read({"encoding": "utf-8", "skip_lines": ()}, known=False)  # no properties of a run
    settings, task = run.settings.changed(**as_these | options | dict(given)), row.task
    try:
        if groups is None:
            encoded = task.encode(source, settings, run.preprocessor)
        elif isinstance(task, Grouping):
            encoded = task.encode_groups(source, settings, run.preprocessor, groups)
        else:
            raise UsageError(f"groups need labelled texts; this run's task is {run.task}")
    except ColumnError as error:
        raise _elsewhere(error, settings.data) from error
    others = all_baselines(task, trained_on(run), encoded.part) if baselines else []
    found = task.evaluate(run.model, encoded.part, settings)
    counts = {name: float(count) for name, count in encoded.counts.items() if count}
    return source.name, replace(found, scores=found.scores | counts), others, encoded.part


def _elsewhere(error: ColumnError, read: Any) -> ColumnError:
    """The same, with the option that says where else the column may be."""
    options = [name for name in registry.reading() if getattr(read, name, None) == error.column]
    if not options:
        return error
    remedy = f"the run's {options[0]} is in {error.column!r}; say where it is in these data: --{options[0]} COLUMN"
    return ColumnError(error.column, error.there, remedy=remedy, file=error.file, line=error.line)


def trained_on(run: Run) -> Dataset[Any]:
    """The run's data, encoded with what it has learned of them."""
    source = provenance.find(run.stored, run.folder)
    try:
        return read_data(source, run.settings, run.preprocessor)
    except UsageError as error:
        raise of_folder(run.folder, error) from error
