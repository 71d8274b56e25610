"""A network as large as the minutes of a new run allow, where its task knows what these are worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recurra.api.preparation import on_cuda
from recurra.tasks import registry
from recurra.tasks.abilities import Sizing
from recurra.tasks.task import Dataset
from recurra.training.deadline import FOR_TRAINING, Deadline
from recurra.training.processes.alone import Processes

MOST, SHARE = 3.0, 0.02
"""Seconds that measuring takes at most, and of those that training gets."""
LEAST = 10.0
"""Seconds of training below which nothing is measured."""


def size(dataset: Dataset[Any], given: Mapping[str, Any], deadline: Deadline, processes: Processes) -> None:
    """Let the settings that nobody has set follow the time, in all processes alike, and note it. given: those set"""
    row, settings = registry.get(dataset.source.task), dataset.settings
    seconds = FOR_TRAINING * deadline.total
    if not isinstance(row.task, Sizing) or not deadline.set or seconds < LEAST or on_cuda(settings.training.device):
        return
    fixed = {*given, *row.read(dataset.source.options, known=False), *row.defaults.by_kind.get(dataset.source.kind, {})}
    count = processes.place.count  # each measures what it would do alone
    found = processes.from_first(row.task.sized(dataset, fixed, count * seconds, min(MOST, SHARE * seconds)))
    if found is not None:
        dataset.settings = settings.changed(**found.settings)
        dataset.facts["sized"] = {"settings": found.settings, "why": found.why}
        dataset.notes.append(found.why)
