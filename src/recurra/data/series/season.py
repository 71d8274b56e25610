"""The season of series: what the calendar suggests and the autocorrelation confirms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

LEAST = 0.2
"""Autocorrelation from which a period is a season."""


@dataclass(frozen=True)
class Season:
    """period: steps, 1 for none; strength: the autocorrelation there, -1 to 1; why: how it was found, for people."""

    period: int
    strength: float
    why: str


def autocorrelation(values: Floats, most: int) -> Floats:
    """Of the lags 0 to `most`, over the pairs of which neither is missing. [most + 1], -1 to 1

    A constant series has none: zeros after lag 0.
    """
    known = ~np.isnan(values)
    centred = np.where(known, values - np.nanmean(values), 0.0) if known.any() else np.zeros_like(values)
    size = 1 << (2 * len(values) - 1).bit_length()
    power = np.fft.rfft(centred, size)
    pairs = np.fft.rfft(known.astype(float), size)
    sums = np.fft.irfft(power * power.conj(), size)[: most + 1]
    counts = np.maximum(np.round(np.fft.irfft(pairs * pairs.conj(), size)[: most + 1]), 1)
    variance = sums[0] / counts[0]
    found = np.zeros(most + 1)
    found[0] = 1.0
    if variance > 0:
        found[1:] = (sums[1:] / counts[1:]) / variance
    return np.clip(found, -1.0, 1.0)


def find_season(series: Sequence[Floats], suggested: Sequence[int]) -> Season:
    """The strongest of the periods that the calendar suggests, over all series.

    Trend would look like a season at any lag, so that what is looked at are differences; a period is confirmed if the
    autocorrelation there is at least LEAST, or if it is a peak that the noise of that many values hardly makes (three
    standard errors), and if two whole periods were seen. Without a suggestion, the first strong peak is taken.
    Errors: none; series that are too short or constant have no season
    """
    tried: list[tuple[float, int]] = []
    for period in suggested:
        found = _mean_strength(series, period)
        if found is not None:
            tried.append((found, period))
    confirmed = [(strength, period) for strength, period in tried if strength >= _enough(series, period)]
    if confirmed:
        strength, period = max(confirmed)
        return Season(period, strength, f"the calendar suggests {period}, autocorrelation {strength:.2f}")
    if not suggested:
        peak = _peak(series)
        if peak is not None:
            return Season(peak[1], peak[0], f"the autocorrelation has its peak at {peak[1]}, {peak[0]:.2f}")
        return Season(1, 0.0, "no peak of the autocorrelation")
    strengths = ", ".join(f"{period} ({strength:.2f})" for strength, period in tried)
    reason = f"autocorrelation at {strengths}" if strengths else "the series are too short for two periods"
    return Season(1, 0.0, f"none confirmed: {reason}")


def _enough(series: Sequence[Floats], period: int) -> float:
    values = sum(len(one) for one in series if len(one) > 2 * period)
    return min(LEAST, max(0.05, 3.0 / math.sqrt(max(values, 1))))


def _mean_strength(series: Sequence[Floats], period: int) -> float | None:
    """Autocorrelation at a period: of smoothed values without their trend where steps are noisy."""
    found = [_strength(one, period) for one in series if len(one) >= 2 * period + 2]
    return float(np.mean(found)) if found else None


def _strength(values: Floats, period: int) -> float:
    steps = np.diff(values)
    at_steps = autocorrelation(steps, period + 1)[period]
    if period < 30:
        return float(at_steps)
    line = _without_line(values)  # of a long period a single step says little
    return float(max(at_steps, autocorrelation(line, period + 1)[period]))


def _without_line(values: Floats) -> Floats:
    known = ~np.isnan(values)
    if known.sum() < 3:
        return values
    place = np.arange(len(values))
    slope, level = np.polyfit(place[known], values[known], 1)
    return np.asarray(values - slope * place - level)


def _peak(series: Sequence[Floats]) -> tuple[float, int] | None:
    longest = max((len(one) for one in series), default=0)
    most = min(longest // 3, 400)
    if most < 4:
        return None
    curves = [autocorrelation(_without_line(one), most) for one in series if len(one) > most + 1]
    if not curves:
        return None
    curve = np.mean(curves, axis=0)
    below = np.flatnonzero(curve < 0)
    if not len(below):
        return None
    later = curve[below[0] :]
    place = int(below[0] + later.argmax())
    if curve[place] < LEAST or place < 2 or place >= most:
        return None
    return float(curve[place]), place
