"""A stored training state is compared with the run, all of it, before any of it is used."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
import torch
from fakes import FakeTrainee, plain
from torch import Tensor, nn

from recurra.errors import ModelFolderError
from recurra.training import checkpoint as checkpoints
from recurra.training.checkpoint import Checkpoint, Counters
from recurra.training.divergence import never_learned
from recurra.training.fit import fit
from recurra.training.history import Point
from recurra.training.optimizer import optimizer_of

CARRIED = [(1, 4, 3)]
ADAM = {"optimizer/0/exp_avg", "optimizer/0/exp_avg_sq", "optimizer/0/step"}
KEPT = {
    "adamw": ADAM,
    "muon": ADAM,
    "rmsprop": {"optimizer/0/square_avg", "optimizer/0/step"},
    "sgd": {"optimizer/0/momentum_buffer"},
}


def made(optimizer: str) -> tuple[nn.Module, torch.optim.Optimizer, Checkpoint]:
    """A network after one step, its optimizer, and a checkpoint of both with a carried state."""
    torch.manual_seed(0)
    network = nn.Linear(3, 2)
    chosen = optimizer_of(network, plain(optimizer=optimizer, momentum=0.9))
    network(torch.randn(4, 3)).sum().backward()
    chosen.step()
    counters = Counters(step_in_epoch=1, step=1, steps=1, units=4)
    return network, chosen, checkpoints.take(counters, network, chosen, tuple(map(torch.randn, CARRIED)), {})


def restored(network: nn.Module, optimizer: torch.optim.Optimizer, checkpoint: Checkpoint) -> tuple[Tensor, ...] | None:
    return checkpoints.restore(checkpoint, network, optimizer, torch.device("cpu"), carried=CARRIED)


@pytest.mark.parametrize("optimizer", list(KEPT))
def test_what_was_taken_is_put_back(optimizer: str) -> None:
    _, _, checkpoint = made(optimizer)
    assert KEPT[optimizer] <= checkpoint.tensors.keys()
    other = nn.Linear(3, 2)
    fresh = optimizer_of(other, plain(optimizer=optimizer, momentum=0.9))
    state = restored(other, fresh, checkpoint)
    again = checkpoints.take(checkpoint.counters, other, fresh, state, {})
    assert again.tensors.keys() == checkpoint.tensors.keys()
    assert all(torch.equal(again.tensors[k], v) for k, v in checkpoint.tensors.items())


def faults(tensors: dict[str, Tensor]) -> list[tuple[str, Tensor | None, str]]:
    """Every tensor in turn: its key, what stands in its place, what is said of that."""
    found: list[tuple[str, Tensor | None, str]] = []
    for key, value in tensors.items():
        found += [
            (key, torch.zeros(7), r"should be"),
            (key, value.double(), r"float64"),
            (key, value.to(torch.int64), r"int64"),
            (key, value * math.nan, r"not numbers"),
            (key, value * math.inf, r"not numbers|step"),
        ]
        if key.count("/") < 2 or not key.endswith("/step"):
            found.append((key, value.reshape(-1, 1, 1), r"should be"))
        if key.startswith(("weight", "state")) or key.endswith(("_sq", "avg", "step")):
            found.append((key, None, f"{key} is missing"))
        if key.endswith(("exp_avg_sq", "square_avg")):
            found.append((key, -value.abs() - 1, "negative"))
        if key.endswith("/step"):
            found += [(key, torch.tensor(number), "of a run of 1 steps") for number in (0.0, -1.0, 0.5, 2.0, 1e30)]
    found += [
        (key, torch.zeros(2), "is not of this run")
        for key in (
            "weight/x",
            "optimizer/0/x",
            "optimizer/9/step",
            "optimizer/-1/step",
            "optimizer/x/step",
            "state/1",
            "x",
            "",
        )
    ]
    return found


@pytest.mark.parametrize("optimizer", list(KEPT))
def test_whatever_does_not_fit_is_named(optimizer: str) -> None:
    network, chosen, checkpoint = made(optimizer)
    before = {k: v.clone() for k, v in network.state_dict().items()}
    for key, value, said in faults(checkpoint.tensors):
        tensors = {k: v for k, v in checkpoint.tensors.items() if k != key} | ({} if value is None else {key: value})
        with pytest.raises(ModelFolderError, match=said) as error:
            restored(network, chosen, Checkpoint(checkpoint.counters, tensors, {}))
        assert "does not fit this run" in str(error.value), (key, value)
        assert error.value.exit_code == 4
        assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items()), key


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"step": -1}, "step"),
        ({"step": "3"}, "step"),
        ({"step": 2**60}, "step"),
        ({"step": 1.0}, "step"),
        ({"seconds": math.inf}, "seconds"),
        ({"seconds": math.nan}, "seconds"),
        ({"loss_sum": None}, "loss_sum"),
        ({"more": 1}, "more"),
        ({"best_point": 0}, "of one evaluation"),
        ({"best_point": 3, "best_rank": [1.0]}, "best_point is 3, of 1"),
        ({"best_rank": [math.nan], "best_point": 0}, "best_rank"),
        ({"best_rank": [], "best_point": 0}, "best_rank"),
        ({"epoch": 5}, "step 4 of the run"),
        ({"worse": 2}, "more than there were"),
        ({"steps": 9}, "more than there were"),
        ({"points": [{"epoch": 1.0, "step": 9, "seconds": 0.0}]}, "is missing"),
        ({"points": [[]]}, "points"),
        ({"points": None}, "points"),
        ({"tensors": [1]}, "tensors"),
    ],
)
def test_counters_that_cannot_be(change: dict[str, Any], said: str) -> None:
    good = Counters(epoch=1, step_in_epoch=2, step=4, points=[Point(0.5, 3, 1.0, 1.0, 1.0, {"x": math.inf}, 0.1, 1.0)])
    read = json.loads(json.dumps(good.to_json()))
    assert Counters.from_json(read) == good
    with pytest.raises(ModelFolderError, match=said):
        Counters.from_json(read | change)
    for whole in (None, [], 3, "x"):
        with pytest.raises(ModelFolderError, match="cannot be read"):
            Counters.from_json(whole)


def test_a_place_beyond_the_data_is_refused() -> None:
    saved: list[Checkpoint] = []
    fit(FakeTrainee(per_epoch=10), plain(epochs=1.0), save=saved.append)
    trainee = FakeTrainee(per_epoch=3)
    with pytest.raises(ModelFolderError, match=r"stands at step \d+ of an epoch of 3"):
        fit(trainee, plain(epochs=1.0), resume=saved[-1])
    assert not trainee.steps_run


@pytest.mark.parametrize(
    ("untrained", "losses", "bad"),
    [
        (2.0, [1e6, 1.3e6], True),
        (2.0, [1e6, 1.0], False),
        (2.0, [2.2, 3.0], False),
        (0.0, [0.1], False),
        (None, [9], False),
    ],
)
def test_a_run_far_worse_than_the_untrained_network_never_learned(
    untrained: float | None, losses: list[float], bad: bool
) -> None:
    points = [Point(1.0, 1, 1.0, validation_loss=float(loss)) for loss in losses]
    told = never_learned(Counters(points=points, untrained_loss=untrained), plain(learning_rate=10.0))
    assert (told is not None) == bad
    if told is not None:
        assert "untrained network was 2; try a lower learning rate (0.01)" in told


def test_the_untrained_loss_is_that_of_the_first_batch() -> None:
    outcome = fit(FakeTrainee(gradient=3.0), plain(epochs=1.0))
    assert outcome.counters.untrained_loss == 3.0
