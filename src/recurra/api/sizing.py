"""A network as large as the minutes of a new run allow, where its task knows what these are worth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from recurra.api.abridging import Pace, abridged, bound_of, is_worth_it
from recurra.api.preparation import on_cuda
from recurra.data.tokens import most_words
from recurra.tasks import registry
from recurra.tasks.abilities import Sizing
from recurra.tasks.settings import AnySettings
from recurra.tasks.sized import Sized
from recurra.tasks.sources.source import Source
from recurra.tasks.task import Dataset
from recurra.training.deadline import FOR_TRAINING, Deadline
from recurra.training.processes.alone import Processes

MOST, SHARE = 3.0, 0.02
"""Seconds that measuring takes at most, and of those that training gets."""
LEAST = 10.0
"""Seconds of training below which nothing is measured."""


@contextmanager
def bounded(
    source: Source,
    settings: AnySettings,
    given: Mapping[str, Any],
    deadline: Deadline,
    processes: Processes,
    folder: Path,
) -> Iterator[Callable[[Dataset[Any]], Dataset[Any]]]:
    """While entered, no more words are read of a new run's data than its minutes hold; gives what sizes its network.

    given: settings that somebody has set; folder: that the run is to be written to
    """
    if not deadline.set or on_cuda(settings.training.device):
        yield lambda dataset: dataset
        return
    seconds, asked = FOR_TRAINING * deadline.total, given.get("max_vocabulary") is not None
    pace, bound = None, None
    if is_worth_it(source):
        pace = Pace.of(settings.training, seconds, processes, folder, asked=asked)
        bound = bound_of(source, settings, pace)

    def sized(dataset: Dataset[Any]) -> Dataset[Any]:
        cut = None
        if pace is not None:
            dataset, cut = abridged(dataset, settings, pace, bound)
        if cut is not None:
            _note(dataset, cut)
        return _sized(dataset, given, seconds, processes)

    with most_words.bounded(bound):
        yield sized


def _sized(dataset: Dataset[Any], given: Mapping[str, Any], seconds: float, processes: Processes) -> Dataset[Any]:
    """Let the settings that nobody has set follow the time, in all processes alike, and note it; returns the data."""
    row = registry.get(dataset.source.task)
    if not isinstance(row.task, Sizing) or seconds < LEAST:
        return dataset
    fixed = {*given, *row.read(dataset.source.options, known=False), *row.defaults.by_kind.get(dataset.source.kind, {})}
    count = processes.place.count  # each measures what it would do alone
    found = processes.from_first(row.task.sized(dataset, fixed, count * seconds, min(MOST, SHARE * seconds)))
    if found is not None:
        _note(dataset, found)
    return dataset


def _note(dataset: Dataset[Any], found: Sized) -> None:
    dataset.settings = dataset.settings.changed(**found.settings)
    before = dataset.facts.get("sized")
    whole, why = found.settings, found.why
    if before is not None:
        whole, why = before["settings"] | whole, f"{before['why']}\n{why}"
    dataset.facts["sized"] = {"settings": whole, "why": why}
    dataset.notes.append(found.why)
