"""When a run by the clock is evaluated and how long that may take, with a clock that one sets."""

from __future__ import annotations

import pytest
import torch
from fakes import FakeClock, FakeTrainee, Watcher, plain

from recurra.training.checkpoint import Checkpoint
from recurra.training.fit import fit


def test_by_the_clock_a_dear_evaluation_is_made_seldom() -> None:
    """Judging takes 30 s, a step 6 s: after more than 50 steps, however long the run. Its cost is guessed before the
    first: 15 units are evaluated, a third of the 6 s for each."""
    clock, watcher = FakeClock(), Watcher()

    def pass_time(step: int) -> None:
        clock.now += 6

    class Dear(FakeTrainee):
        def evaluate(self, network: torch.nn.Module) -> dict[str, float]:
            clock.now += 30
            return super().evaluate(network)

    outcome = fit(
        Dear(per_epoch=1, during=pass_time, evaluation_units=15), plain(minutes=12), clock=clock, progress=watcher
    )
    assert [p.step for p in watcher.points] == [51, 102, 105]
    assert outcome.counters.points[-1].step == outcome.counters.step


@pytest.mark.parametrize("judging", [0.0, 2.0, 8.0])
@pytest.mark.parametrize("writing", [0.0, 1.0, 9.0])
def test_by_the_clock_the_last_evaluation_and_its_writing_are_in_time(judging: float, writing: float) -> None:
    """With as much time left as to write once more, with the report. Steps take 0.25 s, of which none is too many."""
    clock, watcher = FakeClock(), Watcher()

    def pass_time(seconds: float) -> None:
        clock.now += seconds

    class Dear(FakeTrainee):
        def evaluate(self, network: torch.nn.Module) -> dict[str, float]:
            pass_time(judging)
            return super().evaluate(network)

    def save(checkpoint: Checkpoint) -> None:
        pass_time(writing)
        watcher.save(checkpoint)

    begun, trainee = clock(), Dear(per_epoch=7, during=lambda step: pass_time(0.25), evaluation_units=int(12 * judging))
    fit(trainee, plain(minutes=2), clock=clock, progress=watcher, save=save)
    assert 100 <= clock() - begun + writing <= 120 + 0.25
    assert (judging + writing) * len(watcher.points) <= 0.1 * 0.25 * trainee.steps_run + 2 * (judging + writing)


class Limited(FakeTrainee):
    """Notes how many units it is limited to."""

    limits: list[int]

    def limit_evaluation(self, units: int) -> int:
        self.__dict__.setdefault("limits", []).append(units)
        return units


def test_by_the_clock_evaluations_look_at_what_costs_a_tenth_of_the_training_between_them() -> None:
    """A unit a second is trained on, so three a second are read: 6 s between evaluations allow 1.8 units."""
    clock, watcher = FakeClock(), Watcher()

    def pass_time(step: int) -> None:
        clock.now += 1

    trainee = Limited(during=pass_time, evaluation_units=1000)
    fit(trainee, plain(minutes=1), clock=clock, progress=watcher, save=watcher.save)
    assert trainee.limits == [1]
    assert watcher.saved[-1].counters.evaluation_units == 1
    again = Limited(during=pass_time, evaluation_units=1000)
    fit(again, plain(minutes=2), resume=watcher.saved[-1], clock=clock)
    assert again.limits == [1]  # the same part, or scores could not be compared
    free = Limited(during=pass_time, evaluation_units=1000)
    fit(free, plain(epochs=2), clock=clock)
    small = Limited(during=pass_time, evaluation_units=1)
    fit(small, plain(minutes=1), clock=clock)
    assert "limits" not in free.__dict__
    assert "limits" not in small.__dict__
