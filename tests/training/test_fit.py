"""The loop, with a trainee of one number: when it evaluates, what it keeps, when and how it ends."""

from __future__ import annotations

import math
import signal

import numpy as np
import pytest
import torch
from fakes import FakeClock, FakeTrainee, Watcher, plain

from recurra.errors import DivergedError, UsageError
from recurra.training.fit import SEEDS, fit, step_seed


def test_every_step_is_a_step() -> None:
    trainee = FakeTrainee(per_epoch=4)
    outcome = fit(trainee, plain(epochs=2))
    assert outcome.ended == "budget"
    assert trainee.steps_run == outcome.counters.step == 8
    assert trainee.weights_seen == pytest.approx([1 - 0.1 * k for k in range(8)])


def test_parts_of_an_epoch() -> None:
    trainee = FakeTrainee(per_epoch=10)
    fit(trainee, plain(epochs=0.35))
    assert trainee.steps_run == 4


def test_without_a_length_there_is_no_run() -> None:
    with pytest.raises(UsageError, match="epochs, minutes or both"):
        fit(FakeTrainee(), plain())


def test_a_short_run_is_evaluated_ten_times() -> None:
    watcher = Watcher()
    fit(FakeTrainee(per_epoch=40), plain(epochs=1), progress=watcher)
    assert [p.step for p in watcher.points] == [4, 8, 12, 16, 20, 24, 28, 32, 36, 40]
    assert watcher.evaluations == 10


def test_a_long_run_is_evaluated_after_each_epoch_but_at_most_twenty_times() -> None:
    watcher = Watcher()
    fit(FakeTrainee(per_epoch=2), plain(epochs=20), progress=watcher)
    assert [p.epoch for p in watcher.points] == list(range(1, 21))
    often = Watcher()
    fit(FakeTrainee(per_epoch=1), plain(epochs=200), progress=often)
    assert 16 <= len(often.points) <= 20
    assert often.points[-1].epoch == 200


def test_a_run_by_the_clock_ends_with_the_clock() -> None:
    clock, watcher = FakeClock(), Watcher()

    def pass_time(step: int) -> None:
        clock.now += 6

    trainee = FakeTrainee(per_epoch=100, during=pass_time)
    outcome = fit(trainee, plain(minutes=2), clock=clock, progress=watcher)
    assert trainee.steps_run == 20
    assert [p.step for p in watcher.points] == list(range(2, 21, 2))
    assert outcome.counters.seconds == 120
    assert watcher.ticks[-1].seconds == 120


def test_of_two_limits_the_first_ends_a_run() -> None:
    for epochs, steps in ((1, 7), (100, 20)):
        clock = FakeClock()

        def pass_time(step: int, clock: FakeClock = clock) -> None:
            clock.now += 6

        trainee = FakeTrainee(per_epoch=7, during=pass_time)
        fit(trainee, plain(minutes=2, epochs=epochs), clock=clock)
        assert trainee.steps_run == steps


def test_a_step_longer_than_the_run_is_still_evaluated() -> None:
    clock, watcher = FakeClock(), Watcher()

    def pass_time(step: int) -> None:
        clock.now += 1000

    outcome = fit(FakeTrainee(during=pass_time), plain(minutes=1), clock=clock, progress=watcher)
    assert [p.step for p in watcher.points] == [1]
    assert outcome.best


def test_the_best_weights_are_kept_not_the_last() -> None:
    watcher = Watcher()
    trainee = FakeTrainee(per_epoch=10, validation=[5.0, 3.0, 2.0, 4.0, 2.0, 6.0, 7.0, 7.0, 7.0, 7.0])
    outcome = fit(trainee, plain(epochs=1), progress=watcher)
    assert watcher.bests == [True, True, True] + [False] * 7
    assert outcome.counters.best_point == 2
    assert float(outcome.best["w"]) == pytest.approx(1 - 0.3)
    assert float(trainee.network.state_dict()["w"]) == pytest.approx(0, abs=1e-6)


