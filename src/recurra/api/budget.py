"""What a run does within the minutes that its command was given."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from recurra.api.setup import Setup
from recurra.baselines.sample import as_many_as
from recurra.report.numbers import write_seconds
from recurra.report.record import Baseline
from recurra.tasks.abilities import Clocked, Cutting, Probing
from recurra.tasks.task import Dataset, Evaluation, Task
from recurra.training.checkpoint import Counters
from recurra.training.deadline import FOR_INSIDE, FOR_SCORES, FOR_TRAINING, INSIDE, LEAST, Deadline
from recurra.training.fit import Outcome
from recurra.training.settings import TrainingSettings

FAST_SECONDS = 10.0
"""That baselines take which are asked to be fast, where no minutes are given."""
TRAINED = 0.5
"""Share of them for baselines that are networks themselves."""
PASSES = 3
"""Times that a part is gone through: for its scores, and for what the report shows beside them."""
FIRST, FEWEST = 0.05, 50
"""Share of the time for scores with which it is tried how long a part takes, going by the evaluations during training,
and rows that it is tried with at least."""
MARGIN, WORTH = 0.9, 1.2
"""Of the rows that the time is enough for, so many are evaluated, if they are so many times those that are already."""


def all_baselines(task: Task, dataset: Dataset[Any], part: Any) -> list[Baseline]:
    """Those of a task, however long they take."""
    trained = task.trained_baselines(dataset, part, None) if isinstance(task, Clocked) else []
    return task.baselines(dataset, part) + trained


def fitted_baselines(setup: Setup, deadline: Deadline) -> tuple[list[Baseline], list[str]]:
    """Those asked for: by the deadline, if there is one or they are to be fast; and what to say of them."""
    dataset, asked = setup.dataset, setup.dataset.settings.training.baselines
    if asked == "none":
        return [], []
    before, dataset.notes = dataset.notes, []
    try:
        if asked == "full" or (asked is None and not deadline.set):
            dataset.deadline = Deadline(None)
            return all_baselines(setup.task, dataset, dataset.held_out), dataset.notes
        seconds = deadline.for_baselines() if deadline.set else FAST_SECONDS
        dataset.deadline = Deadline(seconds / 60, clock=deadline.clock)
        return _baselines_within(setup.task, dataset, dataset.held_out), dataset.notes
    finally:
        dataset.deadline, dataset.notes = deadline, before


def _baselines_within(task: Task, dataset: Dataset[Any], part: Any) -> list[Baseline]:
    """Fitted on as many examples as the deadline of the dataset allows, and scored on no more rows of the part."""
    deadline, trained = dataset.deadline, list[Baseline]()
    if isinstance(task, Clocked):
        trained = task.trained_baselines(dataset, part, TRAINED * deadline.left())
    if not isinstance(task, Cutting):
        dataset.notes.append(
            f"the baselines of the task {task.name} were fitted on all of the training part, for it says of none how "
            "they are fitted on less"
        )
        return task.baselines(dataset, part) + trained
    whole = task.examples(dataset)

    def fitted(count: int) -> tuple[list[Baseline], int, int]:
        if count >= whole:
            return task.baselines(dataset, part), whole, len(part)
        less, some = task.smaller(dataset, count), task.some(part, count)
        return task.baselines(less, some), task.examples(less), len(some)

    first = task.first_of(dataset) if isinstance(task, Probing) else task.first
    (found, count, scored), _ = as_many_as(fitted, whole, deadline.left(), first=first, clock=deadline.clock)
    if count < whole:
        learned = f"{count:,} of {whole:,} {task.rows}"
        found = [replace(each, name=f"{each.name}, {learned}") for each in found]
        dataset.notes.append(
            f"the baselines were fitted on {learned} of the training part"
            + (f" and scored on {scored:,} of {len(part):,}" if scored < len(part) else "")
            + ", for the minutes allow no more; --baselines full fits all"
        )
    return found + trained


def settings_of_training(setup: Setup, deadline: Deadline, *, resumed: bool) -> tuple[TrainingSettings, list[str]]:
    """Those of the run with the minutes that are left for training, and what to say if these are few.

    The minutes of a resumed run are of training, as those before it was stopped.
    """
    training: TrainingSettings = setup.settings.training
    if not deadline.set or resumed:
        return training, []
    seconds, spent, notes = deadline.for_training(), deadline.total - deadline.left(), []
    if seconds < FOR_TRAINING * deadline.total or seconds == LEAST:
        notes.append(
            f"{write_seconds(spent)} of the {write_seconds(deadline.total)} that --minutes {training.minutes:g} allows "
            f"were gone before training, which gets {write_seconds(seconds)}; with {_enough(deadline, spent):.2g} "
            f"minutes it would get {FOR_TRAINING:.0%}"
        )
    return training.model_copy(update={"minutes": seconds / 60}), notes


def _enough(deadline: Deadline, spent: float) -> float:
    """Minutes of which training gets its share, if so many seconds are gone before it."""
    rest = 1 - FOR_TRAINING - deadline.share_after
    needed = spent + deadline.report()
    return min(needed / (rest - FOR_INSIDE), (needed + INSIDE) / rest) / 60


def about_reading(deadline: Deadline, left: float) -> str | None:
    """What is said of a reading that takes so many seconds more, if training does not get its share after it."""
    spent = deadline.total - deadline.left() + left
    if not deadline.set or deadline.total - spent - deadline.after() >= FOR_TRAINING * deadline.total:
        return None
    return (
        f"reading ends about {write_seconds(spent)} after the start, of {write_seconds(deadline.total)} given: "
        f"with {_enough(deadline, spent):.2g} minutes training would get {FOR_TRAINING:.0%}"
    )


def about_validation(setup: Setup, counters: Counters) -> list[str]:
    """What is said if evaluations during training looked at a part alone, which what comes after then does too."""
    units, whole = setup.trainee.evaluation_units, len(setup.dataset.parts["validation"])
    if counters.evaluation_units is None or counters.evaluation_units >= units:
        return []
    setup.dataset.looked_at = math.ceil(whole * counters.evaluation_units / units)
    return [
        f"evaluations during training are on {counters.evaluation_units:,} of the validation part's {units:,} "
        f"{setup.trainee.unit}, always the same, which take a tenth of the time between two of them"
    ]


def rows_within(setup: Setup, outcome: Outcome, seconds: float) -> int:
    """Rows that can be evaluated in so many seconds, going by the evaluations during training; some at least."""
    units = (outcome.evaluates or 0.0) * seconds
    return max(FEWEST, int(units * len(setup.dataset.parts["validation"]) / max(setup.trainee.evaluation_units, 1)))


def compared_on(setup: Setup, deadline: Deadline, outcome: Outcome, networks: int) -> Any:
    """As much of the held-out part as some networks can be evaluated on, each and all together. outcome: of one"""
    part, task = setup.dataset.held_out, setup.task
    if not deadline.set or not isinstance(task, Cutting):
        return part
    return task.some(part, rows_within(setup, outcome, FOR_SCORES * deadline.total / (2 * networks)))


def evaluation_within(
    setup: Setup, deadline: Deadline, outcome: Outcome, folder: Path
) -> tuple[Any, Evaluation, list[str]]:
    """The held-out part, or as much of it as can be evaluated in time; its evaluation; what to say if it is not all."""
    dataset, task, model = setup.dataset, setup.task, setup.model()
    part = dataset.held_out
    if not deadline.set or not isinstance(task, Cutting):
        return part, task.evaluate(model, part, dataset.settings), []
    seconds, beyond = deadline.for_scores() / PASSES, deadline.beyond() / PASSES

    def evaluated(count: int) -> tuple[Any, Evaluation]:
        cut = task.some(part, count)
        return cut, task.evaluate(model, cut, dataset.settings)

    first = min(len(part), rows_within(setup, outcome, FIRST * seconds))
    (cut, evaluation), count = _as_many_as(evaluated, len(part), seconds, beyond, first=first, clock=deadline.clock)
    if count >= len(part):
        return part, evaluation, []
    return (
        cut,
        evaluation,
        [
            f"the scores are of {len(cut):,} of the {dataset.evaluated_on} part's {len(part):,} "
            f"{dataset.facts['unit']}, for the minutes allow no more; all of it: "
            f"recurra evaluate {shlex.quote(str(folder))}"
        ],
    )


def _as_many_as(
    evaluated: Callable[[int], tuple[Any, Evaluation]],
    whole: int,
    seconds: float,
    beyond: float,
    *,
    first: int,
    clock: Callable[[], float],
) -> tuple[tuple[Any, Evaluation], int]:
    """What is evaluated in so many seconds, and of how many rows: each takes what one of those before it took.

    beyond: seconds too many that all of them may take
    """
    begun, count = clock(), first
    while True:
        start = clock()
        found = evaluated(count)
        if count >= whole:
            return found, count
        now = clock()
        each, left = max(now - start, 1e-6) / max(count, len(found[0])), seconds - (now - begun)
        if whole * each <= left + beyond:
            count = whole
        elif (more := min(whole, int(MARGIN * left / each))) < WORTH * count:
            return found, count
        else:
            count = more
