"""A run as its report shows it."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from recurra.api import vectors
from recurra.api.learning_curve import curve_section
from recurra.api.preparation import usual_epochs
from recurra.api.setup import Setup
from recurra.cells.catalogue import get
from recurra.equations.render import equations
from recurra.errors import listed
from recurra.report import record as report
from recurra.report.numbers import write_count, write_setting, write_share
from recurra.report.record import Baseline
from recurra.report.sections import Section
from recurra.tasks import registry
from recurra.tasks.model import Model
from recurra.tasks.task import Dataset, Evaluation, Task
from recurra.tasks.text.losses import UNITS
from recurra.training.checkpoint import Counters
from recurra.training.deadline import INSIDE
from recurra.training.evaluation import EARLY
from recurra.training.settings import TrainingSettings
from recurra.training.watch.record import Watched

VERSIONS = {"recurra": importlib.metadata.version("recurra"), "torch": str(torch.__version__)}
"""That a run is trained with."""


def build_report(record: report.RunRecord) -> str:
    """The page. What draws it takes long to import, which no training waits for."""
    from recurra.report.build import build_report as build

    return build(record)


def inside(
    task: Task, dataset: Dataset[Any], model: Model, watched: Watched | None, seconds: float
) -> tuple[list[Section], list[str]]:
    """As inspection.report_sections has it, imported when it is asked for too."""
    from recurra.inspection.report_sections import inside as sections

    return sections(task, dataset, model, watched, seconds)


def build_record(
    setup: Setup,
    part: Any,
    evaluation: Evaluation,
    baselines: Sequence[Baseline],
    counters: Counters,
    *,
    command: str,
    created: str,
    engine: str,
    ended: str,
    looked_before: bool = False,
    watched: Watched | None = None,
) -> report.RunRecord:
    """Everything that the report says.

    part: what the evaluation is of; ended: how the training did, see training.fit.Outcome; looked_before: the test part
    was looked at already, when the run had finished before
    """
    dataset, network = setup.dataset, setup.network
    cell, scores = get(dataset.settings.network.cell), evaluation.scores
    points = counters.points
    parameters = sum(p.numel() for p in network.parameters())
    spoken_of = dataset.evaluated_in_part(part)
    shown, notes = _inside(setup, dataset, watched)
    return report.RunRecord(
        title=f"{dataset.source.name} · {cell.name}",
        task=dataset.source.task,
        model=registry.get(dataset.source.task).title,
        command=command,
        created=created,
        cell=cell.title,
        metrics={k: v for k, v in scores.items() if k != "loss"},
        metric_rows=list(dataset.metrics),
        evaluated_on=dataset.evaluated_on,
        parameters=parameters,
        size_bytes=sum(p.numel() * p.element_size() for p in network.parameters()),
        seconds=counters.seconds,
        engine=engine,
        device=str(next(network.parameters()).device),
        threads=torch.get_num_threads(),
        history=points,
        best=None if counters.best_point is None else points[counters.best_point],
        chosen_by=list(setup.trainee.chosen_by),
        ended=how_it_ended(ended, dataset.settings.training),
        baselines=[report.Baseline(r.name, r.metrics, r.size_bytes, r.seconds) for r in baselines],
        equations=equations(cell.program()),
        equations_latex=equations(cell.program(), latex=True),
        equations_source=cell.source,
        sections=[
            *setup.task.sections(spoken_of, setup.model(), evaluation),
            *setup.more,
            *curve_section(setup, scores),
            *shown,
            *vectors.table(setup.vectors),
        ],
        settings=dataset.settings.to_json(),
        defaults=usual_settings(setup),
        data=report.DataDescription(
            files=[report.DataFile(**f) for f in dataset.facts["files"]],
            name=dataset.facts["name"],
            counts=dataset.facts["counts"],
            unit=dataset.facts["unit"],
            facts=dict(_facts(dataset)),
        ),
        notes=dataset.notes + notes + _caveats(dataset, looked_before=looked_before),
        versions=VERSIONS,
    )


def _inside(setup: Setup, dataset: Dataset[Any], watched: Watched | None) -> tuple[list[Section], list[str]]:
    """What is shown of the model's inside, and what was left out for the minutes."""
    deadline = dataset.deadline
    seconds = min(INSIDE, max(0.0, deadline.spare())) if deadline.set else INSIDE
    found, left_out = inside(setup.task, dataset, setup.model(), watched, seconds)
    if not left_out:
        return found, []
    return found, [f"the report does without {listed(left_out)}, for which there was no time; see recurra inspect"]


def how_it_ended(ended: str, settings: TrainingSettings) -> str:
    """A sentence."""
    if ended == "patience" and settings.patience is None:
        return f"The training ended early: {EARLY} evaluations in a row were no better, and the validation loss rose."
    if ended == "callback":
        return "A callback ended the training."
    if ended == "patience":
        return f"The training ended early: {settings.patience} evaluations in a row were no better."
    if settings.minutes is not None:
        return f"The training ended when its {write_setting(settings.minutes)} minutes were over."
    return f"All {write_setting(settings.epochs)} epochs were trained."


def usual_settings(setup: Setup) -> dict[str, dict[str, Any]]:
    """What the settings are for such data if nobody sets any."""
    dataset = setup.dataset
    defaults = registry.get(dataset.source.task).defaults
    sized = dataset.facts.get("sized", {"settings": {}})["settings"]
    found = defaults.at(dataset.facts.get("vocabulary_level")).changed(**sized).to_json()
    found["training"]["epochs"] = usual_epochs(setup)
    return found


def _facts(dataset: Dataset[Any]) -> Iterator[tuple[str, str]]:
    """What else was read, as far as the task says it."""
    facts = dataset.facts
    level = facts.get("vocabulary_level")
    for name, label, write in (
        ("vocabulary_size", f"vocabulary, {UNITS.get(str(level), 'token')}s", write_count),
        ("unknown_rate", f"unknown in {dataset.evaluated_on}", write_share),
        ("repeats_dropped", "repeats dropped", write_count),
        ("skipped", "rows skipped", write_count),
    ):
        if facts.get(name) is not None:
            yield label, write(facts[name])


def _caveats(dataset: Dataset[Any], *, looked_before: bool) -> list[str]:
    if dataset.evaluated_on == "validation":
        return ["There is no test part: the figures are of the validation part, which also chose the best weights."]
    if looked_before:
        return [
            "The validation part chose the best weights; the test part was looked at before, when the run finished."
        ]
    return ["The validation part chose the best weights; the test part was looked at once, at the end."]
