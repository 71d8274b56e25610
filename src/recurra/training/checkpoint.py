"""A run in the middle, as tensors and JSON: enough to go on as if it had never stopped."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from recurra.data.files.checked import checked
from recurra.engines.request import State
from recurra.errors import DataError, ModelFolderError
from recurra.training.agreement import StoredCounters, check_tensors
from recurra.training.average import Average
from recurra.training.history import Point
from recurra.training.settings import TrainingSettings
from recurra.training.trainee import Carrying, Trainee


@dataclass
class Counters:
    """Where a run is. All of it goes to JSON.

    epoch: the one that is running, from 0; step_in_epoch: steps of it already done; step: steps of the whole run;
    seconds: trained so far; best_rank: of the best evaluation, lower is better; worse: evaluations since then;
    evaluated_at: share of the run at the last evaluation; loss_sum, units, norm_sum, steps: since the last evaluation;
    untrained_loss: of the first batch, before any step; evaluation_units: that evaluations are limited to.
    """

    epoch: int = 0
    step_in_epoch: int = 0
    step: int = 0
    seconds: float = 0.0
    best_rank: list[float] | None = None
    best_point: int | None = None
    worse: int = 0
    evaluated_at: float = 0.0
    loss_sum: float = 0.0
    units: int = 0
    norm_sum: float = 0.0
    steps: int = 0
    untrained_loss: float | None = None
    points: list[Point] = field(default_factory=list)
    evaluation_units: int | None = None

    def epochs(self, steps: int) -> float:
        """Epochs done. steps: batches of the running one"""
        return self.epoch + self.step_in_epoch / steps

    def add_step(self, loss: float, units: int, norm: float) -> None:
        """One step more. loss: the mean over so many units; norm: of the gradient before clipping"""
        if self.step == 0:
            self.untrained_loss = loss
        self.step += 1
        self.step_in_epoch += 1
        self.loss_sum += loss * units
        self.units += units
        self.norm_sum += norm
        self.steps += 1

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Any) -> Counters:
        """Errors: ModelFolderError if this is no counters' JSON, or they do not go together"""
        try:
            read = checked(StoredCounters, values, "counters")
        except DataError as error:
            raise ModelFolderError(f"the training state cannot be read: {error}") from error
        if (problem := read.problem()) is not None:
            raise ModelFolderError(f"the training state does not fit together: {problem}")
        plain = read.model_dump(exclude={"points", "tensors"})
        return cls(**plain, points=[Point(**point.model_dump()) for point in read.points])


@dataclass(frozen=True)
class Checkpoint:
    """Counters, tensors of the running weights, the optimizer and the carried state; the best weights apart.

    tensors: "weight/NAME", "average/NAME" of a run that keeps one, "optimizer/INDEX/NAME", "state/INDEX".
    """

    counters: Counters
    tensors: dict[str, Tensor]
    best: dict[str, Tensor]


def weights_of(network: nn.Module) -> dict[str, Tensor]:
    """A copy of the weights, on the CPU."""
    return {name: value.detach().to("cpu", copy=True) for name, value in network.state_dict().items()}


def take(
    counters: Counters,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    state: tuple[Tensor, ...] | None,
    best: dict[str, Tensor],
    average: Average | None = None,
) -> Checkpoint:
    """The run as it stands."""
    tensors = {f"weight/{name}": value for name, value in weights_of(network).items()}
    for name, value in ({} if average is None else average.values).items():
        tensors[f"average/{name}"] = value.to("cpu", copy=True)
    for index, values in optimizer.state_dict()["state"].items():
        for name, value in values.items():
            if value is not None:
                tensors[f"optimizer/{index}/{name}"] = torch.as_tensor(value).detach().to("cpu", copy=True)
    for index, value in enumerate(state or ()):
        tensors[f"state/{index}"] = value.detach().to("cpu", copy=True)
    return Checkpoint(deepcopy(counters), tensors, best)


def go_on(
    checkpoint: Checkpoint,
    trainee: Trainee,
    optimizer: torch.optim.Optimizer,
    device: torch.device,
    settings: TrainingSettings,
    average: Average | None = None,
) -> tuple[Counters, State | None]:
    """Put network and optimizer where a checkpoint was taken; returns counters of the run's own and the carried state.

    Errors: ModelFolderError if the checkpoint is not one of such a run; nothing is put back then
    """
    counters = deepcopy(checkpoint.counters)
    if counters.step_in_epoch > (steps := trainee.steps(counters.epoch)):
        raise ModelFolderError(
            f"the training state does not fit this run: it stands at step {counters.step_in_epoch} of an epoch of "
            f"{steps}"
        )
    shapes = trainee.carried() if isinstance(trainee, Carrying) and counters.step_in_epoch else []
    dtypes = (torch.float32, torch.bfloat16) if settings.precision == "bf16" else (torch.float32,)
    state = restore(checkpoint, trainee.network, optimizer, device, carried=shapes, dtypes=dtypes, average=average)
    return counters, state


def restore(
    checkpoint: Checkpoint,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    device: torch.device,
    *,
    carried: Sequence[tuple[int, ...]] = (),
    dtypes: Collection[torch.dtype] = (torch.float32,),
    average: Average | None = None,
) -> tuple[Tensor, ...] | None:
    """Put weights and optimizer back; returns the carried state.

    carried, dtypes: of the state, see `check_tensors`
    Errors: ModelFolderError if they do not fit; nothing is put back then
    """
    step = checkpoint.counters.step
    like = None if average is None else average.values
    check_tensors(checkpoint.tensors, network, optimizer, step=step, carried=carried, dtypes=dtypes, average=like)
    parts: dict[str, dict[str, Tensor]] = {"weight": {}, "average": {}, "optimizer": {}, "state": {}}
    for key, value in checkpoint.tensors.items():
        kind, _, name = key.partition("/")
        parts[kind][name] = value
    network.load_state_dict(parts["weight"])
    if average is not None:
        average.restore(parts["average"])
    whole = optimizer.state_dict()
    for name, value in parts["optimizer"].items():
        index, _, field_name = name.partition("/")
        whole["state"].setdefault(int(index), {})[field_name] = value
    optimizer.load_state_dict(whole)
    state = [parts["state"][str(i)].to(device) for i in range(len(parts["state"]))]
    return tuple(state) or None
