"""The metric against the size of the training part: what more data would be worth."""

from __future__ import annotations

import signal

import torch

from recurra.api.progress import ProgressLogger
from recurra.api.setup import Setup
from recurra.data.splits import many
from recurra.errors import StoppedError, UsageError
from recurra.report.sections import Curves, Line
from recurra.tasks.abilities import Cutting
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
    if not isinstance(setup.task, Cutting):
        raise UsageError(f"learning_curve needs a task whose data can be cut; {setup.dataset.source.task} is none")


def trained_on_less(setup: Setup, progress: ProgressLogger) -> list[tuple[int, float]]:
    """Examples that a network was trained on, and what the headline metric of the held-out part is then.

    Each is trained from the same seed, with the settings of the run, the vocabulary and the scales of all data.
    Errors: StoppedError after a signal; DivergedError
    """
    dataset, task = setup.dataset, setup.task
    assert isinstance(task, Cutting)
    training, whole, found = dataset.settings.training, task.examples(dataset), []
    for share in SHARES:
        count = max(1, round(share * whole))
        with progress.doing(f"training on {count:,} of {whole:,} for the learning curve"):
            less = task.smaller(dataset, count)
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(training.seed)
                network = task.network(dataset.preprocessor, dataset.settings)
                outcome = fit(task.trainee(network, less), training)
            if outcome.signal is not None:
                name = signal.Signals(outcome.signal).name
                raise StoppedError(
                    f"stopped by {name} while drawing the learning curve; nothing is written", outcome.signal
                )
            network.load_state_dict(outcome.best)
            network.eval()
            model = task.model(network, dataset.preprocessor, dataset.settings)
            scores = task.evaluate(model, dataset.held_out, dataset.settings).scores
        name = next(metric.name for metric in dataset.metrics if metric.name in scores)
        found.append((count, scores[name]))
        progress.log(f"learning curve: {dataset.metrics[0].short} {scores[name]:.4f} of {count:,} examples")
    return found


def curve_section(setup: Setup, scores: dict[str, float]) -> list[Curves]:
    """The curve with the run itself at its end; none if nobody asked for it."""
    if not setup.curve:
        return []
    dataset = setup.dataset
    assert isinstance(setup.task, Cutting)
    metric = next(metric for metric in dataset.metrics if metric.name in scores)
    points = [*setup.curve, (setup.task.examples(dataset), scores[metric.name])]
    line = Line(dataset.evaluated_on, [float(count) for count, _ in points], [score for _, score in points])
    note = (
        "Each point is a network of its own, trained with the same settings and seed on a part of the training "
        "examples alone; the last one is this run. Where it still goes on at its end, more data would help."
    )
    return [Curves("Learning curve", [line], "training examples", metric.heading, note=note)]
