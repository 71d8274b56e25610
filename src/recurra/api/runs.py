"""Runs beside each other: what stands in their folders, without loading a model."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from recurra import model_folder
from recurra.api.verdict import headline
from recurra.data.files.checked import Amount, Count, Name, checked
from recurra.errors import DataError, ModelFolderError, UsageError
from recurra.locks import is_held
from recurra.model_folder import ModelFolder
from recurra.model_folder.manifest import MANIFEST
from recurra.report.best import best_baseline
from recurra.report.metric import Metric, find
from recurra.report.record import Baseline
from recurra.tasks import registry
from recurra.tasks.stored import Config, Metrics, Score, StoredQuantised, config_of, of_folder
from recurra.training.agreement import StoredPoint
from recurra.training.history import Point


class Results(Metrics):
    """metrics.json, whole."""

    metrics: Annotated[dict[Name, Score], Field(max_length=1000)] | None
    evaluated_on: Name
    history: Annotated[list[StoredPoint], Field(max_length=1_000_000)]
    seconds: Amount
    parameters: Count


@dataclass(frozen=True)
class Summary:
    """A run as its folder tells of it.

    folder: as it was named; status: as it was written, but "interrupted" for one that says "running" and is not; data:
    the name of what it was trained on, files: their SHA-256; metrics: empty before the run is finished; settings:
    group.name -> value; quantised: of a model in 8 bits, whose scores these are, and its own.
    Units: seconds of training
    """

    folder: Path
    task: str
    data: str
    cell: str
    status: str
    created: str
    evaluated_on: str
    metrics: dict[str, float]
    baselines: list[Baseline]
    history: list[Point]
    seconds: float
    parameters: int
    settings: dict[str, Any]
    files: tuple[str, ...]
    training_part: str | None
    quantised: StoredQuantised | None = None

    @property
    def rows(self) -> tuple[Metric, ...]:
        """What its scores are."""
        return registry.get(self.task).metrics

    @property
    def headline(self) -> str | None:
        """The metric that the run is known by."""
        return headline(self.metrics, self.rows, self.baselines)

    @property
    def standing(self) -> str:
        """The status, and of a model in 8 bits whose scores stand beside it."""
        return self.status if self.quantised is None else f"{self.status}; in 8 bits, scores of {self.quantised.of}"

    @property
    def best_baseline(self) -> tuple[str, float] | None:
        """Name and score of the best baseline by that metric."""
        name = self.headline
        return None if name is None else best_baseline(find(self.rows, name), self.baselines)

    def document(self) -> dict[str, Any]:
        """Plain values."""
        name, best = self.headline, self.best_baseline
        return {
            "folder": str(self.folder),
            "task": self.task,
            "data": self.data,
            "cell": self.cell,
            "status": self.status,
            "created": self.created,
            "evaluated_on": self.evaluated_on,
            "metric": name,
            "score": None if name is None else self.metrics[name],
            "baseline": None if best is None else best[0],
            "baseline_score": None if best is None else best[1],
            "metrics": self.metrics,
            "baselines": [{"name": b.name, "metrics": b.metrics} for b in self.baselines],
            "seconds": self.seconds,
            "parameters": self.parameters,
            "quantised": None if self.quantised is None else self.quantised.model_dump(),
        }


def summary(folder: str | Path) -> Summary:
    """What a run's folder tells of it. Errors: ModelFolderError"""
    path = Path(folder)
    return model_folder.use(path, lambda found: _summary(path, found))


def summaries(folder: str | Path) -> tuple[list[Summary], list[ModelFolderError]]:
    """The runs in a folder, the oldest first, and what is wrong with those that cannot be read.

    Errors: UsageError if there is no such folder
    """
    path = Path(folder)
    if not path.is_dir():
        raise UsageError(f"there is no folder {path}; name one that holds runs")
    found: list[Summary] = []
    broken: list[ModelFolderError] = []
    for place in _model_folders(path):
        try:
            found.append(summary(place))
        except ModelFolderError as error:
            broken.append(error)
    return sorted(found, key=lambda run: (run.created, run.folder)), broken


