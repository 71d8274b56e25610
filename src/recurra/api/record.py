"""A run as its report shows it."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from recurra.api import vectors
from recurra.cells.catalogue import get
from recurra.equations.render import equations
from recurra.report import record as report
from recurra.report.record import Baseline
from recurra.tasks import registry
from recurra.tasks.task import Dataset
from recurra.training.checkpoint import Counters


def build_record(
    dataset: Dataset,
    scores: dict[str, float],
    baselines: Sequence[Baseline],
    counters: Counters,
    *,
    command: str,
    created: str,
    engine: str,
    looked_before: bool = False,
    versions: dict[str, str],
) -> report.RunRecord:
    """Everything that the report says. looked_before: the test part was, when the run had finished before"""
    cell, details = get(dataset.settings.network.cell), dataset.details()
    network = dataset.trainee.network
    points = counters.points
    parameters = sum(p.numel() for p in network.parameters())
    return report.RunRecord(
        title=f"{dataset.source.name} · {cell.name}",
        task=dataset.source.task,
        model=registry.get(dataset.source.task).title,
        command=command,
        created=created,
        cell=cell.title,
        metrics={k: v for k, v in scores.items() if k != "loss"},
        evaluated_on=dataset.evaluated_on,
        parameters=parameters,
        size_bytes=sum(p.numel() * p.element_size() for p in network.parameters()),
        seconds=counters.seconds,
        engine=engine,
        device=str(next(network.parameters()).device),
        threads=torch.get_num_threads(),
        history=points,
        best=None if counters.best_point is None else points[counters.best_point],
        baselines=[report.Baseline(r.name, r.metrics, r.size_bytes, r.seconds) for r in baselines],
        equations=equations(cell.program()),
        equations_latex=equations(cell.program(), latex=True),
        equations_source=cell.source,
        settings=dataset.settings.to_json(),
        data=report.DataDescription(
            files=[report.DataFile(**f) for f in dataset.facts["files"]],
            **{k: v for k, v in dataset.facts.items() if k in _DESCRIBED},
        ),
        notes=dataset.notes + _caveats(dataset, looked_before=looked_before),
        versions=versions,
        **details | {"tables": [*details.get("tables", ()), *vectors.table(dataset.vectors)]},
    )


_DESCRIBED = ("name", "counts", "unit", "repeats_dropped", "skipped", "vocabulary_size", "vocabulary_level",
              "unknown_rate")  # fmt: skip


def _caveats(dataset: Dataset, *, looked_before: bool) -> list[str]:
    if dataset.evaluated_on == "validation":
        return ["There is no test part: the figures are of the validation part, which also chose the best weights."]
    if looked_before:
        return [
            "The validation part chose the best weights; the test part was looked at before, when the run finished."
        ]
    return ["The validation part chose the best weights; the test part was looked at once, at the end."]
