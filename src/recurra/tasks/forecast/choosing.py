"""What the network's window, transform and scale are: what a linear forecast does best with on validation.

A ridge regression takes a fraction of a second, so that all are tried before the network is built; the best one's
regression becomes its skip. So does a perceptron beside it, where the validation part shows that the series bends.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from recurra.baselines.forecast.drawn_perceptron import DrawnPerceptron, draw, hidden
from recurra.baselines.forecast.perceptron import fit_perceptron
from recurra.baselines.forecast.ridge import Ridge, fit_path
from recurra.data.series.calendar import cycle_names
from recurra.data.series.panel import Panel
from recurra.data.series.scaling import Transform, possible_transforms, transform_for
from recurra.data.series.windows import Origins
from recurra.tasks.forecast.encoded import Encoded, encode
from recurra.tasks.forecast.preprocessor import Preprocessor, fitted
from recurra.tasks.forecast.skips import Examples, Parts, Skip, examples, values_of

Floats = npt.NDArray[np.float64]

MARGIN = 0.01
"""The share by which a forecast that reads the calendar must be better than one that does not."""
SCALES = {"window": (True, False), "series": (False, False), "level": (False, True)}
"""Of each way to normalise, what a preprocessor holds as by_window and by_level."""
SURE = 1.645
"""Standard errors by which what is learned must lower the error, of many forecasts: chance does so in one of twenty."""
UNITS, NETWORKS = 256, 2
"""Of the perceptron; trainings whose mean a trained one is."""
MOST_BENT = 4000
"""Windows that drawn perceptrons are fitted to; of more, every so many."""
FEWEST_APART = 8
"""Forecasts of validation that do not overlap, from which one is trained: of fewer nothing would be shown."""
STEPS = (1, 2, 3, 5, 8, 13)
"""Newest values that a perceptron may read, as far as the window has them."""


@dataclass(frozen=True)
class Chosen:
    """A preprocessor, the series as it encodes them, and the skip in its normalised units.

    examples: what it was fitted to and chosen by; error: the pinball loss on validation, as the values' own units over
    each series' scale; absolute: the mean absolute error of each forecast there; tried: how many there were; linear:
    the best without a perceptron, if this has one
    """

    preprocessor: Preprocessor
    encoded: Encoded
    skip: Skip
    examples: Examples
    error: float
    absolute: Floats
    tried: int = 1
    linear: Chosen | None = None

    def aside(self) -> Floats:
        """What skips say of windows of training that they were not fitted to, normalised. [N, H * K]"""
        found = self.examples
        return self.skip.cross_fitted(found.train.inputs, found.targets, self.preprocessor.block)

    def residuals(self) -> Floats:
        """What these leave, normalised. [N, H, K]"""
        left = self.examples.targets - self.aside()
        return left.reshape(len(left), self.preprocessor.block, -1)

    def errors(self) -> dict[tuple[int, int], float]:
        """Of each origin, by series and step, the mean absolute error of a skip that was not fitted to it.

        Of a perceptron that was trained, those of validation alone.
        """
        found = self.examples
        every = [(found.held_out, self.absolute)]
        if self.skip.perceptron is None or not self.skip.perceptron.trained:
            every.append((found.train, found.train.absolute(self.aside(), self.preprocessor)))
        return {origin: error for seen, some in every for origin, error in zip(seen.origins.each(), some, strict=True)}


def choose(
    panel: Panel,
    parts: Parts,
    *,
    windows: Sequence[int],
    transform: str,
    normalise: str,
    dates: bool | None,
    fixed: dict[str, Any],
) -> Chosen | None:
    """The best of the windows, the transforms, the scales, and of reading the calendar or not.

    By level, and with a perceptron beside the regression, where they are `better`.

    transform, normalise: "auto" for all that are possible; dates: None for both; fixed: what else a preprocessor holds
    None if no window leaves FEWEST examples
    """
    known = [one.target[:end] for one, end in zip(panel.series, parts.validation, strict=True)]
    transforms = possible_transforms(known) if transform == "auto" else [_named(transform, known)]
    scales = list(SCALES) if normalise == "auto" else [normalise]
    cycles = cycle_names(panel.frequency, max(parts.train))
    nothing: tuple[str, ...] = ()
    calendars = sorted({nothing, cycles}) if dates is None else [cycles if dates else nothing]
    best: dict[str, Chosen] = {}
    count = 0
    for one in transforms:
        for read in calendars:
            start = fitted(panel, parts.train, one, window=max(windows), by_window=True, cycles=read, **fixed)
            encoded = encode(panel, start)
            for window, scale in product(windows, scales):
                by_window, by_level = SCALES[scale]
                made = replace(start, window=window, by_window=by_window, by_level=by_level)
                found = tried(made, replace(encoded, preprocessor=made), parts)
                count += found is not None
                if found is not None and (scale not in best or _cost(found) < _cost(best[scale])):
                    best[scale] = found
    if not best:
        return None
    chosen = min((one for scale, one in best.items() if scale != "level" or len(best) == 1), key=_cost)
    level = best.get("level")
    bends = [bent for one in (level, chosen) if one is not None and (bent := bending(one)) is not None]
    count += len(bends) * len(STEPS)
    bent = min(bends, key=lambda one: float(np.nanmean(one.absolute)), default=None)
    # where a series drifts, as prices do, its level in training says nothing, and may seem to
    if level is not None and better(level, chosen):
        chosen = level
    linear = chosen
    chosen = steadiest(chosen)
    deep = linear if level is None else level
    enough = apart(deep.examples.held_out.origins, deep.preprocessor.block) >= FEWEST_APART
    for other in (bent, trained(deep) if enough else None):
        if other is not None and better(other, chosen):
            chosen = replace(other, linear=linear)
    return replace(chosen, tried=count)


def tried(made: Preprocessor, encoded: Encoded, parts: Parts) -> Chosen | None:
    """A regression with the penalty that validation likes best; None where too few windows are left."""
    found = examples(made, encoded, parts)
    if found is None:
        return None
    skips = (Skip(ridge) for ridge in fit_path(found.train.inputs, found.targets))
    seen = found.held_out
    absolute, skip = min(((seen.absolute(one.predict(seen.inputs), made), one) for one in skips), key=_mean)
    residuals = found.targets - skip.predict(found.train.inputs)
    offsets = np.quantile(residuals, made.levels, axis=0)
    offsets = offsets - offsets[made.levels.index(0.5)]
    median = skip.predict(seen.inputs)
    error = 0.0
    for level, offset in zip(made.levels, offsets, strict=True):
        over = (seen.truth - values_of(median + offset, seen.last, seen.scale, made)) / seen.size[:, None]
        error += float(np.nanmean(np.maximum(level * over, (level - 1) * over)))
    return Chosen(made, encoded, skip, found, 2 * error / len(made.levels), absolute)


def bending(chosen: Chosen) -> Chosen | None:
    """With the perceptron that validation likes best, of all that read a number of newest values.

    Of what the regression leaves, or in its place: one over a long window hides what follows from the newest values.
    """
    made, found = chosen.preprocessor, chosen.examples
    width = made.widths.target
    (mean,) = fit_path(found.train.inputs, found.targets, (math.inf,))
    every = -(-len(found.targets) // MOST_BENT)
    best: Chosen | None = None
    for steps in STEPS:
        if steps > made.window:
            break
        first = (made.window - steps) * width
        inputs, unseen = found.train.inputs[::every, first:], found.held_out.inputs[:, first:]
        weight, bias = draw(inputs, UNITS, steps)
        units, seen = hidden(inputs, weight, bias), hidden(unseen, weight, bias)
        for linear in (chosen.skip.ridge, mean):
            left = found.targets[::every] - linear.predict(found.train.inputs[::every])
            said = linear.predict(found.held_out.inputs)
            for output in fit_path(units, left):
                perceptron = DrawnPerceptron.of(weight, bias, output, left)
                absolute = found.held_out.absolute(said + perceptron.bounded(seen), made)
                if best is None or np.nanmean(absolute) < np.nanmean(best.absolute):
                    read = replace(made, drawn_units=UNITS, drawn_steps=steps)
                    skip = Skip(linear, perceptron, first)
                    encoded = replace(chosen.encoded, preprocessor=read)
                    best = replace(chosen, preprocessor=read, encoded=encoded, skip=skip, absolute=absolute)
    return best


def trained(chosen: Chosen) -> Chosen:
    """With a perceptron that reads the whole window, in place of the regression: what drawn units cannot learn of many
    values, descent can. The mean of NETWORKS that begin with other weights, as one of all their units."""
    made, found = chosen.preprocessor, chosen.examples
    (mean,) = fit_path(found.train.inputs, found.targets, (math.inf,))
    left, wanted = found.targets - mean.bias, found.wanted - mean.bias
    networks = [
        fit_perceptron(found.train.inputs, left, (found.held_out.inputs, wanted), activation="tanh", seed=seed)
        for seed in range(NETWORKS)
    ]
    layers = [[layer for layer in network.layers if isinstance(layer, nn.Linear)] for network in networks]
    weight, out = (np.concatenate([_array(two[k].weight).T for two in layers], 1 - k) for k in (0, 1))
    bias = np.concatenate([_array(into.bias) for into, _ in layers])
    output = Ridge(out / NETWORKS, np.mean([_array(last.bias) for _, last in layers], axis=0), 0.0)
    skip = Skip(mean, DrawnPerceptron.of(weight, bias, output, left, trained=True))
    read = replace(made, drawn_units=len(bias), drawn_steps=made.window)
    absolute = found.held_out.absolute(skip.predict(found.held_out.inputs), made)
    encoded = replace(chosen.encoded, preprocessor=read)
    return replace(chosen, preprocessor=read, encoded=encoded, skip=skip, absolute=absolute)


def note_of(chosen: Chosen) -> str:
    """What was chosen, as a note of the training."""
    made = chosen.preprocessor
    scale = "its own deviation" if made.by_window else "the deviation of its series"
    if made.by_level:
        scale = "the mean and deviation of its series"
    calendar = f"with {', '.join(made.cycles)}" if made.dates else "without the calendar"
    transform = "values as they are" if made.transform.name == "none" else f"{made.transform.name} of the values"
    asked = "" if chosen.tried > 1 else "as asked for: "
    best = f", best of {chosen.tried} by a ridge regression on validation" if chosen.tried > 1 else ""
    bends = ""
    if chosen.skip.perceptron is not None:
        where = "in place of" if math.isinf(chosen.skip.ridge.alpha) else "beside"
        bends = (
            f"; a perceptron that reads the newest {made.drawn_steps} stands {where} the regression: the series bends"
        )
    elif math.isinf(chosen.skip.ridge.alpha):
        still = "the last value" if chosen.skip.still else "the last value and the mean change after it"
        bends = f"; {still} alone has lower errors on validation and in training, and takes its place"
    return f"{asked}windows of {made.window} steps by {scale}, {transform}, {calendar}{best}{bends}"


def steadiest(chosen: Chosen) -> Chosen:
    """Without what the regression reads, if repeating the last value, or that and the mean change after it, has the
    lower error, on validation and in the folds of training together: of a random walk it would only learn noise."""
    found, best, most = chosen.examples, chosen, 0.0
    (mean,) = fit_path(found.train.inputs, found.targets, (math.inf,))
    for skip in (Skip.repeating(*mean.weight.shape), Skip(mean)):
        absolute = found.held_out.absolute(skip.predict(found.held_out.inputs), chosen.preprocessor)
        still = replace(chosen, skip=skip, absolute=absolute, linear=chosen)
        gain, _ = _gain(still, chosen)
        if len(gain) and gain.mean() > most:
            best, most = still, float(gain.mean())
    return best


def better(one: Chosen, other: Chosen) -> bool:
    """Whether its errors are lower than the other's by more than chance: on validation, and there and in the folds of
    training together."""
    if not np.nanmean(one.absolute) < np.nanmean(other.absolute):
        return False
    gain, origins = _gain(one, other)
    if len(gain) < 2:
        return False
    count = apart(origins, one.preprocessor.block)
    return float(gain.mean()) > sure(count) * float(gain.std(ddof=1)) / math.sqrt(count)


def _gain(one: Chosen, other: Chosen) -> tuple[Floats, Origins]:
    """How much lower its error is than the other's, of each origin where both are known."""
    after, before = one.errors(), other.errors()
    both = sorted(after.keys() & before.keys())
    gain = np.array([before[origin] - after[origin] for origin in both])
    known = np.flatnonzero(~np.isnan(gain))
    origins = Origins(*(np.array([origin[k] for origin in both], np.int64) for k in range(2)))
    return gain[known], origins[known]


def sure(count: float) -> float:
    """Standard errors that chance exceeds once in twenty times, of so many independent ones (Student's t, by its
    expansion around the normal distribution)."""
    z, freedom = SURE, max(count - 1, 1.0)
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)


def apart(origins: Origins, horizon: int) -> float:
    """How many forecasts that do not overlap they are worth."""
    found = 0.0
    for series in np.unique(origins.series):
        steps = origins.step[origins.series == series]
        between = float(np.ptp(steps)) / max(len(steps) - 1, 1)
        found += max(1.0, len(steps) * min(between / horizon, 1.0))
    return found


def _array(weight: Tensor) -> Floats:
    return weight.detach().double().numpy()


def _mean(found: tuple[Floats, Skip]) -> float:
    return float(np.nanmean(found[0]))


def _cost(found: Chosen) -> float:
    """The error, with what the calendar must be better by: it is more to learn from the same windows."""
    return found.error * (1 + (MARGIN if found.preprocessor.dates else 0.0))


def _named(name: str, values: list[Floats]) -> Transform:
    return transform_for(name, values)  # type: ignore[arg-type]
