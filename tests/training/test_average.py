"""The running average of the weights: what it is, when it is kept, and that a run with it resumes exactly."""

from __future__ import annotations

import pytest
import torch
from fakes import FakeTrainee, Slope, Watcher, plain
from torch import nn

from recurra.topologies.frozen_convolution import FrozenConvolution
from recurra.training.average import RECENT, Average, averaged
from recurra.training.fit import fit


class Valley(FakeTrainee):
    """Every second step jumps back over the valley's floor at 1: the average is near it, no single weight is."""

    def evaluate(self, network: nn.Module) -> dict[str, float]:
        return {"loss": abs(float(network.state_dict()["w"]) - 1.0) + 0.5}


def across(step: int) -> float:
    """A gradient that leads to 0, 2, 0, 2, ..."""
    return 10.0 if step == 1 else -20.0 if step % 2 == 0 else 20.0


def test_recent_steps_count_most() -> None:
    network = Slope()
    average, values = Average(network), []
    for step in range(1, 41):
        values.append(float(step) ** 0.5)
        with torch.no_grad():
            network.w.fill_(values[-1])
        average.add(step)
    shares, rest = [], 1.0
    for step in range(40, 0, -1):
        share = rest * (RECENT + 1) / (step + RECENT)
        shares.insert(0, share)
        rest -= share
    assert sum(shares) == pytest.approx(1)
    assert float(average.values["w"]) == pytest.approx(
        sum(s * v for s, v in zip(shares, values, strict=True)), rel=1e-6
    )
    own = network.w.detach().clone()
    with average.in_place():
        assert torch.equal(network.w, average.values["w"])
    assert torch.equal(network.w, own)


def test_it_is_kept_where_it_is_better() -> None:
    watcher = Watcher()
    outcome = fit(Valley(per_epoch=40, during=across), plain(epochs=1, average=True), progress=watcher)
    assert abs(float(outcome.best["w"]) - 1) < 0.3
    assert watcher.points[-1].plain_loss == pytest.approx(1.5)
    assert watcher.points[-1].validation_loss is not None
    assert watcher.points[-1].validation_loss < 0.8
    without = fit(Valley(per_epoch=40, during=across), plain(epochs=1))
    assert abs(float(without.best["w"]) - 1) > 0.9


def test_the_weights_are_kept_where_they_are_better() -> None:
    """Down a slope the last weights lead."""

    class Down(FakeTrainee):
        def evaluate(self, network: nn.Module) -> dict[str, float]:
            return {"loss": 10 + float(network.state_dict()["w"])}

    watcher = Watcher()
    outcome = fit(Down(per_epoch=20), plain(epochs=1, average=True), progress=watcher)
    assert float(outcome.best["w"]) == pytest.approx(1 - 2.0)
    assert all(point.plain_loss is None for point in watcher.points)


def test_training_itself_does_not_notice() -> None:
    runs = [Valley(per_epoch=20, during=across) for _ in range(2)]
    for run, average in zip(runs, (True, False), strict=True):
        fit(run, plain(epochs=2, average=average))
    assert runs[0].weights_seen == runs[1].weights_seen


def test_a_run_goes_on_bit_for_bit() -> None:
    whole = Watcher()
    fit(Valley(per_epoch=20, during=across), plain(epochs=1, average=True), save=whole.saved.append)
    middle, rest = whole.saved[4], Watcher()
    resumed = Valley(per_epoch=20, during=across, steps_run=middle.counters.step)
    fit(resumed, plain(epochs=1, average=True), save=rest.saved.append, resume=middle)
    assert rest.saved[-1].tensors.keys() == whole.saved[-1].tensors.keys()
    assert "average/w" in middle.tensors
    for name, value in whole.saved[-1].tensors.items():
        assert torch.equal(value, rest.saved[-1].tensors[name]), name
    assert torch.equal(whole.saved[-1].best["w"], rest.saved[-1].best["w"])


def test_what_nothing_changes_is_no_part_of_it() -> None:
    """Moments that a batch norm gathers are, in whatever module; a frozen encoder's weights and a mask's are not."""
    norm = nn.BatchNorm1d(2)
    network = nn.Sequential(nn.Linear(2, 2), norm, FrozenConvolution(2, 3, 1, padding="half", epsilon=1e-5))
    network.register_buffer("impossible", torch.tensor(float("-inf")), persistent=False)
    network[0].bias.requires_grad_(False)
    assert averaged(network).keys() == {"0.weight", "1.weight", "1.bias", "1.running_mean", "1.running_var"}
    assert averaged(norm).keys() == {"weight", "bias", "running_mean", "running_var"}
