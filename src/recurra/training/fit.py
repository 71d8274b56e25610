"""The training loop."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from recurra.engines.request import State
from recurra.errors import CallbackError, UsageError
from recurra.topologies.carry import detached
from recurra.topologies.sequence_model import SequenceModel
from recurra.training import checkpoint as checkpoints
from recurra.training import evaluation
from recurra.training.average import Average
from recurra.training.checkpoint import Checkpoint, Counters
from recurra.training.divergence import diverged
from recurra.training.evaluation import LIMITED_AT, EvaluationPolicy, noted, over, point_of
from recurra.training.history import Clock, Progress, Silent, Tick, asked_to_end
from recurra.training.optimizer import clip_gradient, optimizer_of
from recurra.training.processes.alone import ALONE, Processes
from recurra.training.schedule import Budget, Stopwatch, learning_rate
from recurra.training.settings import TrainingSettings
from recurra.training.signals import StopRequest
from recurra.training.trainee import Trainee
from recurra.training.watch.observer import NOBODY, Observer

SEEDS = 64
"""Steps whose seeds are made at a time."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    ended: "budget", "patience", "callback" or "signal"; best: the weights of the best evaluation, or the last ones
    if none was made before a signal; signal: its number.
    """

    ended: Literal["budget", "patience", "callback", "signal"]
    counters: Counters
    best: dict[str, Tensor]
    signal: int | None = None
    evaluates: float | None = None
    """Units a second, of the last evaluation."""


def fit(
    trainee: Trainee,
    settings: TrainingSettings,
    *,
    progress: Progress | None = None,
    save: Callable[[Checkpoint], None] | None = None,
    resume: Checkpoint | None = None,
    clock: Clock = time.monotonic,
    processes: Processes = ALONE,
    observer: Observer = NOBODY,
    writing: float | None = None,
) -> Outcome:
    """Train until the budget is spent, patience is at its end, or a signal comes.

    save: called after every evaluation, at a signal and when a callback fails, with all that is needed to go on from
    there. processes: those that train together, each of which calls this; progress and save are of the first alone.
    observer: looks on, see training.watch. writing: seconds that `save` takes about, by the number of weights if None
    Errors: DivergedError within one step of a loss or gradient that is no number; CallbackError out of `progress`;
    UsageError;
    RankError once another process has ended
    """
    if settings.epochs is None and settings.minutes is None:
        raise UsageError("give epochs, minutes or both")
    progress = processes.progress(progress or Silent())
    budget = Budget(settings.epochs, settings.minutes)
    precision: Literal["bf16-mixed", "32-true"] = "bf16-mixed" if settings.precision == "bf16" else "32-true"
    fabric = processes.fabric(settings.device, precision)
    optimizer = optimizer_of(trainee.network, settings)
    network, _ = fabric.setup(trainee.network, optimizer)
    # Fabric's module wraps `forward` alone, which a loss of a SequenceModel does not go through, its optimizer nothing
    own_loss = isinstance(trainee.network, SequenceModel)
    learning = trainee.network if own_loss else network
    backward: Callable[[Tensor], None] = Tensor.backward if own_loss else fabric.backward
    network.train()
    weights = list(trainee.network.parameters())
    counters, best = Counters(), dict[str, Tensor]()
    average = Average(trainee.network) if settings.average else None
    state: State | None = None
    if resume is not None:
        counters, state = checkpoints.go_on(resume, trainee, optimizer, fabric.device, settings, average)
        state, best = processes.own_state(state), resume.best
    watch = Stopwatch(processes.clock(clock), counters.seconds)
    if writing is None:
        writing = evaluation.writing(sum(weight.numel() for weight in weights))
    policy = EvaluationPolicy(settings, trainee.evaluation_units, watch, writing)
    units_here, noise = 0, processes.noise()

    def checkpoint() -> None:
        counters.seconds = watch.seconds()
        whole = processes.whole_state(state)
        if save is not None:
            save(checkpoints.take(counters, trainee.network, optimizer, whole, best, average))

    def keep_as_it_stands() -> None:
        nonlocal best
        best = best or checkpoints.weights_of(trainee.network)
        checkpoint()

    def average_scores(average: Average) -> dict[str, float]:
        with average.in_place():
            return trainee.evaluate(network)

    @contextmanager
    def kept_if_a_callback_fails() -> Iterator[None]:
        try:
            yield
        except CallbackError:
            keep_as_it_stands()
            raise

    def all_settled() -> None:
        processes.settle()
        if (failed := processes.failed()) is not None:
            raise failed

    # a resumed run may have been given another budget, of which less is done than was of the old one
    done = budget.share(counters.epochs(trainee.steps(counters.epoch)), counters.seconds)
    counters.evaluated_at = min(counters.evaluated_at, done)
    with (
        StopRequest() as stop,
        processes.training(trainee, trainee.network, stop),
        kept_if_a_callback_fails(),
    ):
        ended: Literal["budget", "patience", "callback"] | None = over(counters, settings)
        while ended is None:
            steps = trainee.steps(counters.epoch)
            for batch in islice(trainee.batches(counters.epoch), counters.step_in_epoch, None):
                epochs = counters.epochs(steps)
                share = budget.share(epochs, watch.seconds())
                rate = learning_rate(share, settings)
                for group in optimizer.param_groups:
                    group["lr"] = rate
                _draw_from(step_seed(settings.seed, counters.epoch, counters.step_in_epoch, *noise), fabric.device)

                if not trainee.network.training:  # to say so to each of its parts takes longer than to look
                    network.train()
                own = processes.own_part(trainee, batch)
                with fabric.autocast(), observer.reading(trainee.network, counters):
                    loss, units, state = trainee.loss(learning, own, None if state is None else detached(state))
                backward(processes.weighted(loss, units))
                value, units = processes.reduced(loss.item(), units)
                norm = clip_gradient(weights, settings)
                observer.graded(value, norm)
                if not (math.isfinite(value) and math.isfinite(norm)):
                    what = "gradient" if math.isfinite(value) else "loss"
                    raise diverged(what, counters.step + 1, rate, settings)
                optimizer.step()
                observer.stepped()
                for weight in weights:
                    weight.grad = None

                counters.add_step(value, units, norm)
                if average is not None:
                    average.add(counters.step)
                units_here += units
                seconds = watch.seconds()
                speed, left = units_here / max(watch.here(), 1e-9), budget.seconds_left(epochs, seconds)
                epoch_over = counters.step_in_epoch == steps
                tick = Tick(epochs, counters.step, share, value, speed, seconds, left, epoch_over)

                share = budget.share(counters.epochs(steps), watch.seconds())
                if not policy.limited and share >= LIMITED_AT:
                    times = 1 if average is None else 2
                    policy.limit(trainee, counters, 60 * (settings.minutes or 0), units_here, times=times)
                    budget.reserve(policy.after_the_last_step(units_here))
                enough = processes.enough(stop)
                if enough or policy.due(share, counters, epoch_over=epoch_over, units=units_here):
                    network.eval()
                    begun = watch.seconds()
                    with progress.evaluating(), fabric.autocast(), processes.evaluating():
                        metrics = processes.agreed(trainee.evaluate(network))
                        smooth = None if average is None else processes.agreed(average_scores(average))
                    all_settled()
                    policy.evaluated(begun)
                    rank, plain_loss = trainee.rank(metrics), None
                    if not all(map(math.isfinite, [metrics["loss"], *rank])):
                        raise diverged("validation loss", counters.step, rate, settings)
                    if smooth is not None and trainee.rank(smooth) < rank:
                        rank, metrics, plain_loss = trainee.rank(smooth), smooth, metrics["loss"]
                    epochs, seconds = counters.epochs(steps), watch.seconds()
                    point = point_of(counters, metrics, epoch=epochs, seconds=seconds, rate=rate, plain_loss=plain_loss)
                    better = noted(counters, point, rank, share)
                    if better:
                        with nullcontext() if average is None or plain_loss is None else average.in_place():
                            best = checkpoints.weights_of(trainee.network)
                    progress.point(point, better)
                    checkpoint()
                    policy.written()
                    budget.reserve(policy.after_the_last_step(units_here))
                    if budget.share(epochs, watch.seconds()) >= 1:  # there is no time for another one
                        counters.evaluated_at = 1.0
                progress.tick(tick)  # after the evaluation, which a run goes on without if this fails
                stop.enough = stop.enough or asked_to_end(progress)
                if (failed := processes.failed()) is not None:
                    raise failed
                if (signal := processes.stopped_by(stop)) is not None:
                    keep_as_it_stands()
                    return Outcome("signal", counters, best, signal)
                ended = over(counters, settings)
                if ended is None and (enough or processes.enough(stop)) and counters.points:
                    ended = "callback" if counters.points[-1].step == counters.step else None
                if ended is not None:
                    break
            else:
                counters.epoch, counters.step_in_epoch, state = counters.epoch + 1, 0, None
        all_settled()
    times = 1 if average is None else 2
    evaluates = None if not policy.takes else times * policy.evaluation_units / policy.takes
    return Outcome(ended, counters, best, processes.stopped_by(stop), evaluates)


def step_seed(seed: int, epoch: int, step: int, *more: int) -> int:
    """The seed of one step: all that is random in it derives from here. more: see Processes.noise"""
    block, place = divmod(step, SEEDS)
    return _seeds(seed, epoch, range(block * SEEDS, (block + 1) * SEEDS), more)[place]


@functools.lru_cache(maxsize=2)
def _seeds(seed: int, epoch: int, steps: range, more: tuple[int, ...]) -> list[int]:
    """Of steps that follow each other: for each alone, numpy's code would have to come back into the caches."""
    drawn = (np.random.SeedSequence([seed, epoch, step, *more]).generate_state(1, np.uint64)[0] for step in steps)
    return [int(each >> np.uint64(1)) for each in drawn]


def _draw_from(seed: int, device: torch.device) -> None:
    """As torch.manual_seed, which takes half a millisecond for devices that are not used."""
    if device.type == "cpu":
        torch.default_generator.manual_seed(seed)
    else:
        torch.manual_seed(seed)
