"""The training loop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from recurra.engines.request import State
from recurra.errors import DivergedError, ModelFolderError, UsageError
from recurra.topologies.carry import detached
from recurra.training import checkpoint as checkpoints
from recurra.training.checkpoint import Checkpoint, Counters
from recurra.training.history import Clock, Point, Progress, Silent, Tick
from recurra.training.schedule import Budget, learning_rate
from recurra.training.settings import TrainingSettings
from recurra.training.signals import StopRequest

EVALUATIONS = 10
"""A run is evaluated after every epoch, but not more than twice as often as this and not less often."""
WORTH = 5
"""By the clock, an evaluation comes only after so many times as much training as it takes itself."""


class Trainee(Protocol):
    """What a task hands to the loop."""

    network: nn.Module
    judged: int
    """Units (tokens, examples) that an evaluation looks at."""

    def steps(self, epoch: int) -> int:
        """Batches of an epoch."""

    def batches(self, epoch: int) -> Iterator[Any]:
        """The batches of an epoch: the same for the same epoch and seed."""

    def loss(self, network: nn.Module, batch: Any, state: State | None) -> tuple[Tensor, int, State | None]:
        """Mean loss of a batch in nats, how many units (tokens, examples) it is the mean of, state to carry on."""

    def evaluate(self, network: nn.Module) -> dict[str, float]:
        """Metrics on the validation part, "loss" in nats among them."""

    def rank(self, metrics: dict[str, float]) -> list[float]:
        """What is compared to find the best evaluation; lower is better."""


@runtime_checkable
class Carrying(Protocol):
    """A trainee whose batches hand a state on."""

    def carried(self) -> list[tuple[int, ...]]:
        """The shapes of that state's tensors."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    ended: "budget", "patience" or "signal"; best: the weights of the best evaluation, or the last ones if none was made
    before a signal; signal: its number.
    """

    ended: Literal["budget", "patience", "signal"]
    counters: Counters
    best: dict[str, Tensor]
    signal: int | None = None


def fit(
    trainee: Trainee,
    settings: TrainingSettings,
    *,
    progress: Progress | None = None,
    save: Callable[[Checkpoint], None] | None = None,
    resume: Checkpoint | None = None,
    clock: Clock = time.monotonic,
) -> Outcome:
    """Train until the budget is spent, patience is at its end, or a signal comes.

    save: called after every evaluation and at a signal with all that is needed to go on from there.
    Errors: DivergedError within one step of a loss or gradient that is no number; UsageError
    """
    return _Run(trainee, settings, progress or Silent(), save, clock).run(resume)


class _Run:
    def __init__(
        self, trainee: Trainee, settings: TrainingSettings, progress: Progress,
        save: Callable[[Checkpoint], None] | None, clock: Clock,
    ) -> None:  # fmt: skip
        if settings.epochs is None and settings.minutes is None:
            raise UsageError("how long? give epochs, minutes or both")
        self.trainee, self.settings, self.progress, self.save, self.clock = trainee, settings, progress, save, clock
        self.budget = Budget(settings.epochs, settings.minutes)
        self.fabric = Fabric(
            accelerator=settings.device,
            devices=1,
            precision="bf16-mixed" if settings.precision == "bf16" else "32-true",
        )
        self.network, self.optimizer = self.fabric.setup(trainee.network, _optimizer(trainee.network, settings))
        self.state: State | None = None
        self.counters = Counters()
        self.best: dict[str, Tensor] = {}
        self.evaluation_seconds: float | None = None

    def run(self, resume: Checkpoint | None) -> Outcome:
        if resume is not None:
            self._go_on(resume)
        self.seconds_before, self.units_here = self.counters.seconds, 0
        self.started = self.clock() - self.seconds_before
        self.judged_at = self.seconds_before
        self._fit_to_budget()
        with StopRequest() as stop:
            if (over := self._over()) is not None:
                return Outcome(over, self.counters, self.best, stop.received)
            while True:
                ended = self._epoch(stop)
                if ended is not None:
                    return Outcome(ended, self.counters, self.best, stop.received)
                self.counters.epoch += 1
                self.counters.step_in_epoch = 0
                self.state = None

    def _go_on(self, resume: Checkpoint) -> None:
        counters, trainee = deepcopy(resume.counters), self.trainee
        if counters.step_in_epoch > (steps := trainee.steps(counters.epoch)):
            raise ModelFolderError(
                f"the training state does not fit this run: it stands at step {counters.step_in_epoch} of an epoch of "
                f"{steps}"
            )
        shapes = trainee.carried() if isinstance(trainee, Carrying) and counters.step_in_epoch else []
        dtypes = (torch.float32, torch.bfloat16) if self.settings.precision == "bf16" else (torch.float32,)
        self.state = checkpoints.restore(
            resume, trainee.network, self.optimizer.optimizer, self.fabric.device, carried=shapes, dtypes=dtypes
        )
        self.counters, self.best = counters, resume.best

    def _fit_to_budget(self) -> None:
        """A resumed run may have been given another budget, of which less is done than was of the old one."""
        counters = self.counters
        done = counters.epoch + counters.step_in_epoch / self.trainee.steps(counters.epoch)
        counters.evaluated_at = min(counters.evaluated_at, self.budget.share(done, counters.seconds))

    def _epoch(self, stop: StopRequest) -> Literal["budget", "patience", "signal"] | None:
        counters = self.counters
        steps = self.trainee.steps(counters.epoch)
        done = counters.step_in_epoch
        for index, batch in enumerate(self.trainee.batches(counters.epoch)):
            if index < done:
                continue
            self._step(batch, counters.epoch + index / steps)
            counters.step_in_epoch += 1
            share = self._share(counters.step_in_epoch / steps)
            ended = share >= 1
            if ended or self._due(share, counters.step_in_epoch == steps):
                self._evaluate(share, counters.step_in_epoch / steps)
                self._checkpoint()
            if stop.received is not None:
                self.best = self.best or checkpoints.weights_of(self.trainee.network)
                self._checkpoint()
                return "signal"
            if (over := self._over()) is not None:
                return over
        return None

    def _over(self) -> Literal["budget", "patience"] | None:
        """How the run has ended, if it was evaluated just now and has; so had a resumed one that was stopped then."""
        counters = self.counters
        if not counters.points or counters.points[-1].step != counters.step:
            return None
        if self.settings.patience is not None and counters.worse >= self.settings.patience:
            return "patience"
        return "budget" if counters.evaluated_at >= 1 else None

    def _step(self, batch: Any, epochs: float) -> None:
        counters, settings = self.counters, self.settings
        self._draw_from(step_seed(settings.seed, counters.epoch, counters.step_in_epoch))
        share = self.budget.share(epochs, self.clock() - self.started)
        rate = learning_rate(share, settings)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate = rate
        self.network.train()
        loss, units, self.state = self.trainee.loss(
            self.network, batch, None if self.state is None else detached(self.state)
        )
        self.fabric.backward(loss)
        norm = self._clip()
        value = loss.item()
        if not (math.isfinite(value) and math.isfinite(norm)):
            raise self._diverged("gradient" if math.isfinite(value) else "loss", counters.step + 1)
        if counters.step == 0:
            counters.untrained_loss = value
        self.optimizer.step()
        self.optimizer.zero_grad()
        counters.step += 1
        counters.loss_sum += value * units
        counters.units += units
        counters.norm_sum += norm
        counters.steps += 1
        self._tick(epochs, share, value, units)

    def _draw_from(self, seed: int) -> None:
        """As torch.manual_seed, which takes half a millisecond for devices that are not used."""
        if self.fabric.device.type == "cpu":
            torch.default_generator.manual_seed(seed)
        else:
            torch.manual_seed(seed)

    def _diverged(self, what: str, step: int) -> DivergedError:
        lower = f"try a lower learning rate ({self.settings.learning_rate / 10:g})"
        clipped = self.settings.clip_norm is not None or self.settings.clip_value is not None
        return DivergedError(
            f"the {what} stopped being a number at step {step} (learning rate {self.rate:.2g}); "
            f"the weights of that step are not kept\n"
            + lower
            + ("" if clipped else ", or clip the gradient (clip_norm 1)")
        )

    def _tick(self, epochs: float, share: float, loss: float, units: int) -> None:
        seconds = self.clock() - self.started
        self.units_here += units
        rate = self.units_here / max(seconds - self.seconds_before, 1e-9)
        left = self.budget.seconds_left(epochs, seconds)
        self.progress.tick(Tick(epochs, self.counters.step, share, loss, rate, seconds, left))

    def _clip(self) -> float:
        """Clip the gradient; its norm before."""
        parameters = [p for p in self.trainee.network.parameters() if p.grad is not None]
        found = nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
        norm = float(found)
        if self.settings.clip_value is not None:
            nn.utils.clip_grad_value_(parameters, self.settings.clip_value)
        elif self.settings.clip_norm is not None and norm > self.settings.clip_norm:
            nn.utils.clip_grads_with_norm_(parameters, self.settings.clip_norm, found)
        return norm

    def _share(self, in_epoch: float) -> float:
        return self.budget.share(self.counters.epoch + in_epoch, self.clock() - self.started)

    def _due(self, share: float, epoch_over: bool) -> bool:
        since = share - self.counters.evaluated_at + 1e-9  # 0.3 - 0.2 is less than 0.1
        due = since >= 1 / EVALUATIONS or (epoch_over and since >= 1 / (2 * EVALUATIONS))
        return due and (self.settings.minutes is None or self._worth_judging())

    def _worth_judging(self) -> bool:
        """Whether the training since the last evaluation is long enough beside what an evaluation takes."""
        seconds = self.clock() - self.started
        expected = self.evaluation_seconds
        if expected is None:  # forward is about a third of a training step
            expected = self.trainee.judged / max(self.units_here, 1) * (seconds - self.seconds_before) / 3
        return seconds - self.judged_at >= WORTH * expected

    def _evaluate(self, share: float, in_epoch: float) -> None:
        counters = self.counters
        self.network.eval()
        begun = self.clock()
        with self.progress.evaluating():
            metrics = self.trainee.evaluate(self.network)
        self.evaluation_seconds = self.clock() - begun
        self.judged_at = self.clock() - self.started
        rank = self.trainee.rank(metrics)
        if not all(map(math.isfinite, [metrics["loss"], *rank])):
            raise self._diverged("validation loss", counters.step)
        counters.evaluated_at = share
        counters.seconds = self.clock() - self.started
        point = Point(
            epoch=counters.epoch + in_epoch,
            step=counters.step,
            seconds=counters.seconds,
            train_loss=counters.loss_sum / counters.units if counters.units else None,
            validation_loss=metrics["loss"],
            validation_metrics={k: v for k, v in metrics.items() if k != "loss"},
            learning_rate=self.rate,
            gradient_norm=counters.norm_sum / counters.steps if counters.steps else None,
        )
        counters.loss_sum, counters.units, counters.norm_sum, counters.steps = 0.0, 0, 0.0, 0
        counters.points.append(point)
        better = counters.best_rank is None or rank < counters.best_rank
        counters.worse = 0 if better else counters.worse + 1
        if better:
            counters.best_rank, counters.best_point = rank, len(counters.points) - 1
            self.best = checkpoints.weights_of(self.trainee.network)
        self.progress.point(point, better)

    def _checkpoint(self) -> None:
        self.counters.seconds = self.clock() - self.started
        if self.save is not None:
            network, optimizer = self.trainee.network, self.optimizer.optimizer
            self.save(checkpoints.take(self.counters, network, optimizer, self.state, self.best))


WORSE = 2.0
"""Times the loss of the untrained network: what no evaluation came below was no learning."""
FLOOR = 0.5
"""Nats above it that say nothing yet."""
USUAL = 0.01
"""A learning rate that is worth a try after one that was far too high."""


def never_learned(counters: Counters, settings: TrainingSettings) -> str | None:
    """What to say of a run whose every evaluation was far worse than the network before its first step; else None."""
    before = counters.untrained_loss
    if before is None or not counters.points:
        return None
    best = min(point.validation_loss for point in counters.points if point.validation_loss is not None)
    if best <= WORSE * before + FLOOR:
        return None
    return (
        f"training diverged: the best validation loss is {best:.4g}, that of the untrained network was {before:.4g}; "
        f"try a lower learning rate ({min(settings.learning_rate / 10, USUAL):g})"
    )


def step_seed(seed: int, epoch: int, step: int) -> int:
    """The seed of one step: all that is random in it derives from here."""
    return int(np.random.SeedSequence([seed, epoch, step]).generate_state(1, np.uint64)[0] >> np.uint64(1))


def _optimizer(network: nn.Module, settings: TrainingSettings) -> torch.optim.Optimizer:
    """Weight decay acts on matrices, not on biases, peepholes and initial states."""
    decayed: list[nn.Parameter] = []
    free: list[nn.Parameter] = []
    for name, weight in network.named_parameters():
        if weight.requires_grad:
            (free if weight.dim() < 2 or "initial_" in name else decayed).append(weight)
    groups = [
        {"params": decayed, "weight_decay": settings.weight_decay},
        {"params": free, "weight_decay": 0.0},
    ]
    match settings.optimizer:
        case "adamw":
            # 0.99 forgets the first, large gradients soon enough for runs of a few thousand steps
            return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=(0.9, 0.99), fused=True)
        case "sgd":
            return torch.optim.SGD(groups, lr=settings.learning_rate, momentum=settings.momentum)
        case "rmsprop":
            return torch.optim.RMSprop(groups, lr=settings.learning_rate)
