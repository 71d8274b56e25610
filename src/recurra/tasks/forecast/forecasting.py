"""Quantiles of a network at many origins, in transformed units."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from recurra.data.series import intervals
from recurra.data.series.intervals import PATHS, at_levels
from recurra.data.series.windows import Origins
from recurra.tasks.forecast.encoded import Encoded
from recurra.topologies.forecaster import Windows
from recurra.training.processes.spread import spread

Floats = npt.NDArray[np.float64]

BLOCK = 512
"""Rows that go through a network at once."""


def forecast(network: nn.Module, encoded: Encoded, origins: Origins, horizon: int | None = None) -> Floats:
    """Quantiles at each origin, transformed. [N, H, K, Q]

    A horizon that is longer than what the network gives at once is reached by reading its own steps: PATHS possible
    ones are drawn from its quantiles (one level for all steps that it gives at once; the same ones at every call), and
    the quantiles of these are taken. What is known ahead must reach as far.
    """
    made = encoded.preprocessor
    steps = made.horizon if horizon is None else horizon
    direct = steps <= made.block
    size = BLOCK if direct else max(1, BLOCK // PATHS)

    def of_block(start: int) -> Floats:
        some = origins[slice(start, start + size)]
        return _direct(network, encoded.windows(some))[:, :steps] if direct else _paths(network, encoded, some, steps)

    found = spread(range(0, len(origins), size), of_block)
    if not found:
        return np.zeros((0, steps, made.widths.target, len(made.levels)))
    return np.concatenate(found)


@torch.inference_mode()
def _direct(network: nn.Module, windows: Windows) -> Floats:
    network.eval()
    quantiles, _ = network(windows.to(next(network.parameters()).device))
    return np.asarray(quantiles.double().cpu().numpy())


def _paths(network: nn.Module, encoded: Encoded, origins: Origins, steps: int) -> Floats:
    """Each row of the batch is one possible course of one origin. [N, steps, K, Q]"""
    made = encoded.preprocessor
    count, block = len(origins), made.block
    windows = encoded.windows(origins)
    seen = Windows(**{f.name: getattr(windows, f.name).repeat_interleave(PATHS, 0) for f in fields(windows)})
    ahead = encoded.ahead_of(origins, steps + block).repeat_interleave(PATHS, 0)
    order = np.random.default_rng(0)
    courses = []
    for begun in range(0, steps, block):
        here = ahead[:, begun : begun + made.window + block]
        quantiles = _direct(network, replace(seen, ahead=here))
        level = (order.permutation(PATHS) + 0.5) / PATHS
        course = at_levels(quantiles, np.array(made.levels), np.tile(level, count))
        courses.append(course)
        more = torch.from_numpy(course.astype(np.float32))
        # of covariates that are known until now, the last ones go on
        same = seen.past[:, -1:].expand(-1, block, -1)
        seen = replace(
            seen,
            values=torch.cat([seen.values, more], 1)[:, -made.window :],
            missing=torch.cat([seen.missing, torch.zeros_like(more)], 1)[:, -made.window :],
            past=torch.cat([seen.past, same], 1)[:, -made.window :],
        )
    whole = np.concatenate(courses, 1)[:, :steps].reshape(count, PATHS, steps, -1)
    return np.moveaxis(np.quantile(whole, made.levels, axis=1), 0, -1)


def calibrated(
    network: nn.Module, encoded: Encoded, origins: Origins, horizon: int | None = None
) -> tuple[Floats, Floats]:
    """Quantiles as the values were, and the factor of each origin; see data.series.intervals. [N, H, K, Q], [N]"""
    return intervals.calibrated(lambda *asked: forecast(network, encoded, *asked), encoded, origins, horizon)
