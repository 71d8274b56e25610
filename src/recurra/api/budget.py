"""What a run does within the minutes that its command was given."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from recurra.api.setup import Setup
from recurra.report.record import Baseline
from recurra.tasks.abilities import Cutting
from recurra.tasks.task import Dataset
from recurra.training.checkpoint import Counters
from recurra.training.deadline import FOR_SCORES, FOR_TRAINING, REPORT, Deadline
from recurra.training.fit import Outcome
from recurra.training.settings import TrainingSettings

FAST_MINUTES = 100 / 60
"""Of which baselines that are asked to be fast take their share: ten seconds."""


def fitted_baselines(setup: Setup, deadline: Deadline) -> tuple[list[Baseline], list[str]]:
    """Those asked for: by the deadline, if there is one or they are to be fast; and what to say of them."""
    dataset = setup.dataset
    asked = dataset.settings.training.baselines
    if asked == "none":
        return [], []
    fast = Deadline(FAST_MINUTES) if asked == "fast" and not deadline.set else deadline
    dataset.deadline = Deadline(None) if asked == "full" else fast
    before, dataset.notes = dataset.notes, []
    try:
        return setup.task.baselines(dataset, dataset.held_out), dataset.notes
    finally:
        dataset.deadline, dataset.notes = deadline, before


def settings_of_training(setup: Setup, deadline: Deadline, *, resumed: bool) -> tuple[TrainingSettings, list[str]]:
    """Those of the run with the minutes that are left for training, and what to say if these are few.

    The minutes of a resumed run are of training, as those before it was stopped.
    """
    training: TrainingSettings = setup.settings.training
    if not deadline.set or resumed:
        return training, []
    seconds, spent, notes = deadline.for_training(), deadline.total - deadline.left(), []
    if seconds < FOR_TRAINING * deadline.total:
        enough = (spent + REPORT) / (1 - FOR_TRAINING - FOR_SCORES) / 60
        notes.append(
            f"{spent:.0f} of the {deadline.total:.0f} s that --minutes {training.minutes:g} allows were gone before "
            f"training, which gets {seconds:.0f} s; of {enough:.2g} minutes it would get {FOR_TRAINING:.0%}"
        )
    return training.model_copy(update={"minutes": seconds / 60}), notes


def about_validation(dataset: Dataset[Any], counters: Counters) -> list[str]:
    """What is said if evaluations during training looked at a part alone."""
    whole, unit = len(dataset.parts["validation"]), dataset.facts["unit"]
    if counters.evaluation_units is None or counters.evaluation_units >= whole:
        return []
    return [
        f"evaluations during training are on {counters.evaluation_units:,} of the validation part's {whole:,} {unit}, "
        "always the same, which take a tenth of the time between two of them"
    ]


def affordable_part(setup: Setup, deadline: Deadline, outcome: Outcome, folder: Path) -> tuple[Any, list[str]]:
    """The held-out part, or as much of it as can be evaluated in time, and what to say then."""
    dataset, task = setup.dataset, setup.task
    part = dataset.held_out
    if not deadline.set or outcome.evaluates is None or not isinstance(task, Cutting):
        return part, []
    count = max(int(outcome.evaluates * deadline.for_scores()), outcome.counters.evaluation_units or 1)
    if count >= len(part):
        return part, []
    cut = task.some(part, count)
    return cut, [
        f"the scores are of {len(cut):,} of the {dataset.evaluated_on} part's {len(part):,} {dataset.facts['unit']}, "
        f"for the minutes allow no more; all of it: recurra evaluate {shlex.quote(str(folder))}"
    ]