RISING = [1.0, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3]


def test_a_run_by_epochs_that_overfits_is_over() -> None:
    outcome = fit(FakeTrainee(per_epoch=1, validation=list(RISING)), plain(epochs=10))
    assert (outcome.ended, outcome.counters.step) == ("patience", 7)
    assert float(outcome.best["w"]) == pytest.approx(1 - 0.2)
    for given in ({"patience": 0}, {"patience": 9}):
        assert fit(FakeTrainee(per_epoch=1, validation=list(RISING)), plain(epochs=10, **given)).ended == "budget"
    level = [1.0, *([0.5, 0.505] * 5)]
    assert fit(FakeTrainee(per_epoch=1, validation=level), plain(epochs=10)).ended == "budget"


@pytest.mark.parametrize(("factor", "ended"), [(1.0, "patience"), (0.1, "budget")])
def test_a_run_by_the_clock_is_over_when_it_is_much_worse(factor: float, ended: str) -> None:
    clock = FakeClock()

    def pass_time(step: int) -> None:
        clock.now += 12

    losses = [0.5 + factor * (loss - 0.5) for loss in RISING]
    trainee = FakeTrainee(per_epoch=100, during=pass_time, validation=losses)
    assert fit(trainee, plain(minutes=2), clock=clock).ended == ended


def test_patience_counts_evaluations_without_a_better_one() -> None:
    trainee = FakeTrainee(per_epoch=1, validation=[5.0, 6.0, 4.0, 4.0, 4.1, 4.2])
    outcome = fit(trainee, plain(epochs=20, patience=3))
    assert outcome.ended == "patience"
    assert trainee.steps_run == 6
    assert float(outcome.best["w"]) == pytest.approx(1 - 0.3)


def test_points_hold_the_means_since_the_point_before() -> None:
    watcher = Watcher()
    fit(FakeTrainee(per_epoch=20, gradient=2.0), plain(epochs=1), progress=watcher)
    assert watcher.points[0].train_loss == pytest.approx((2 * 1.0 + 2 * 0.8) / 2)
    assert watcher.points[1].train_loss == pytest.approx((2 * 0.6 + 2 * 0.4) / 2)
    assert all(p.gradient_norm == 2 for p in watcher.points)
    assert all(p.learning_rate == 0.1 for p in watcher.points)


# signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("at", [1, 5, 9])
def test_a_signal_ends_after_its_step_with_all_saved(number: signal.Signals, at: int) -> None:
    watcher, before = Watcher(), signal.getsignal(number)

    def interrupt(step: int) -> None:
        if step == at:
            signal.raise_signal(number)

    trainee = FakeTrainee(per_epoch=30, during=interrupt)
    outcome = fit(trainee, plain(epochs=1), save=watcher.save)
    assert (outcome.ended, outcome.signal) == ("signal", number)
    assert trainee.steps_run == at
    assert watcher.saved[-1].counters.step == at
    assert outcome.best
    assert signal.getsignal(number) is before


@pytest.mark.parametrize(("more", "ended", "steps"), [({"epochs": 1}, "budget", 10), ({"patience": 1}, "patience", 4)])
def test_a_signal_during_the_last_evaluation(more: dict[str, float], ended: str, steps: int) -> None:
    """It is obeyed, and the run that goes on has nothing left to train."""

    class Interrupted(FakeTrainee):
        def evaluate(self, network: torch.nn.Module) -> dict[str, float]:
            if self.steps_run == steps:
                signal.raise_signal(signal.SIGTERM)
            return super().evaluate(network)

    settings, watcher = plain(**{"epochs": 2} | more), Watcher()
    stopped = fit(Interrupted(per_epoch=10), settings, save=watcher.save)
    assert (stopped.ended, stopped.signal) == ("signal", signal.SIGTERM)
    trainee = FakeTrainee(per_epoch=10)
    outcome = fit(trainee, settings, resume=watcher.saved[-1])
    assert (outcome.ended, outcome.signal, trainee.steps_run) == (ended, None, 0)
    whole = fit(FakeTrainee(per_epoch=10), settings)
    assert torch.equal(outcome.best["w"], whole.best["w"])
    assert outcome.counters.points == stopped.counters.points
    if ended == "budget":  # more time, and it goes on
        assert fit(FakeTrainee(per_epoch=10), plain(epochs=3), resume=watcher.saved[-1]).counters.step == 30


