"""A network as large as the minutes of a new run allow, where its task knows what these are worth."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from recurra.api.preparation import on_cuda, read_data
from recurra.api.writing import MEASURED_FROM, writing_speed
from recurra.report.numbers import write_seconds
from recurra.tasks import registry
from recurra.tasks.abilities import Abridging, Sizing
from recurra.tasks.task import Dataset
from recurra.training.deadline import FOR_TRAINING, Deadline
from recurra.training.evaluation import WRITTEN, writing
from recurra.training.optimizer import clip_gradient, optimizer_of
from recurra.training.processes.alone import Processes
from recurra.training.settings import TrainingSettings

MOST, SHARE = 3.0, 0.02
"""Seconds that measuring takes at most, and of those that training gets."""
LEAST = 10.0
"""Seconds of training below which nothing is measured."""

STEPS = 100
"""Of training, that a vocabulary leaves time for."""
HELD, SUITED = 0.5, 0.2
"""Of the time for training: what weights may take by their mere number, in so many steps and in writing, before a
vocabulary is cut, and what they take of one that was. A smaller one also learns more in what is left."""
PROBED, PROBES = 1 << 11, 3
"""Rows and columns of weights that are stepped to see how long it takes, and steps, the fastest of which counts."""
FEWEST = 5000
"""Words that a vocabulary is cut to at least."""


def size(
    dataset: Dataset[Any], given: Mapping[str, Any], deadline: Deadline, processes: Processes, folder: Path
) -> Dataset[Any]:
    """Let the settings that nobody has set follow the time, in all processes alike, and note it; returns the data.

    given: settings that somebody has set; folder: that the run is to be written to
    """
    row, settings = registry.get(dataset.source.task), dataset.settings
    seconds = FOR_TRAINING * deadline.total
    if not deadline.set or on_cuda(settings.training.device):
        return dataset
    dataset = _abridged(dataset, seconds, processes, folder, asked="max_vocabulary" in given)
    if not isinstance(row.task, Sizing) or seconds < LEAST:
        return dataset
    fixed = {*given, *row.read(dataset.source.options, known=False), *row.defaults.by_kind.get(dataset.source.kind, {})}
    count = processes.place.count  # each measures what it would do alone
    found = processes.from_first(row.task.sized(dataset, fixed, count * seconds, min(MOST, SHARE * seconds)))
    if found is not None:
        _note(dataset, found.settings, found.why)
    return dataset


def _note(dataset: Dataset[Any], chosen: dict[str, Any], why: str) -> None:
    dataset.settings = dataset.settings.changed(**chosen)
    before = dataset.facts.get("sized")
    whole = chosen if before is None else before["settings"] | chosen
    dataset.facts["sized"] = {"settings": whole, "why": why if before is None else f"{before['why']}\n{why}"}
    dataset.notes.append(why)


def _abridged(
    dataset: Dataset[Any], seconds: float, processes: Processes, folder: Path, *, asked: bool
) -> Dataset[Any]:
    """The same with the most frequent words alone, where so many seconds of training do not hold a network of all.

    asked: somebody has said how many words there may be at most, and gets them if the whole time holds them
    """
    task = registry.get(dataset.source.task).task
    if not isinstance(task, Abridging) or (words := task.words(dataset)) is None or words <= FEWEST:
        return dataset
    with torch.device("meta"):
        shapes = [weight.shape for weight in task.network(dataset.preprocessor, dataset.settings).parameters()]
    weights = sum(shape.numel() for shape in shapes)
    of_words = sum(shape.numel() for shape in shapes if words in shape)
    if weights < MEASURED_FROM:
        return dataset
    each = STEPS * stepping(dataset.settings.training) + WRITTEN * writing(1, writing_speed(folder))
    each = processes.from_first(each)
    if weights * each <= (1.0 if asked else HELD) * seconds:
        return dataset
    suited = (SUITED * seconds / each - (weights - of_words)) * words / of_words
    fewer = min(words, max(FEWEST, _round(suited)))
    if fewer == words:
        return dataset
    why = (
        f"of {words:,} words the {fewer:,} most frequent are known and the others <unk>, for {weights:,} weights would "
        f"take {write_seconds(weights * each)} of {write_seconds(seconds)} for training to be written and stepped "
        f"{STEPS} times: more words {'' if asked else 'with --max-vocabulary, or by themselves '}with more minutes"
    )
    deadline, dataset = dataset.deadline, read_data(dataset.source, dataset.settings.changed(max_vocabulary=fewer))
    dataset.deadline = deadline
    _note(dataset, {"max_vocabulary": fewer}, why)
    return dataset


def _round(number: float) -> int:
    """Down to two digits."""
    digits = len(str(max(0, int(number)))) - 2
    return int(number) // 10**digits * 10**digits if digits > 0 else max(0, int(number))


def stepping(training: TrainingSettings, *, clock: Any = time.perf_counter) -> float:
    """Seconds that a weight takes in each step beside what is computed with it, here and now: clipped and moved."""
    with torch.random.fork_rng([]):
        layer = nn.Linear(PROBED, PROBED, bias=False)
    optimizer, weights, took = optimizer_of(layer, training), list(layer.parameters()), list[float]()
    for _ in range(PROBES):
        begun = clock()
        layer.weight.grad = torch.ones_like(layer.weight)
        clip_gradient(weights, training)
        optimizer.step()
        took.append(clock() - begun)
    return min(took) / layer.weight.numel()
