"""How much of a linear model is added to a network."""

from __future__ import annotations

import numpy as np
import pytest

from recurra.tasks import calibration
from recurra.tasks.mixing import best_mix, fitted_mix, free_mix, lost


def drawn(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two models that each know half of what decides, and are too sure and not sure enough of it."""
    rng = np.random.default_rng(seed)
    halves = rng.normal(size=(2, count, 3)) * 2
    chances = np.exp(halves.sum(0))
    labels = np.array([rng.choice(3, p=row / row.sum()) for row in chances])
    return 2 * halves[0], halves[1] / 4, labels


def test_two_models_that_know_other_things_get_the_shares_that_make_them_right() -> None:
    own, linear, labels = drawn(20_000)  # far from what is usual, which as many forget
    mix = fitted_mix(own, linear, labels)
    assert mix is not None
    assert mix.own == pytest.approx(0.5, rel=0.15)
    assert mix.share == pytest.approx(4, rel=0.15)
    best = lost(mix.of(own, linear), labels)
    for step in (0.9, 1.1):
        assert best < lost(type(mix)(mix.own * step, mix.share).of(own, linear), labels)
        assert best < lost(type(mix)(mix.own, mix.share * step).of(own, linear), labels)
    assert np.allclose(np.exp(mix.of(own, linear)).sum(1), 1)


@pytest.mark.parametrize("what", ["noise", "nothing", "the opposite"])
def test_what_does_not_help_is_not_added_unless_it_must_be(what: str) -> None:
    own, _, labels = drawn(600)
    linear = {"noise": np.random.default_rng(1).normal(size=own.shape), "nothing": 0 * own, "the opposite": -own}[what]
    mix = fitted_mix(own, linear, labels)
    assert mix is None or (what == "noise" and abs(mix.share) < 0.1)
    asked = fitted_mix(own, linear, labels, always=True)
    assert asked is not None
    assert asked.share > 0


@pytest.mark.parametrize("count", [12, 100])
def test_a_model_that_is_trusted_is_added_where_the_network_was_chosen_by_the_examples(count: int) -> None:
    labels = np.arange(count) % 2
    own, linear = np.eye(2)[labels], np.random.default_rng(0).normal(size=(count, 2))
    assert fitted_mix(own, linear, labels, usual=(0.0, 1.0)) is None
    mix = fitted_mix(own, linear, labels, usual=(0.0, 1.0), trusted=True)
    assert mix is not None
    assert mix.share > 0.2


def test_some_examples_move_the_usual_shares_a_little_and_more_of_them_more() -> None:
    """Where they ask for more of the linear model than is usual."""
    shares = []
    for count in (30, 200, 1000):
        own, linear, labels = drawn(count, seed=2)
        mix = fitted_mix(own, 2 * linear, labels)
        assert mix is not None
        shares.append(mix.share)
    assert 0.65 < shares[0] < shares[1] < shares[2] < 2


def test_few_examples_add_it_only_if_it_must_be() -> None:
    own, linear, labels = drawn(12)
    assert fitted_mix(own, linear, labels) is None
    assert (mix := fitted_mix(own, linear, labels, always=True)) is not None
    assert (mix.own, mix.share) == (1.0, 1.0)


def test_shares_begin_from_what_is_believed_beforehand() -> None:
    own, linear, labels = drawn(20)
    usual, alone = (
        fitted_mix(own, linear, labels, always=True),
        fitted_mix(own, linear, labels, always=True, usual=(0, 1)),
    )
    assert usual is not None
    assert alone is not None
    assert alone.own < usual.own
    assert alone.share > usual.share
    many = [fitted_mix(*drawn(40_000), usual=each) for each in ((0.4, 0.65), (0, 1))]
    assert many[0] is not None
    assert many[1] is not None
    assert many[1].own == pytest.approx(many[0].own, rel=0.02)


def test_free_shares_are_those_of_the_lowest_loss() -> None:
    own, linear, labels = drawn(2000)
    mix = free_mix(own, linear, labels)
    best = lost(mix.of(own, linear), labels)
    for step in (0.95, 1.05):
        assert best < lost(type(mix)(mix.own * step, mix.share).of(own, linear), labels)
        assert best < lost(type(mix)(mix.own, mix.share * step).of(own, linear), labels)


def test_where_the_linear_model_has_no_say_the_network_is_as_sure_as_alone() -> None:
    """Half of the examples get nothing of it; the others' shares are those that they ask for by themselves."""
    own, linear, labels = drawn(2000)
    faded = (np.arange(2000) % 2).astype(np.float64)[:, None]
    mix = best_mix(own, linear, labels, faded=faded)
    alone = best_mix(own, np.zeros_like(linear), labels)
    logs = mix.of(own, linear, faded)
    np.testing.assert_allclose(logs[::2], alone.of(own, linear)[::2])
    np.testing.assert_allclose(logs[1::2], mix.of(own, linear)[1::2])
    some = best_mix(own[1::2], linear[1::2], labels[1::2])
    assert mix.own == pytest.approx(some.own, rel=0.1)
    assert mix.share == pytest.approx(some.share, rel=0.1)
    assert lost(logs, labels) < lost(mix.of(own, faded * linear), labels)


def test_shares_do_not_depend_on_the_pieces_in_which_logits_are_gone_through(monkeypatch: pytest.MonkeyPatch) -> None:
    own, linear, labels = drawn(500)
    faded = (np.arange(500) % 3 / 2)[:, None]
    whole = best_mix(own, linear, labels, faded=faded)
    monkeypatch.setattr(calibration, "PIECE", 21)
    some = best_mix(own, linear, labels, faded=faded)
    assert (some.own, some.share, some.alone) == pytest.approx((whole.own, whole.share, whole.alone), rel=1e-9)
