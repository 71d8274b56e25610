"""Widths follow tokens seen and weights; what somebody has set stays; measuring leaves no trace."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
import torch

from recurra.tasks.language import width
from recurra.tasks.language.settings import DEFAULTS, LanguageSettings
from recurra.tasks.language.width import (
    ENOUGH,
    LARGEST,
    PASSES,
    ROWS,
    WIDE,
    WIDTHS,
    Measuring,
    dropout_for,
    enough,
    suited,
)

SETTINGS: LanguageSettings = DEFAULTS.settings


def rate_of(tokens: float) -> Callable[[LanguageSettings], tuple[float, int]]:
    """Of a machine on which a network of 100 units is trained at so many tokens a second."""

    def rate(settings: LanguageSettings) -> tuple[float, int]:
        share = (settings.network.hidden_size / 100) ** 2
        return tokens / share, int(4e4 * share)

    return rate


def test_many_tokens_are_enough_or_many_passes_through_a_text_that_is_large_enough() -> None:
    weights = 10**6
    assert enough(ENOUGH * weights**2, weights, 1e12)
    assert not enough(ENOUGH * weights**2 - 1, weights, 1e12)
    assert enough(PASSES * weights, weights, 1e6)
    assert not enough(PASSES * weights - 1, weights, 1e6)
    assert not enough(10 * weights, weights, weights / LARGEST - 1)


def test_more_time_is_for_wider_networks() -> None:
    for text, seconds in itertools.product((1e5, 1e6, 1e8), (10.0, 100.0, 1000.0, 10_000.0)):
        found = suited(SETTINGS, (), int(text), seconds, rate_of(1e5)).settings
        more_time = suited(SETTINGS, (), int(text), 10 * seconds, rate_of(1e5)).settings
        assert found["hidden_size"] in WIDTHS
        assert more_time["hidden_size"] >= found["hidden_size"]


def test_the_widest_is_taken_that_sees_enough() -> None:
    text = 10**9
    found = suited(SETTINGS, (), text, 960.0, rate_of(2e5))
    size = found.settings["hidden_size"]
    assert WIDTHS[0] < size < WIDTHS[-1]
    wider = WIDTHS[WIDTHS.index(size) + 1]
    for units, wanted in ((size, True), (wider, False)):
        tokens, weights = rate_of(2e5)(SETTINGS.changed(hidden_size=units))
        assert enough(960 * tokens, weights, text) == wanted
    assert found.why.startswith(f"{size} units")
    assert found.why.endswith(f"{wider} are for more time")


def test_a_slow_machine_takes_the_narrowest_and_a_fast_one_the_widest() -> None:
    assert suited(SETTINGS, (), 10**6, 10.0, rate_of(1.0)).settings["hidden_size"] == WIDTHS[0]
    found = suited(SETTINGS, (), 10**12, 1e5, rate_of(1e9))
    assert found.settings["hidden_size"] == WIDTHS[-1]
    assert "more time" not in found.why


def test_epochs_that_end_first_are_what_counts() -> None:
    found = suited(SETTINGS.changed(epochs=1.0), (), 10**5, 1e6, rate_of(1e6))
    assert "1 passes" in found.why
    assert found.settings == {"hidden_size": WIDTHS[0], "batch_size": 32, "dropout": 0.0}


def test_wide_networks_have_large_batches_unless_these_are_set() -> None:
    wide = suited(SETTINGS, (), 10**9, 1e5, rate_of(1e7)).settings
    assert wide["hidden_size"] >= WIDE
    assert wide["batch_size"] == ROWS
    assert suited(SETTINGS, ("batch_size",), 10**9, 1e5, rate_of(1e7)).settings["batch_size"] == 32


@pytest.mark.parametrize("name", ["hidden_size", "tie_weights", "rank", "heads", "vectors"])
def test_a_width_that_is_set_or_must_suit_stays(name: str) -> None:
    found = suited(SETTINGS.changed(hidden_size=77), (name,), 10**5, 1000.0, rate_of(1e5)).settings
    assert (found["hidden_size"], found["batch_size"]) == (77, 32)
    assert found["dropout"] == dropout_for(1000.0 * 1e5 / 0.77**2 / 1e5)


def test_dropout_that_is_set_and_widths_nobody_has_looked_at_stay() -> None:
    assert suited(SETTINGS.changed(dropout=0.35), ("dropout",), 10**5, 1e3, rate_of(1e5)).settings["dropout"] == 0.35
    assert suited(SETTINGS.changed(cell="slstm"), (), 10**9, 1e5, rate_of(1e7)).settings["hidden_size"] == 256


def test_what_is_measured_is_training_and_leaves_no_trace() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    times = itertools.count(0.0, 0.25)
    measuring = Measuring(11, 100.0, clock=lambda: next(times))
    small = SETTINGS.changed(hidden_size=8, batch_size=4, bptt=5)
    tokens, weights = measuring.rate(small)
    assert tokens == 4 * 5 / 0.25
    assert weights == 11 * 64 + 4 * 8 * (64 + 8) + 8 * 8 + 8 * 11 + 11
    assert torch.equal(torch.get_rng_state(), before)


def test_no_more_is_measured_than_there_is_time_for(monkeypatch: pytest.MonkeyPatch) -> None:
    times = itertools.count(0.0, 0.25)
    measuring = Measuring(11, 0.5, clock=lambda: next(times))
    first, weights = measuring.rate(SETTINGS.changed(hidden_size=8, batch_size=4, bptt=5))
    monkeypatch.setattr(width, "NextToken", lambda *given: pytest.fail("measured"))
    monkeypatch.setattr(Measuring, "weights", lambda self, settings: 3 * weights)
    found = measuring.rate(SETTINGS.changed(hidden_size=16, batch_size=4, bptt=5))
    assert found == (pytest.approx(first / 3), 3 * weights)
