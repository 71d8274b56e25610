"""What inputs are worth to a forecaster: errors without them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from recurra.data.series.windows import Origins
from recurra.tasks.forecast.choosing import tried
from recurra.tasks.forecast.data import ForecastData, Part
from recurra.tasks.forecast.encoded import Encoded
from recurra.tasks.forecast.skips import linear_parts, values_of
from recurra.topologies.forecaster import Windows

Floats = npt.NDArray[np.float64]


def importance(network: nn.Module, encoded: Encoded, origins: Origins) -> list[tuple[str, float, float]]:
    """Of each input its name, the mean absolute error when it is permuted between the origins, and how much that is
    more, the largest first; the model as it is comes first of all. Units: as the values

    Source: Breiman 2001
    """
    made = encoded.preprocessor
    windows, truth = encoded.windows(origins), encoded.true(origins)[:, : made.block]
    base = _error(network, encoded, windows, truth)
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(origins)))
    found = []
    for name, changed in _permuted(encoded, windows, order):
        error = _error(network, encoded, changed, truth)
        found.append((name, error, error - base))
    return [("all as it is", base, 0.0), *sorted(found, key=lambda row: -row[2])]


def _permuted(encoded: Encoded, windows: Windows, order: torch.Tensor) -> list[tuple[str, Windows]]:
    made = encoded.preprocessor
    new = min(made.block, made.window - 1)
    # what is permuted of the values is their course, not their level: that of the window stays
    level, scale = windows.values[:, -1:], windows.scale.unsqueeze(1)
    course = (windows.values - level) / scale
    other = course[order] * scale + level
    found: list[tuple[str, Windows]] = []
    if new:
        recent = torch.cat([windows.values[:, :-new], other[:, -new:]], 1)
        found.append((f"the newest {new} steps of the window", replace(windows, values=recent)))
    if made.window > new:
        older = torch.cat([other[:, :-new], windows.values[:, -new:]], 1) if new else other
        found.append(
            (f"the {made.window - new} steps before them" if new else "the window", replace(windows, values=older))
        )
    for k, name in enumerate(made.columns.past):
        found.append((name, replace(windows, past=_swapped(windows.past, [k], order))))
    count = len(made.columns.future)
    for k, name in enumerate(made.columns.future):
        found.append((f"{name}, known ahead", replace(windows, ahead=_swapped(windows.ahead, [k], order))))
    if made.dates:
        dates = list(range(count, windows.ahead.shape[-1]))
        found.append(("the calendar", replace(windows, ahead=_swapped(windows.ahead, dates, order))))
    for k, name in enumerate(made.columns.static):
        found.append((f"{name}, static", replace(windows, static=_swapped(windows.static, [k], order))))
    return found


def by_memory(network: nn.Module, encoded: Encoded, origins: Origins) -> tuple[list[int], list[float]]:
    """Numbers of newest steps, and the mean absolute error when the older ones are replaced by the oldest of these."""
    made = encoded.preprocessor
    windows, truth = encoded.windows(origins), encoded.true(origins)[:, : made.block]
    counts = np.unique(np.round(np.geomspace(1, made.window, min(10, made.window))).astype(np.int64)).tolist()
    errors = []
    for count in counts:
        values = windows.values.clone()
        values[:, : made.window - count] = values[:, made.window - count : made.window - count + 1]
        errors.append(_error(network, encoded, replace(windows, values=values), truth))
    return counts, errors


def ridge_by_memory(data: ForecastData, part: Part, counts: list[int]) -> list[float]:
    """The mean absolute errors of ridge regressions that are fitted to so many newest steps, NaN where none can be.

    They have no other memory than their window. Units: as the values
    """
    encoded, truth = part.encoded, part.encoded.true(part.origins)
    errors = []
    for count in counts:
        # of one or two values there is no deviation to normalise by
        made = replace(data.preprocessor, window=count, by_window=data.preprocessor.by_window and count > 2)
        found = tried(made, replace(data.encoded, preprocessor=made), data.parts)
        if found is None:
            errors.append(float("nan"))
            continue
        inputs, _, last, scale = linear_parts(replace(encoded, preprocessor=made), part.origins)
        values = values_of(found.skip.predict(inputs), last, scale, made)
        errors.append(float(np.nanmean(np.abs(values - truth[:, : made.block]))))
    return errors


def _swapped(columns: torch.Tensor, which: list[int], order: torch.Tensor) -> torch.Tensor:
    made = columns.clone()
    made[..., which] = columns[order][..., which]
    return made


@torch.inference_mode()
def _error(network: nn.Module, encoded: Encoded, windows: Windows, truth: Floats) -> float:
    made = encoded.preprocessor
    network.eval()
    quantiles, _ = network(windows.to(next(network.parameters()).device))
    median = made.transform.inverse(quantiles[..., made.levels.index(0.5)].double().cpu().numpy())
    return float(np.nanmean(np.abs(median - truth)))
