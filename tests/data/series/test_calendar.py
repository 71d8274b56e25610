"""Frequencies, seasons, dates and windows."""

from __future__ import annotations

import numpy as np
import pytest

from recurra.data.series.calendar import (
    STEPS,
    Frequency,
    cycle_names,
    date_features,
    feature_names,
    frequency_named,
    infer_frequency,
)
from recurra.data.series.season import autocorrelation, find_season
from recurra.data.series.windows import divide, every_origin, rolling_origins, steps_for, window_candidates
from recurra.errors import UsageError


def times(start: str, stop: str, step: str) -> np.ndarray:
    unit, count = step[-1], int(step[:-1])
    return np.arange(start, stop, count, dtype=f"datetime64[{unit}]").astype("datetime64[s]")


@pytest.mark.parametrize(
    ("some", "name"),
    [
        (times("2020-01", "2022-01", "1M"), "monthly"),
        (times("2020-01", "2022-01", "3M"), "quarterly"),
        (times("2000", "2022", "1Y"), "yearly"),
        (times("2020-01-01", "2020-03-01", "1D"), "daily"),
        (times("2020-01-01", "2020-06-01", "7D"), "weekly"),
        (times("2020-01-01", "2020-01-03", "1h"), "hourly"),
        (times("2020-01-01T00", "2020-01-01T08", "15m"), "every 15 minutes"),
        ((times("2020-02", "2022-01", "1M").astype("datetime64[D]") - 1).astype("datetime64[s]"), "monthly"),
    ],
)
def test_frequency_and_its_steps(some: np.ndarray, name: str) -> None:
    found, odd = infer_frequency(some)
    assert found is not None
    assert (found.name, odd) == (name, 0)
    assert (found.step(some[0], np.arange(len(some))) == some).all()
    assert (found.positions(some) == np.arange(len(some))).all()


def test_gaps_keep_the_frequency() -> None:
    some = np.delete(times("2020-01-01", "2020-03-01", "1D"), [5, 6, 20])
    found, odd = infer_frequency(some)
    assert (found.name if found else "", odd) == ("daily", 0)


def test_a_time_between_steps_is_found() -> None:
    some = times("2020-01-01", "2020-01-10", "1D")
    some[4] += 60
    assert infer_frequency(some)[1] == 4


def test_named_frequencies() -> None:
    assert frequency_named("15min") == Frequency("second", 900)
    assert frequency_named("MS") == Frequency("month", 1)
    with pytest.raises(UsageError, match="unknown frequency 'often'"):
        frequency_named("often")


def test_date_features_come_round() -> None:
    cycles = cycle_names(Frequency("second", 3600), 14 * 24)
    assert cycles == ("hour of the day", "day of the week")
    found = date_features(times("2020-01-01", "2020-01-15", "1h"), cycles)
    assert found.shape[1] == len(feature_names(cycles)) == 4
    assert np.allclose(found[:24, 0], found[24:48, 0])
    assert not np.allclose(found[:24, 2], found[24:48, 2])


def test_a_cycle_counts_once_it_was_seen_twice() -> None:
    daily = Frequency("second", 86400)
    assert cycle_names(daily, 13) == ()
    assert cycle_names(daily, 14) == ("day of the week",)
    assert cycle_names(daily, 730) == ("day of the week", "day of the year")
    assert cycle_names(STEPS, 1000) == ()


def test_season_of_the_calendar_is_confirmed_or_not() -> None:
    rng = np.random.default_rng(0)
    t = np.arange(200)
    wave = np.sin(2 * np.pi * t / 12) + 0.1 * rng.normal(size=200) + 0.05 * t
    assert find_season([wave], (12,)).period == 12
    assert find_season([np.cumsum(rng.normal(size=200))], (12,)).period == 1
    assert find_season([np.ones(200)], (12,)).period == 1
    assert find_season([np.sin(2 * np.pi * t / 17)], ()).period == 17


def test_autocorrelation_leaves_missing_values_out() -> None:
    wave = np.sin(2 * np.pi * np.arange(240) / 24)
    wave[5:9] = np.nan
    found = autocorrelation(wave, 24)
    assert found[0] == 1
    assert found[24] == pytest.approx(1, abs=0.05)
    assert found[12] == pytest.approx(-1, abs=0.05)


def test_parts_and_origins() -> None:
    divided = divide(144, (0.7, 0.15, 0.15), 12, steps_for(5, 12, 12))
    assert (divided.train, divided.validation, divided.test) == (60, 84, 144)
    assert rolling_origins(84, 144, 12, 12) == [84, 96, 108, 120, 132]
    assert rolling_origins(84, 144, 12, 12, 2) == [120, 132]
    origins = every_origin([(0, 60)], 12, [24])
    assert (int(origins.step[0]), int(origins.step[-1])) == (24, 48)
    with pytest.raises(UsageError, match="step 0"):
        rolling_origins(0, 9, 1, 0)


def test_window_candidates() -> None:
    assert window_candidates([12], 12, 47) == [13, 24, 36]
    assert window_candidates([12], 12, 5) == [5]
    assert 365 in window_candidates([365, 7], 7, 2000)
