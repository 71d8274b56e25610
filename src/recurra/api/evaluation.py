"""Judging a trained model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from recurra.api import provenance
from recurra.api.catalogue import kind
from recurra.api.preparation import prepare_run
from recurra.tasks.sources import hashes, resolve

if TYPE_CHECKING:
    from recurra.api.run import Run


def evaluate(run: Run, data: str | Path | None) -> dict[str, Any]:
    """Scores, the number of units they are the mean of, and on what.

    data: a file, a folder or a data set's name, all of it judged; None: the run's own held-out part again.
    Errors: DataError
    """
    found = _again(run) if data is None else _anew(run, data)
    return {"on": found[0], "count": found[1]} | found[2]


def _again(run: Run) -> tuple[str, int, dict[str, float]]:
    source = provenance.from_json(run.config["source"], run.folder)
    provenance.check_same(run.config["data"]["files"], hashes(source.files))
    prepared = prepare_run(source, run.settings)
    prepared.task.network = run.network
    return f"{source.name}, {prepared.judged_on} part", prepared.scored, prepared.judge()


def _anew(run: Run, data: str | Path) -> tuple[str, int, dict[str, float]]:
    source = resolve(data, run.task)
    options = {k: v for k, v in source.options.items() if k != "level"}
    count, scores = kind(run.task).evaluate(run.model, source, run.settings.changed(**options))
    return source.name, count, scores
