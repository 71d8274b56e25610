"""The budget and the learning rate, at points worked out by hand."""

from __future__ import annotations

import pytest

from recurra.training.schedule import Budget, learning_rate
from recurra.training.settings import TrainingSettings


@pytest.mark.parametrize(
    ("epochs", "minutes", "done", "seconds", "share"),
    [
        (10, None, 2.5, 1e9, 0.25),
        (None, 2, 1e9, 30, 0.25),
        (10, 2, 2.5, 30, 0.25),
        (10, 2, 5, 30, 0.5),
        (10, 2, 1, 90, 0.75),
        (10, 2, 11, 0, 1),
        (0.5, None, 0.25, 0, 0.5),
        (3, None, 0, 0, 0),
    ],
)
def test_the_share_that_is_done(
    epochs: float | None, minutes: float | None, done: float, seconds: float, share: float
) -> None:
    assert Budget(epochs, minutes).share(done, seconds) == pytest.approx(share)


@pytest.mark.parametrize(
    ("share", "rate"),
    [
        (0, 0.001),
        (0.0005, 0.001),
        (0.1, 0.05),
        (0.2, 0.1),
        (0.6, 0.0505),
        (0.4, 0.1 * (0.01 + 0.99 * 0.8535534)),
        (1, 0.001),
    ],
)
def test_a_warm_up_then_half_a_cosine_down_to_a_hundredth(share: float, rate: float) -> None:
    assert learning_rate(share, TrainingSettings(learning_rate=0.1, warmup=0.2)) == pytest.approx(rate)


def test_a_constant_rate_warms_up_too() -> None:
    settings = TrainingSettings(learning_rate=0.1, warmup=0.2, schedule="constant")
    assert learning_rate(0.1, settings) == pytest.approx(0.05)
    assert learning_rate(0.2, settings) == learning_rate(1, settings) == 0.1


def test_without_a_warm_up_it_starts_at_the_top() -> None:
    assert learning_rate(0, TrainingSettings(learning_rate=0.1, warmup=0)) == pytest.approx(0.1)
