"""Whether a stored training state is one of this run: nothing of it is used before all of it was compared."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from recurra.data.files.checked import Amount, Count, Exact, Name
from recurra.errors import ModelFolderError
from recurra.training.muon import Muon
from recurra.training.optimizer import AdamW

Number = Annotated[float, Field(allow_inf_nan=True)]
SHARE = Annotated[float, Field(ge=0, le=1e9)]


class StoredPoint(Exact):
    """See training.history.Point."""

    epoch: Amount
    step: Count
    seconds: Amount
    train_loss: float | None
    validation_loss: float | None
    validation_metrics: Annotated[dict[Name, Number], Field(max_length=1000)]
    learning_rate: Amount | None
    gradient_norm: Annotated[float, Field(ge=0)] | None
    plain_loss: Number | None = None


class StoredCounters(Exact):
    """See training.checkpoint.Counters. tensors: the names of all that is stored beside them"""

    epoch: Count
    step_in_epoch: Count
    step: Count
    seconds: Amount
    best_rank: Annotated[list[float], Field(min_length=1, max_length=16)] | None
    best_point: Count | None
    worse: Count
    evaluated_at: SHARE
    loss_sum: float
    units: Count
    norm_sum: float
    steps: Count
    points: Annotated[list[StoredPoint], Field(max_length=1_000_000)]
    untrained_loss: float | None = None
    evaluation_units: Count | None = None
    tensors: Annotated[list[Name], Field(max_length=10_000_000)] | None = None

    def problem(self) -> str | None:
        """What does not go together."""
        if (self.best_rank is None) != (self.best_point is None):
            return "best_rank and best_point are of one evaluation"
        if self.best_point is not None and self.best_point >= len(self.points):
            return f"best_point is {self.best_point}, of {len(self.points)} evaluations"
        if self.step < self.epoch + self.step_in_epoch:
            return f"step {self.step} of the run is step {self.step_in_epoch} of epoch {self.epoch}"
        if self.worse > len(self.points) or self.steps > self.step:
            return f"{self.worse} evaluations and {self.steps} steps since the best one are more than there were"
        steps = [point.step for point in self.points]
        if steps != sorted(steps) or (steps and steps[-1] > self.step):
            return f"evaluations after the step {self.step} where it stopped"
        return None


def check_tensors(
    tensors: Mapping[str, Tensor],
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    *,
    step: int,
    carried: Sequence[tuple[int, ...]],
    dtypes: Collection[torch.dtype] = (torch.float32,),
    average: Mapping[str, Tensor] | None = None,
) -> None:
    """Whether these are the weights, the optimizer's tensors and the carried state of a run after so many steps.

    carried: the shapes of the state that goes from a batch to the next one; dtypes: that it may have; average: tensors
    like those of the run's running average, if it keeps one
    Errors: ModelFolderError names the tensor that is missing, too many, of another type or shape, or no numbers
    """
    weights = {f"weight/{name}": value for name, value in network.state_dict().items()}
    weights |= {f"average/{name}": value for name, value in (average or {}).items()}
    states = {f"state/{place}": shape for place, shape in enumerate(carried)}
    moments = _moments(tensors, optimizer)
    for key in tensors:
        if key not in weights and key not in states and key not in moments:
            raise _unfit(f"{key!r:.100} is not of this run")
    for key in (*weights, *states, *moments):
        if key not in tensors:
            raise _unfit(f"{key} is missing")
    for key, value in weights.items():
        _check_form(key, tensors[key], value.shape, (value.dtype,))
    for key, shape in states.items():
        _check_form(key, tensors[key], shape, dtypes)
    for key, (name, weight) in moments.items():
        value = tensors[key]
        if name == "step":
            _check_form(key, value, (), (torch.float32,))
            if not (1 <= float(value) <= step and float(value) == int(value)):
                raise _unfit(f"{key} is {float(value):g}, of a run of {step} steps")
            continue
        _check_form(key, value, weight.shape, (weight.dtype,))
        if name in _SQUARES and bool((value < 0).any()):
            raise _unfit(f"{key} is a mean of squares and has negative values")


_SQUARES = ("exp_avg_sq", "square_avg")
_FIELDS: dict[type[torch.optim.Optimizer], tuple[str, ...]] = {
    AdamW: ("step", "exp_avg", "exp_avg_sq"),
    Muon: ("step", "exp_avg", "exp_avg_sq"),
    torch.optim.RMSprop: ("step", "square_avg"),
    torch.optim.SGD: ("momentum_buffer",),
}


def _moments(tensors: Iterable[str], optimizer: torch.optim.Optimizer) -> dict[str, tuple[str, Tensor]]:
    """What the optimizer keeps, with its name and weight. Of a weight without any gradient so far it keeps nothing."""
    names = _FIELDS[type(optimizer)]
    turned = {id(w) for group in optimizer.param_groups if group.get("gates") for w in group["params"]}
    if isinstance(optimizer, torch.optim.SGD) and not any(group["momentum"] for group in optimizer.param_groups):
        names = ()
    stored = {key.split("/")[1] for key in tensors if key.count("/") == 2 and key.startswith("optimizer/")}
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    return {
        f"optimizer/{place}/{name}": (name, weight)
        for place, weight in enumerate(weights)
        if str(place) in stored
        for name in (("step", "momentum_buffer") if id(weight) in turned else names)
    }


def _check_form(key: str, value: Tensor, shape: Sequence[int], dtypes: Collection[torch.dtype]) -> None:
    if tuple(value.shape) != tuple(shape) or value.dtype not in dtypes:
        wanted = " or ".join(str(dtype).removeprefix("torch.") for dtype in dtypes)
        found = f"{str(value.dtype).removeprefix('torch.')} {list(value.shape)}"
        raise _unfit(f"{key} is {found}, should be {wanted} {list(shape)}")
    if not bool(value.isfinite().all()):
        raise _unfit(f"{key} has values that are not numbers")


def _unfit(problem: str) -> ModelFolderError:
    return ModelFolderError(f"the training state does not fit this run: {problem}")
