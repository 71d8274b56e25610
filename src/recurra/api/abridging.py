"""Vocabularies that the minutes of a run do not hold, cut to their most frequent words, whatever the task."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from recurra.api.preparation import read_data
from recurra.api.writing import MEASURED_FROM, writing_speed
from recurra.report.numbers import write_seconds
from recurra.tasks import registry
from recurra.tasks.abilities import Abridging
from recurra.tasks.sized import Sized
from recurra.tasks.task import Dataset
from recurra.training.evaluation import WRITTEN, writing
from recurra.training.optimizer import clip_gradient, optimizer_of
from recurra.training.processes.alone import Processes
from recurra.training.settings import TrainingSettings

STEPS = 100
"""Of training, that a vocabulary leaves time for."""
HELD, SUITED = 0.5, 0.2
"""Of the time for training: what weights may take by their mere number, in so many steps and in writing, before a
vocabulary is cut, and what they take of one that was. A smaller one also learns more in what is left."""
PROBED, PROBES = 1 << 11, 3
"""Rows and columns of weights that are stepped to see how long it takes, and steps, the fastest of which counts."""
FEWEST = 5000
"""Words that a vocabulary is cut to at least."""
STEP = math.sqrt(2)
"""Between a size that vocabularies are cut to and the next: runs of about the same time find what is read of the same
one in the cache."""
BESIDE = 2
"""Rows of a table, at most, that stand for no word of the vocabulary, such as the end of a text."""


def abridged(
    dataset: Dataset[Any], seconds: float, processes: Processes, folder: Path, *, asked: bool
) -> tuple[Dataset[Any], Sized | None]:
    """The same with the most frequent words alone, where so many seconds of training do not hold a network of all.

    asked: somebody has said how many words there may be at most, and gets them if the whole time holds them
    """
    task = registry.get(dataset.source.task).task
    words = task.words(dataset) if isinstance(task, Abridging) else ()
    if max(words, default=0) <= FEWEST:
        return dataset, None
    with torch.device("meta"):
        network = task.network(dataset.preprocessor, dataset.settings)
        shapes = [tuple(weight.shape) for weight in network.parameters() if weight.requires_grad]
    weights = _weights(shapes, words, max(words))
    if weights < MEASURED_FROM:
        return dataset, None
    each = STEPS * stepping(dataset.settings.training) + WRITTEN * writing(1, writing_speed(folder))
    each = processes.from_first(each)
    if weights * each <= (1.0 if asked else HELD) * seconds:
        return dataset, None
    fewer = FEWEST
    while (more := _next(fewer)) < max(words) and _weights(shapes, words, more) * each <= SUITED * seconds:
        fewer = more
    of = " and ".join(f"{count:,}" for count in words)
    why = (
        f"of {of} words the {fewer:,} most frequent are known and the others <unk>, for {weights:,} weights would "
        f"take {write_seconds(weights * each)} of {write_seconds(seconds)} for training to be written and stepped "
        f"{STEPS} times: more words {'' if asked else 'with --max-vocabulary, or by themselves '}with more minutes"
    )
    deadline, dataset = dataset.deadline, read_data(dataset.source, dataset.settings.changed(max_vocabulary=fewer))
    dataset.deadline = deadline
    return dataset, Sized({"max_vocabulary": fewer}, why)


def _next(size: int) -> int:
    """STEP times as much, to two digits."""
    unit: int = 10 ** max(0, len(str(size)) - 2)
    return max(size + 1, round(size * STEP / unit) * unit)


def _weights(shapes: Sequence[tuple[int, ...]], words: Sequence[int], most: int) -> int:
    """Of a network with tensors of these shapes, if there are so many words at most. words: that there are"""

    def kept(size: int) -> int:
        for count in words:
            if count <= size <= count + BESIDE:
                return min(count, most) + size - count
        return size

    return sum(math.prod(map(kept, shape)) for shape in shapes)


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
