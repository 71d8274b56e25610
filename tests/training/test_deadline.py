"""What a command does by when."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest

from recurra.training.deadline import CROWDED, FOR_TRAINING, LEAST, OVERRUN_SECONDS, REPORT, Deadline


class Time:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


def test_none_leaves_all_the_time(time: Time) -> None:
    deadline = Deadline(None, clock=time)
    assert not deadline.set
    assert deadline.left() == deadline.for_baselines() == deadline.for_training() == math.inf


def test_training_gets_what_is_left_but_for_the_end(time: Time) -> None:
    deadline = Deadline(10, 95.0, clock=time)
    time.now += 25
    assert deadline.left() == 570
    assert deadline.for_training() == 570 - deadline.after()
    assert deadline.for_training() >= FOR_TRAINING * 600


@pytest.mark.parametrize("minutes", [0.3, 1, 5, 60])
@pytest.mark.parametrize("spent", [0.0, 0.05, 0.15, 0.25, 2.0])
def test_what_is_promised_is_held(time: Time, minutes: float, spent: float) -> None:
    """Whatever went before, training does not make the command late; it gets its share if that can be."""
    deadline = Deadline(minutes, clock=time)
    time.now += spent * deadline.total
    left, training = deadline.left(), deadline.for_training()
    ends = deadline.total - left + training + deadline.after()
    late = max(OVERRUN_SECONDS, 0.1 * deadline.total)
    assert ends <= deadline.total + late or training == LEAST
    if spent == 0 and minutes >= 1:
        assert training >= FOR_TRAINING * deadline.total


def test_scores_have_what_is_left_before_the_report(time: Time) -> None:
    deadline = Deadline(1, clock=time)
    time.now += 50
    assert deadline.for_scores() == 10 - REPORT - deadline.for_inside()
    time.now += 100
    assert deadline.for_scores() == pytest.approx(0.02 * 60)


def test_phases_add_up(time: Time) -> None:
    deadline = Deadline(1, clock=time)
    for seconds in (1.5, 20.0):
        with deadline.phase("reading"):
            time.now += seconds
    assert deadline.phases == {"reading": 21.5}
    assert deadline.shown() == "reading 22 s"


def test_pieces_are_taken_until_the_seconds_are_over(time: Time) -> None:
    def pieces() -> Iterator[int]:
        for number in range(10):
            time.now += 1.0
            yield number

    deadline = Deadline(1, clock=time)
    assert list(deadline.within(3.5, pieces())) == [0, 1, 2, 3]
    assert list(deadline.within(-5.0, pieces())) == [0]
    assert list(Deadline(None, clock=time).within(math.inf, pieces())) == list(range(10))


def test_where_others_work_too_the_report_has_more_time(time: Time) -> None:
    """At least the time of one who has a processor, CROWDED times as much at most."""
    worked = 10.0
    deadline = Deadline(10, 100.0, clock=time, worked=lambda: worked)
    for passed, times in ((5.0, 1.0), (20.0, 2.0), (25.0, 2.5), (400.0, CROWDED)):
        time.now = 100.0 + passed
        assert deadline.report() == times * REPORT
        assert deadline.spare() == deadline.left() - times * REPORT
        assert deadline.after() == Deadline(10, 100.0, clock=time).after() + (times - 1) * REPORT
    worked = 0.0
    assert deadline.report() == REPORT
    assert Deadline(10).report() >= REPORT
