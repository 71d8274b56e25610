"""Vocabularies that the minutes of a run do not hold, cut to their most frequent words, whatever the task."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from recurra.api.preparation import read_data
from recurra.api.writing import MEASURED_FROM, writing_speed
from recurra.data.tokens.most_words import Bound
from recurra.report.numbers import write_seconds
from recurra.tasks import registry
from recurra.tasks.read_once import bytes_of
from recurra.tasks.settings import AnySettings
from recurra.tasks.sized import Abridging, Sized
from recurra.tasks.sources.source import Source
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
LEAST_BYTES = 1 << 18
"""Of files that have so many words that they are counted with a bound."""
BESIDE = 2
"""Rows of a table, at most, that stand for no word of the vocabulary, such as the end of a text."""


@dataclass(frozen=True)
class Pace:
    """What a run has for its weights.

    seconds: for training; each: those that a weight takes in STEPS steps and in being written; held: the share of them
    that weights may take before words are left out
    """

    seconds: float
    each: float
    held: float

    @classmethod
    def of(cls, training: TrainingSettings, seconds: float, processes: Processes, folder: Path, *, asked: bool) -> Pace:
        """Measured here and now. asked: somebody has said how many words there may be at most, and gets them if the
        whole time holds them"""
        each = STEPS * stepping(training) + WRITTEN * writing(1, writing_speed(folder))
        return cls(seconds, processes.from_first(each), 1.0 if asked else HELD)

    def holds(self, weights: int) -> bool:
        """Whether no words need to be left out."""
        return weights < MEASURED_FROM or weights * self.each <= self.held * self.seconds

    def suited(self, weights: Callable[[int], int]) -> int:
        """Words that a vocabulary is cut to. weights: of so many"""
        fewer = FEWEST
        while weights(more := _next(fewer)) * self.each <= SUITED * self.seconds:
            fewer = more
        return fewer

    def why(self, words: Sequence[int], fewer: int, weights: int) -> Sized:
        """words: that there are; weights: of all of them"""
        of = " and ".join(f"{count:,}" for count in words)
        more = "" if self.held == 1 else "with --max-vocabulary, or by themselves "
        return Sized(
            {"max_vocabulary": fewer},
            f"of {of} words the {fewer:,} most frequent are known and the others <unk>, for {weights:,} weights would "
            f"take {write_seconds(weights * self.each)} of {write_seconds(self.seconds)} for training to be written "
            f"and stepped {STEPS} times: more words {more}with more minutes",
        )


def bound_of(source: Source, settings: AnySettings, pace: Pace) -> Bound | None:
    """What bounds words where they are counted, so that nothing is read twice; None for a task without words."""
    task = registry.get(source.task).task
    if not isinstance(task, Abridging) or not is_worth_it(source):
        return None
    width = task.word_width(settings)
    held = max(pace.held * pace.seconds / pace.each, MEASURED_FROM) / width
    suited = pace.suited(lambda words: words * width)
    return Bound(max(FEWEST, suited, int(held)), suited)


def is_worth_it(source: Source) -> bool:
    """Whether a source may have so many words that some are left out."""
    return bytes_of(source) >= LEAST_BYTES


def abridged(
    dataset: Dataset[Any], settings: AnySettings, pace: Pace, bound: Bound | None = None
) -> tuple[Dataset[Any], Sized | None]:
    """The same with the most frequent words alone, where the minutes do not hold a network of all; and what to say.

    settings: that it was read with; bound: likewise
    """
    task = registry.get(dataset.source.task).task
    if bound is not None and bound.cut and isinstance(task, Abridging):
        dataset.settings = dataset.settings.changed(max_vocabulary=bound.suited)
        return dataset, pace.why(bound.cut, bound.suited, max(bound.cut) * task.word_width(dataset.settings))
    words = task.words(dataset) if isinstance(task, Abridging) else ()
    if max(words, default=0) <= FEWEST:
        return dataset, None
    with torch.device("meta"):
        network = task.network(dataset.preprocessor, dataset.settings)
        shapes = [tuple(weight.shape) for weight in network.parameters() if weight.requires_grad]
    weights = _weights(shapes, words, max(words))
    if pace.holds(weights):
        return dataset, None
    fewer = pace.suited(lambda most: _weights(shapes, words, most)) if bound is None else bound.suited
    if fewer >= max(words):
        return dataset, None
    deadline, dataset = dataset.deadline, read_data(dataset.source, settings.changed(max_vocabulary=fewer))
    dataset.deadline = deadline
    return dataset, pace.why(words, fewer, weights)


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
