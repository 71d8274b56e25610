"""The metric against the size of the training part: what more data would be worth."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from recurra.api.progress import ProgressLogger
from recurra.api.setup import Setup
from recurra.data.splits import many
from recurra.errors import StoppedError, UsageError
from recurra.report.metric import Metric
from recurra.report.sections import Curves, Line
from recurra.tasks.abilities import Learning
from recurra.tasks.task import Dataset
from recurra.training.fit import fit

SHARES = (1 / 8, 1 / 4, 1 / 2)
"""Of the training part, that a network is trained on each before the one on all of it."""


def check_learning_curve(setup: Setup, *, minutes: float | None, networks: int, processes: int) -> None:
    """Errors: UsageError where there can be none"""
    if minutes is not None:
        raise UsageError(
            f"learning_curve trains {many(len(SHARES) + 1, 'network')}, each for its epochs, which minutes do not "
            "hold; give epochs"
        )
    if networks > 1 or processes > 1:
        raise UsageError("learning_curve is drawn of one network in one process; leave it out")
    if not isinstance(setup.task, Learning):
        raise UsageError(
            "learning_curve needs a task whose network can learn from fewer examples alone; "
            f"{setup.dataset.source.task} is none"
        )


def trained_on_less(setup: Setup, progress: ProgressLogger) -> list[tuple[int, float]]:
    """Examples that a network was trained on, and what the headline metric of the held-out part is then.

    Each begins with the weights of the run's network, and is trained and concluded as that will be, with the
    vocabulary, the scales and the word vectors of all data.
    Errors: StoppedError after a signal; DivergedError
    """
    dataset, task = setup.dataset, setup.task
    assert isinstance(task, Learning)
    training, whole, found = dataset.settings.training, task.examples(dataset), []
    for share in SHARES:
        count = max(1, round(share * whole))
        with progress.doing(f"training on {count:,} of {whole:,} for the learning curve"):
            less = task.learning_from(dataset, count)
            with torch.random.fork_rng(devices=[]):
                network = _begun(task.network(less.preprocessor, less.settings), setup.network)
                small = Setup(task, less, task.trainee(network, less))
                outcome = fit(small.trainee, training)
            if outcome.signal is not None:
                name = signal.Signals(outcome.signal).name
                raise StoppedError(
                    f"stopped by {name} while drawing the learning curve; nothing is written", outcome.signal
                )
            small.network.load_state_dict(outcome.best)
            small.conclude()
            scores = task.evaluate(small.model(), dataset.held_out, dataset.settings).scores
        metric = _metric(dataset, scores)
        found.append((count, scores[metric.name]))
        progress.log(f"learning curve: {metric.short} {scores[metric.name]:.4f} of {count:,} examples")
    return found


def _begun(network: nn.Module, other: nn.Module) -> nn.Module:
    """With the weights of another one, all but the linear skip, which is as large as the data have n-grams."""
    weights = dict(other.named_parameters())
    for name, own in network.named_parameters():
        if own.shape == weights[name].shape:
            own.data.copy_(weights[name].data)
            own.requires_grad_(weights[name].requires_grad)
    return network


def _metric(dataset: Dataset[Any], scores: Mapping[str, float]) -> Metric:
    """What the curve is of: the first that these data have."""
    return next(metric for metric in dataset.metrics if metric.name in scores)


def curve_section(setup: Setup, scores: dict[str, float]) -> list[Curves]:
    """The curve with the run itself at its end; none if nobody asked for it."""
    if not setup.curve:
        return []
    dataset = setup.dataset
    assert isinstance(setup.task, Learning)
    metric = _metric(dataset, scores)
    points = [*setup.curve, (setup.task.examples(dataset), scores[metric.name])]
    line = Line(dataset.evaluated_on, [float(count) for count, _ in points], [score for _, score in points])
    note = (
        "Each point is a network of its own, trained with the same settings and seed on a part of the training "
        "examples alone; the last one is this run. Where it still goes on at its end, more data would help."
    )
    return [Curves("Learning curve", [line], "training examples", metric.heading, note=note)]