def test_what_is_saved_does_not_change_afterwards() -> None:
    watcher = Watcher()
    fit(FakeTrainee(per_epoch=10), plain(epochs=1, optimizer="adamw"), save=watcher.save)
    steps = [int(c.tensors["optimizer/0/step"]) for c in watcher.saved]
    assert steps == [c.counters.step for c in watcher.saved] == list(range(1, 11))
    assert [len(c.counters.points) for c in watcher.saved] == list(range(1, 11))
    weights = [float(c.tensors["weight/w"]) for c in watcher.saved]
    assert len(set(weights)) == 10


# divergence


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("at", [1, 8])
def test_a_loss_that_is_no_number_stops_within_its_step(bad: float, at: int) -> None:
    watcher = Watcher()
    trainee = FakeTrainee(per_epoch=30, during=lambda step: bad if step == at else None)
    with pytest.raises(
        DivergedError, match=rf"(?s)loss stopped being a number at step {at} .*lower learning rate \(0.01\)"
    ) as e:
        fit(trainee, plain(epochs=1), progress=watcher, save=watcher.save)
    assert e.value.exit_code == 5
    assert trainee.steps_run == at
    assert float(trainee.network.state_dict()["w"]) == pytest.approx(1 - 0.1 * (at - 1))
    for saved in watcher.saved:
        assert all(torch.isfinite(v).all() for v in [*saved.best.values(), *saved.tensors.values()])


class SteepAtZero(torch.nn.Module):
    """A finite loss whose gradient is infinite."""

    def __init__(self) -> None:
        super().__init__()
        self.w = torch.nn.Parameter(torch.tensor([0.0]))

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return self.w.sqrt() * batch


@pytest.mark.parametrize("limit", [{}, {"clip_norm": 1.0}, {"clip_value": 1.0}])
def test_a_gradient_that_is_no_number_stops_within_its_step(limit: dict[str, float]) -> None:
    trainee = FakeTrainee(network=SteepAtZero())
    with pytest.raises(DivergedError, match="gradient stopped being a number at step 1 ") as error:
        fit(trainee, plain(epochs=1, **limit))
    assert ("clip_norm" in str(error.value)) == (not limit)
    assert float(trainee.network.state_dict()["w"]) == 0


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_validation_loss_that_is_no_number_is_never_the_best(bad: float) -> None:
    watcher = Watcher()
    trainee = FakeTrainee(per_epoch=10, validation=[3.0, 2.0, bad])
    with pytest.raises(DivergedError, match="validation loss stopped being a number at step 3"):
        fit(trainee, plain(epochs=1), progress=watcher, save=watcher.save)
    assert watcher.saved[-1].counters.step == 2
    assert float(watcher.saved[-1].best["w"]) == pytest.approx(0.8)
    first = FakeTrainee(validation=[bad])
    with pytest.raises(DivergedError):
        fit(first, plain(epochs=1), save=watcher.save)
    assert len(watcher.saved) == 2


# optimisers and clipping