def compared(folders: Sequence[str | Path]) -> list[Summary]:
    """Runs to stand beside each other. Errors: UsageError for fewer than two, or the same twice; ModelFolderError"""
    if len(folders) < 2:
        raise UsageError(f"compare needs at least two runs, got {len(folders)}")
    resolved = [Path(folder).resolve() for folder in folders]
    for place, folder in zip(resolved, folders, strict=True):
        if resolved.count(place) > 1:
            raise UsageError(f"{folder} is named twice; name different runs")
    return [summary(folder) for folder in folders]


def differing(runs: Sequence[Summary]) -> dict[str, list[Any]]:
    """Settings that are not the same in all runs, with the value in each; None where a run has no such setting."""
    names = dict.fromkeys(name for run in runs for name in run.settings)
    values = {name: [run.settings.get(name) for run in runs] for name in names}
    return {name: found for name, found in values.items() if any(value != found[0] for value in found)}


def metrics_of(runs: Sequence[Summary]) -> list[Metric]:
    """The metrics of the runs, the most important ones first."""
    named = ((name, find(run.rows, name)) for run in runs for name in run.metrics if name != "loss")
    return list(dict(named).values())


def winners(metric: Metric, values: Sequence[float | None]) -> list[bool]:
    """Which of some values are the best by a metric; none, where it has no direction or no other value."""
    numbers = [value for value in values if value is not None and math.isfinite(value)]
    if metric.better is None or len(set(numbers)) < 2:
        return [False] * len(values)
    best = max(numbers) if metric.better == "higher" else min(numbers)
    return [value == best for value in values]


def doubts(runs: Sequence[Summary]) -> Iterator[str]:
    """Why the scores of some runs do not say which is better."""
    if len({run.task for run in runs}) > 1:
        yield "the runs are of different tasks"
    elif len({run.files for run in runs}) > 1:
        yield "the runs are of different data"
    elif len({run.evaluated_on for run in runs}) > 1:
        yield "the runs were evaluated on different parts"
    elif len({run.training_part for run in runs}) > 1 and len({_split_seed(run) for run in runs}) > 1:
        yield (
            "the runs may have been evaluated on different examples, for their seeds differ; --split-seed keeps the "
            "split"
        )
    unfinished = [str(run.folder) for run in runs if run.status != "finished"]
    if unfinished:
        yield f"not finished, so without scores: {', '.join(unfinished)}"


def _split_seed(run: Summary) -> Any:
    own = run.settings.get("data.split_seed")
    return run.settings.get("training.seed") if own is None else own


def _model_folders(path: Path) -> Iterator[Path]:
    if (path / MANIFEST).is_file():
        yield path
        return
    try:
        inside = sorted(path.iterdir())
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error
    yield from (place for place in inside if not place.name.startswith(".") and (place / MANIFEST).is_file())


def _summary(path: Path, found: ModelFolder) -> Summary:
    try:
        config, results = config_of(found, Config), checked(Results, found.metrics, "metrics.json")
    except DataError as error:
        raise of_folder(path, error) from error
    settings = dict(_flat(config.settings))
    status = "interrupted" if results.status == "running" and not is_held(path) else results.status
    cell = settings.get("network.cell")
    return Summary(
        folder=path,
        task=config.task,
        data=config.source.name,
        cell=cell if isinstance(cell, str) else "",
        status=status,
        created=config.created,
        evaluated_on=results.evaluated_on,
        metrics=dict(results.metrics or {}),
        baselines=results.scored_baselines(),
        history=[Point(**point.model_dump()) for point in results.history],
        seconds=results.seconds,
        parameters=results.parameters,
        settings=settings,
        files=tuple(sorted(f.sha256 for f in config.data.files)),
        training_part=config.data.training_part,
        quantised=config.quantised,
    )


def _flat(values: dict[str, Any], before: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value
