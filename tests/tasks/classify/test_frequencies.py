"""How much of the classes' frequencies two models that are added count too often."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recurra.tasks.calibration import normal
from recurra.tasks.classify.frequencies import REJECTED, is_skewed, spare_share
from recurra.tasks.mixing import Floats, Labels, lost

FREQUENCIES = np.log(np.array([0.7, 0.2, 0.08, 0.02]))


def drawn(count: int, times: int) -> tuple[Floats, Labels]:
    """Logits that count the classes' frequencies so many times, and what the classes are."""
    rng = np.random.default_rng(0)
    labels = rng.choice(4, count, p=np.exp(FREQUENCIES) / np.exp(FREQUENCIES).sum())
    seen = np.eye(4)[labels] * 2 + rng.normal(size=(count, 4))
    return 2 * seen + times * FREQUENCIES, labels


def test_what_is_counted_twice_is_taken_off_once() -> None:
    logits, labels = drawn(20_000, 2)
    assert spare_share(logits, labels, FREQUENCIES) == pytest.approx(1.0, abs=0.1)


def test_it_is_as_much_as_the_texts_do_not_speak_against() -> None:
    logits, labels = drawn(2_000, 1)
    share = spare_share(logits, labels, FREQUENCIES)

    def loss(share: float) -> float:
        return lost(normal(logits - share * FREQUENCIES), labels)

    lowest = min(loss(each) for each in np.linspace(0, 1, 201))
    assert 0 < share < 1
    assert loss(share) <= lowest + REJECTED + 0.01
    assert loss(share + 0.01) > lowest + REJECTED


def test_more_texts_leave_less_in_doubt() -> None:
    shares = [spare_share(*drawn(count, 1), FREQUENCIES) for count in (500, 5_000, 50_000)]
    assert shares[0] > shares[1] > shares[2]


def test_no_texts_ask_for_nothing() -> None:
    assert spare_share(*drawn(0, 1), FREQUENCIES) == pytest.approx(0, abs=1e-3)


def test_frequencies_are_skewed_where_a_class_is_far_rarer_than_another() -> None:
    assert is_skewed(torch.tensor(FREQUENCIES))
    assert not is_skewed(torch.tensor([0.6, 0.4]).log())