def test_clipping_by_norm_scales_and_by_value_cuts() -> None:
    class Plane(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = torch.nn.Parameter(torch.zeros(2))

        def forward(self, batch: torch.Tensor) -> torch.Tensor:
            return (self.w * torch.tensor([3.0, -4.0])).sum() * batch

    for limit, expected in (
        ({}, [-3, 4]),
        ({"clip_norm": 1.0}, [-0.6, 0.8]),
        ({"clip_norm": 10.0}, [-3, 4]),
        ({"clip_value": 3.5}, [-3, 3.5]),
        ({"clip_value": 3.5, "clip_norm": 1.0}, [-3, 3.5]),
    ):
        network, watcher = Plane(), Watcher()
        trainee = FakeTrainee(per_epoch=1, network=network)
        fit(trainee, plain(epochs=1, learning_rate=1.0, **limit), progress=watcher)
        torch.testing.assert_close(network.w.detach(), torch.tensor(expected, dtype=torch.float32))
        assert watcher.points[0].gradient_norm == pytest.approx(5)


def test_momentum_and_rmsprop_by_hand() -> None:
    trainee = FakeTrainee(per_epoch=3)
    fit(trainee, plain(epochs=1, momentum=0.5))
    assert trainee.weights_seen == pytest.approx([1, 0.9, 0.9 - 0.15])
    trainee = FakeTrainee(per_epoch=2, gradient=2.0)
    fit(trainee, plain(epochs=1, optimizer="rmsprop"))
    assert trainee.weights_seen[1] == pytest.approx(1 - 0.1 * 2 / math.sqrt(0.01 * 4), abs=1e-5)


def test_weight_decay_is_for_matrices_alone() -> None:
    class Two(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = torch.nn.Parameter(torch.ones(1, 1))
            self.b = torch.nn.Parameter(torch.ones(1))

        def forward(self, batch: torch.Tensor) -> torch.Tensor:
            return 0 * self.w.sum() + 0 * self.b.sum()

    for optimizer in ("adamw", "sgd"):
        network = Two()
        fit(FakeTrainee(per_epoch=1, network=network), plain(epochs=1, optimizer=optimizer, weight_decay=0.5))
        assert network.w.item() == pytest.approx(1 - 0.1 * 0.5)
        assert network.b.item() == 1


def test_the_rate_rises_over_the_warm_up_by_steps() -> None:
    watcher = Watcher()
    fit(FakeTrainee(per_epoch=10), plain(epochs=1, warmup=0.5, schedule="cosine"), progress=watcher)
    rates = [p.learning_rate or 0.0 for p in watcher.points]
    assert rates[:5] == pytest.approx([0.001, 0.02, 0.04, 0.06, 0.08])
    assert rates[5] == pytest.approx(0.1)
    assert rates[5:] == sorted(rates[5:], reverse=True)


# going on


def test_a_run_given_more_epochs_is_evaluated_from_where_it_is() -> None:
    watcher, more = Watcher(), Watcher()

    def interrupt(step: int) -> None:
        if step == 45:
            signal.raise_signal(signal.SIGTERM)

    fit(FakeTrainee(per_epoch=10, during=interrupt), plain(epochs=5), save=watcher.save)
    fit(FakeTrainee(per_epoch=10), plain(epochs=20), resume=watcher.saved[-1], progress=more)
    assert more.points[0].step == 60


def test_the_clock_goes_on_where_it_was() -> None:
    watcher, clock = Watcher(), FakeClock()

    def pass_time(step: int) -> None:
        clock.now += 6
        if step == 5:
            signal.raise_signal(signal.SIGTERM)

    fit(FakeTrainee(during=pass_time), plain(minutes=1), save=watcher.save, clock=clock)
    clock.now += 1e6
    trainee = FakeTrainee(during=lambda step: setattr(clock, "now", clock.now + 6))
    outcome = fit(trainee, plain(minutes=1), resume=watcher.saved[-1], clock=clock)
    assert trainee.steps_run == 5
    assert outcome.counters.seconds == 60


def test_a_seed_is_of_its_run_epoch_step_and_process_alone() -> None:
    def drawn(*numbers: int) -> int:
        return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))

    for step in (0, SEEDS - 1, SEEDS, 5 * SEEDS + 3, 1):
        for more in ((), (0,), (1,)):
            assert step_seed(7, 2, step, *more) == drawn(7, 2, step, *more)
